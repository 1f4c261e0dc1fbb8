"""From stored rows to cells: the mean over a bucket's samples, its interval, why a gap is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from benchmark.core.seeds import seed_of
from benchmark.metrics import METRICS, revision_of
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import (
    UNBOUNDED,
    UNDEFINED,
    Bounds,
    Interval,
    mean_intervals,
    share_intervals,
)
from benchmark.retouch import retouched_name
from benchmark.runner.jobs import SampleRef
from benchmark.runner.outcome import Failure
from benchmark.runner.setup import Setup
from benchmark.runner.store import Store
from benchmark.runner.views import Keys, View, null_views, views

NO_WEIGHTS = "no weights here"  # why an absent inpainter's cells are gaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number of a table.

    Attributes:
        dataset: the data set's name.
        launder: what was done to the painted picture before detection, or "".
        detector: the detector's name, or "" for a metric of the picture alone.
        inpainter: the inpainter's name.
        retouch: what was done to the hole after it, or "".
        bucket: the hole's bucket, such as "10-20".
        metric: the metric's name; `acc` on authentic pictures is called `false_alarm`.
        value: the number, or None for a gap.
        n: samples that count in it.
        expected: samples that should.
        low: lower end of the 95 % interval (docs/statistics.md), or None.
        high: upper end, or None.
        weights: the weights behind it, such as "safepaint=mini trufor=official".
        sees_hole: whether the inpainter looked at what the picture shows inside the hole.
        reason: why there is no number, or "".
    """

    dataset: str
    detector: str
    inpainter: str
    bucket: str
    metric: str
    value: float | None
    n: int
    expected: int
    low: float | None
    high: float | None
    weights: str
    retouch: str = ""
    launder: str = ""
    sees_hole: bool = False
    reason: str = ""

    @property
    def painter(self) -> str:
        """What tables call the inpainter, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter, self.retouch)


def cells(setup: Setup, store: Store, failures: Sequence[Failure]) -> Iterator[Cell]:
    """Every cell of a plan, in the plan's order: bucket by bucket within a metric.

    Args:
        setup: the prepared plan.
        store: where the rows are.
        failures: what the run could not do; samples it skipped are not expected.
    """
    for dataset in setup.plan.datasets:
        buckets = _buckets(setup, dataset, failures)
        drafts = [
            draft
            for view in views(setup, (*setup.all_detectors, None), setup.all_inpainters)
            for draft in _drafts(setup, store, (dataset, view, setup.plan.metrics), buckets)
        ]
        for view in null_views(setup):
            drafts += _drafts(setup, store, (dataset, view, setup.null_names), buckets)
        yield from _finished(drafts, seed_of("interval", setup.plan.seed))


@dataclass(frozen=True, slots=True)
class _Draft:
    """A cell without its interval: what its metric came to on each sample, (N,), where it has one.

    The intervals of many cells are made together, those of means from the same draws.
    """

    cell: Cell
    interval: Interval | None = None
    values: NDArray[np.float64] | None = None
    bounds: Bounds = UNBOUNDED
    share: bool = False


def _buckets(setup: Setup, dataset: str, failures: Sequence[Failure]) -> dict[str, list[SampleRef]]:
    """A data set's samples that are expected, by bucket."""
    skipped = {(one.dataset, one.sample, one.bucket) for one in failures if one.kind == "skipped"}
    buckets: dict[str, list[SampleRef]] = {label: [] for label in setup.plan.buckets}
    for sample in setup.samples:
        used = (sample.dataset, sample.id, sample.bucket) not in skipped
        if sample.dataset == dataset and used:
            buckets[sample.bucket].append(sample)
    return buckets


