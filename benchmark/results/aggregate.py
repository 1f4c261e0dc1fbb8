"""Aggregate stored values into a run's rows: means, 95 % intervals, reasons of gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmark.composite import split_treatment
from benchmark.core.seeds import seed_of
from benchmark.core.training_exposure import UNNAMED
from benchmark.metrics import METRICS
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import (
    UNBOUNDED,
    UNDEFINED,
    Bounds,
    Interval,
    mean_intervals,
    share_intervals,
)
from benchmark.results.forgery_cells import forgery_cells
from benchmark.results.gaps import NO_PACKAGE, NO_WEIGHTS, NOT_DEFINED
from benchmark.results.rounding import rounded
from benchmark.results.rows import Met, ResultRow, weights_text
from benchmark.runner.conditions import Condition, conditions_of, null_conditions
from benchmark.runner.outcome import Failure
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import ResolvedPlan, known_metrics, metric_of
from benchmark.store.store import Store


def aggregate(jobs: PlanJobs, store: Store, failures: Sequence[Failure]) -> Iterator[ResultRow]:
    """Yield every cell of a plan, in the plan's order: by bin within a metric.

    Args:
        jobs: the plan's jobs.
        store: store that holds the rows.
        failures: failures of the run; samples that it skipped are not expected.
    """
    resolved = jobs.resolved
    if resolved.plan.forgeries is not None:
        yield from forgery_cells(jobs, store, failures)
        return
    for dataset in resolved.plan.datasets:
        buckets = _buckets(jobs, dataset, failures)
        drafts = [
            draft
            for view in conditions_of(
                resolved, (*resolved.all_detectors, None), resolved.all_inpainters
            )
            for draft in _drafts(jobs, store, (dataset, view, _metrics(resolved, view)), buckets)
        ]
        for view in null_conditions(resolved):
            drafts += _drafts(jobs, store, (dataset, view, resolved.null_names), buckets)
        yield from _finished(drafts, seed_of("interval", resolved.plan.seed))


def _metrics(resolved: ResolvedPlan, view: Condition) -> tuple[str, ...]:
    """Return the plan's metrics, and those of known pixels where these may change."""
    return tuple(dict.fromkeys((*resolved.plan.metrics, *known_metrics(view.treatment))))


@dataclass(frozen=True, slots=True)
class _Draft:
    """A cell without its interval, and the (N,) values of its metric per sample, if it is defined.

    The intervals of many cells are computed together, those of means from the same draws.
    """

    cell: ResultRow
    interval: Interval | None = None
    values: NDArray[np.float64] | None = None
    bounds: Bounds = UNBOUNDED
    share: bool = False


def _buckets(jobs: PlanJobs, dataset: str, failures: Sequence[Failure]) -> dict[str, list[int]]:
    """Return the indices of a data set's expected samples, by bin."""
    skipped = {(one.dataset, one.sample, one.bucket) for one in failures if one.kind == "skipped"}
    samples = jobs.resolved.samples
    return {
        bucket: [
            index
            for index in jobs.by_cell.get((dataset, bucket), ())
            if (dataset, samples[index].id, bucket) not in skipped
        ]
        for bucket in jobs.resolved.plan.buckets
    }


def _drafts(
    jobs: PlanJobs,
    store: Store,
    where: tuple[str, Condition, Iterable[str]],
    buckets: dict[str, list[int]],
) -> Iterator[_Draft]:
    dataset, view, metrics = where
    resolved = jobs.resolved
    for requested in metrics:
        name = metric_of(requested, view.inpainter, view.treatment)
        metric = METRICS.load(name)()
        if (metric.needs == "verdict") != (view.detector is not None):
            continue
        gap = _absent(view) or resolved.gaps.get(requested, "") or _no_null(resolved, view, metric)
        keys = None if gap else jobs.measure_keys_of(name, view)
        for bucket, places in buckets.items():
            found = store.measurements(keys.at(places)) if keys else []
            about = _about(resolved, view, dataset, bucket, metric.name)
            yield _draft(
                metric,
                [row for row in found if row is not None],
                replace(about, expected=len(places), reason=gap),
                resolved,
            )


def _about(
    resolved: ResolvedPlan, view: Condition, dataset: str, bucket: str, metric: str
) -> ResultRow:
    """Return an empty cell."""
    composite, retouch = split_treatment(view.treatment)
    return ResultRow(
        dataset=dataset,
        launder=view.launder,
        detector=view.detector.name if view.detector else "",
        inpainter=view.inpainter.name,
        composite=composite,
        retouch=retouch,
        bucket=bucket,
        metric=metric,
        value=None,
        n=0,
        expected=0,
        low=None,
        high=None,
        weights=weights_text({one.name: one.weights.edition for one in view.models}),
        sees_hole=view.inpainter.card.sees_hole and not resolved.plan.hole_blind,
        met=_met(resolved, view),
    )


def _met(resolved: ResolvedPlan, view: Condition) -> Met:
    """Return whether the detector's training set contained images of the inpainter, if known."""
    met = resolved.met.get(view.detector.name) if view.detector else None
    if met == frozenset():  # trained on no inpainter, so not on a plugin either
        return "no"
    if met is None or view.inpainter.source:  # a plugin may wrap any model
        return ""
    if view.inpainter.name in met:
        return "yes"
    return "" if UNNAMED in met else "no"  # some training forgeries are by nobody knows whom


def _draft(
    metric: Metric,
    measured: Sequence[NDArray[np.float64]],
    about: ResultRow,
    resolved: ResolvedPlan,
) -> _Draft:
    rows = np.stack(measured) if measured else np.empty((0, 1))
    n = int(metric.counted(rows).sum())
    reason = about.reason or _gap(about.expected, len(measured), n)
    cell = replace(about, n=n, reason=reason)
    if reason:
        return _Draft(cell)
    cell = replace(cell, value=rounded(metric.reduce(rows)))
    if type(metric).interval is Metric.interval:  # mean or share: computed with all others
        return _Draft(cell, None, metric.values(rows), metric.bounds, metric.share)
    seed = seed_of("interval", resolved.plan.seed)
    return _Draft(cell, interval=metric.interval(rows, seed=seed))


def _finished(drafts: Sequence[_Draft], seed: int) -> Iterator[ResultRow]:
    """Yield the cells with their intervals; means over equally many samples share their draws."""
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


def _absent(view: Condition) -> str:
    if view.inpainter.absent:
        return NO_PACKAGE if view.inpainter.card.weightless else NO_WEIGHTS
    detector = view.detector
    return f"{NO_WEIGHTS} for {detector.name}" if detector and detector.absent else ""


def _no_null(resolved: ResolvedPlan, view: Condition, metric: Metric) -> str:
    return resolved.null_omitted_reason(view.detector) if metric.null_of and view.detector else ""


def _gap(expected: int, measured: int, counted: int) -> str:
    if expected == 0:
        return "no sample has a hole of this size"
    if measured < expected:
        return f"only {measured} of {expected} samples were measured"
    if counted == 0:
        return NOT_DEFINED
    return ""


def _ends(interval: Interval) -> tuple[float | None, float | None]:
    """Return both ends, rounded; None if too few samples count for an interval."""
    low, high = interval.low, interval.high
    return (None, None) if np.isnan(low) else (rounded(low), rounded(high))
