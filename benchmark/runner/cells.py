"""From stored rows to cells: the mean over a bucket's samples, its interval, why a gap is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.core.seeds import seed_of
from benchmark.metrics import METRICS, revision_of
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import Interval
from benchmark.runner.jobs import Chosen, SampleRef, judge_job, measure_job
from benchmark.runner.outcome import Failure
from benchmark.runner.setup import Setup, fills
from benchmark.runner.store import Store

NO_WEIGHTS = "no weights here"  # why an absent inpainter's cells are gaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number of a table.

    Attributes:
        dataset: the data set's name.
        launder: what was done to the painted picture before detection, or "".
        detector: the detector's name, or "" for a metric of the picture alone.
        inpainter: the inpainter's name.
        bucket: the hole's bucket, such as "10-20".
        metric: the metric's name; `acc` on authentic pictures is called `false_alarm`.
        value: the number, or None for a gap.
        n: samples that count in it.
        expected: samples that should.
        low: lower end of the 95 % bootstrap interval, or None.
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
    launder: str = ""
    sees_hole: bool = False
    reason: str = ""


def cells(setup: Setup, store: Store, failures: Sequence[Failure]) -> Iterator[Cell]:
    """Every cell of a plan, in the plan's order: bucket by bucket within a metric.

    Args:
        setup: the prepared plan.
        store: where the rows are.
        failures: what the run could not do; samples it skipped are not expected.
    """
    for dataset in setup.plan.datasets:
        buckets = _buckets(setup, dataset, failures)
        for row in _lines(setup, dataset):
            for bucket, samples in buckets.items():
                yield _cell(setup, store, row, bucket, samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What the cells of all buckets share."""

    dataset: str
    inpainter: Chosen
    detector: Chosen | None
    launder: str
    metric: Metric

    @property
    def models(self) -> tuple[Chosen, ...]:
        return (self.inpainter, self.detector) if self.detector else (self.inpainter,)


def _buckets(setup: Setup, dataset: str, failures: Sequence[Failure]) -> dict[str, list[SampleRef]]:
    """A data set's samples that are expected, by bucket."""
    skipped = {(one.dataset, one.sample, one.bucket) for one in failures if one.kind == "skipped"}
    buckets: dict[str, list[SampleRef]] = {label: [] for label in setup.plan.buckets}
    for sample in setup.samples:
        used = (sample.dataset, sample.id, sample.bucket) not in skipped
        if sample.dataset == dataset and used:
            buckets[sample.bucket].append(sample)
    return buckets


def _lines(setup: Setup, dataset: str) -> Iterator[_Line]:
    metrics = [METRICS.load(name)() for name in setup.plan.metrics]
    for inpainter in setup.all_inpainters:
        for detector in (*setup.all_detectors, None):
            for launder in setup.launders if detector else ("",):
                for metric in metrics:
                    if (metric.needs == "verdict") == (detector is not None):
                        yield _Line(
                            dataset=dataset,
                            inpainter=inpainter,
                            detector=detector,
                            launder=launder,
                            metric=metric,
                        )


def _cell(
    setup: Setup, store: Store, line: _Line, bucket: str, samples: Sequence[SampleRef]
) -> Cell:
    metric = line.metric
    gap = _absent(line) or setup.gaps.get(metric.name, "")
    found = [] if gap else _rows(setup, store, line, samples)
    measured = [row for row in found if row is not None]
    rows = np.stack(measured) if measured else np.empty((0, 1))
    counted = metric.counted(rows)
    value, low, high = None, None, None
    reason = gap or _gap(len(samples), len(measured), int(counted.sum()))
    if not reason:
        value = metric.reduce(rows)
        low, high = _ends(metric.interval(rows, seed=seed_of("interval", setup.plan.seed)))
    return Cell(
        dataset=line.dataset,
        launder=line.launder,
        detector=line.detector.name if line.detector else "",
        inpainter=line.inpainter.name,
        bucket=bucket,
        metric=_named(metric.name, line.inpainter),
        value=value,
        n=int(counted.sum()),
        expected=len(samples),
        low=low,
        high=high,
        weights=" ".join(f"{model.name}={model.weights.edition}" for model in line.models),
        sees_hole=line.inpainter.card.sees_hole and not setup.plan.hole_blind,
        reason=reason,
    )


def _rows(
    setup: Setup, store: Store, line: _Line, samples: Sequence[SampleRef]
) -> list[np.ndarray | None]:
    keys, revision = [], revision_of(line.metric.name)
    for fill in fills(setup, line.inpainter, samples):
        judge = judge_job(line.detector, fill, line.launder) if line.detector else None
        keys.append(measure_job(line.metric.name, revision, fill, judge).key)
    return list(store.rows(keys))


def _absent(line: _Line) -> str:
    if line.inpainter.absent:
        return NO_WEIGHTS
    detector = line.detector
    return f"{NO_WEIGHTS} for {detector.name}" if detector and detector.absent else ""


def _gap(expected: int, measured: int, counted: int) -> str:
    if expected == 0:
        return "no sample has a hole of this size"
    if measured < expected:
        return f"only {measured} of {expected} samples were measured"
    if counted == 0:
        return "not defined for any of these samples"
    return ""


def _named(metric: str, inpainter: Chosen) -> str:
    return "false_alarm" if metric == "acc" and not inpainter.card.paints else metric


def _ends(interval: Interval) -> tuple[float | None, float | None]:
    """None where too few samples count for an interval."""
    return (None, None) if np.isnan(interval.low) else (interval.low, interval.high)
