"""From stored rows to cells: the mean over a bucket's samples, its interval, why a gap is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.core.seeds import seed_of
from benchmark.metrics import METRICS
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import Interval
from benchmark.runner.jobs import Chosen, SampleRef, judge_job, measure_job
from benchmark.runner.outcome import Failure
from benchmark.runner.setup import Setup, fills
from benchmark.runner.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number of a table.

    Attributes:
        dataset: the data set's name.
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
    reason: str = ""


def cells(setup: Setup, store: Store, failures: Sequence[Failure]) -> Iterator[Cell]:
    """Every cell of a plan, in the plan's order: bucket by bucket within a metric.

    Args:
        setup: the prepared plan.
        store: where the rows are.
        failures: what the run could not do; samples it skipped are not expected.
    """
    skipped = {
        (failure.sample, failure.bucket) for failure in failures if failure.kind == "skipped"
    }
    buckets: dict[str, list[SampleRef]] = {label: [] for label in setup.plan.buckets}
    for sample in setup.samples:
        if (sample.id, sample.bucket) not in skipped:
            buckets[sample.bucket].append(sample)
    for inpainter in setup.inpainters:
        for detector in (*setup.detectors, None):
            for name in setup.plan.metrics:
                metric = METRICS.load(name)()
                if (metric.needs == "verdict") == (detector is not None):
                    for bucket, samples in buckets.items():
                        yield _cell(setup, store, (inpainter, detector, metric), bucket, samples)


def _cell(
    setup: Setup,
    store: Store,
    what: tuple[Chosen, Chosen | None, Metric],
    bucket: str,
    samples: Sequence[SampleRef],
) -> Cell:
    inpainter, detector, metric = what
    found = _rows(setup, store, what, samples) if metric.name not in setup.gaps else []
    measured = [row for row in found if row is not None]
    rows = np.stack(measured) if measured else np.empty((0, 1))
    counted = metric.counted(rows)
    value, low, high = None, None, None
    reason = setup.gaps.get(metric.name, "") or _gap(
        len(samples), len(measured), int(counted.sum())
    )
    if not reason:
        value = metric.reduce(rows)
        low, high = _ends(metric.interval(rows, seed=seed_of("interval", setup.plan.seed)))
    return Cell(
        dataset=setup.plan.dataset,
        detector=detector.name if detector else "",
        inpainter=inpainter.name,
        bucket=bucket,
        metric=_named(metric.name, inpainter),
        value=value,
        n=int(counted.sum()),
        expected=len(samples),
        low=low,
        high=high,
        weights=" ".join(f"{model.name}={model.weights.edition}" for model in what[:2] if model),
        reason=reason,
    )


def _rows(
    setup: Setup,
    store: Store,
    what: tuple[Chosen, Chosen | None, Metric],
    samples: Sequence[SampleRef],
) -> list[np.ndarray | None]:
    inpainter, detector, metric = what
    keys = []
    for fill in fills(setup, inpainter, samples):
        judge = judge_job(detector, fill) if detector else None
        keys.append(measure_job(metric.name, metric.revision, fill, judge).key)
    return list(store.rows(keys))


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