def _drafts(
    setup: Setup,
    store: Store,
    where: tuple[str, View, Iterable[str]],
    buckets: dict[str, list[SampleRef]],
) -> Iterator[_Draft]:
    dataset, view, metrics = where
    here = None if _absent(view) else Keys(setup, view, list(chain.from_iterable(buckets.values())))
    for name in metrics:
        metric = METRICS.load(name)()
        if (metric.needs == "verdict") != (view.detector is not None):
            continue
        gap = _absent(view) or setup.gaps.get(name, "") or _no_null(setup, view, metric)
        found = [] if gap or here is None else store.rows(here.measured(name, revision_of(name)))
        start = 0
        for bucket, samples in buckets.items():
            rows = [row for row in found[start : start + len(samples)] if row is not None]
            start += len(samples)
            about = _about(setup, view, dataset, bucket, metric.name)
            yield _draft(metric, rows, replace(about, expected=len(samples), reason=gap), setup)


def _about(setup: Setup, view: View, dataset: str, bucket: str, metric: str) -> Cell:
    """A cell with nothing in it yet."""
    return Cell(
        dataset=dataset,
        launder=view.launder,
        detector=view.detector.name if view.detector else "",
        inpainter=view.inpainter.name,
        retouch=view.retouch,
        bucket=bucket,
        metric=_named(metric, view),
        value=None,
        n=0,
        expected=0,
        low=None,
        high=None,
        weights=" ".join(f"{model.name}={model.weights.edition}" for model in view.models),
        sees_hole=view.inpainter.card.sees_hole and not setup.plan.hole_blind,
    )


def _draft(
    metric: Metric, measured: Sequence[NDArray[np.float64]], about: Cell, setup: Setup
) -> _Draft:
    rows = np.stack(measured) if measured else np.empty((0, 1))
    n = int(metric.counted(rows).sum())
    reason = about.reason or _gap(about.expected, len(measured), n)
    cell = replace(about, n=n, reason=reason)
    if reason:
        return _Draft(cell)
    cell = replace(cell, value=metric.reduce(rows))
    if type(metric).interval is Metric.interval:  # of a mean or share: made with all others
        return _Draft(cell, None, metric.values(rows), metric.bounds, metric.share)
    seed = seed_of("interval", setup.plan.seed)
    return _Draft(cell, interval=metric.interval(rows, seed=seed))


def _finished(drafts: Sequence[_Draft], seed: int) -> Iterator[Cell]:
    """The cells with their intervals; those of means of as many samples share their draws."""
    intervals = {index: one.interval for index, one in enumerate(drafts) if one.interval}
    alike: dict[tuple[int, bool], list[int]] = {}
    for index, draft in enumerate(drafts):
        if draft.values is not None:
            alike.setdefault((len(draft.values), draft.share), []).append(index)
    for (_, share), same in alike.items():
        values = np.stack([one for index in same if (one := drafts[index].values) is not None], 1)
        bounds = [drafts[index].bounds for index in same]
        found = share_intervals(values) if share else mean_intervals(values, bounds, seed=seed)
        intervals.update(zip(same, found, strict=True))
    for index, draft in enumerate(drafts):
        low, high = _ends(intervals.get(index, UNDEFINED))
        yield replace(draft.cell, low=low, high=high)


def _absent(view: View) -> str:
    if view.inpainter.absent:
        return NO_WEIGHTS
    detector = view.detector
    return f"{NO_WEIGHTS} for {detector.name}" if detector and detector.absent else ""


def _no_null(setup: Setup, view: View, metric: Metric) -> str:
    return setup.no_null(view.detector) if metric.null_of and view.detector else ""


def _gap(expected: int, measured: int, counted: int) -> str:
    if expected == 0:
        return "no sample has a hole of this size"
    if measured < expected:
        return f"only {measured} of {expected} samples were measured"
    if counted == 0:
        return "not defined for any of these samples"
    return ""


def _named(metric: str, view: View) -> str:
    """ACC of untouched pictures is a rate of false alarms; of retouched ones it is ACC."""
    untouched = not view.inpainter.card.paints and not view.retouch
    return "false_alarm" if metric == "acc" and untouched else metric


def _ends(interval: Interval) -> tuple[float | None, float | None]:
    """None where too few samples count for an interval."""
    return (None, None) if np.isnan(interval.low) else (interval.low, interval.high)
