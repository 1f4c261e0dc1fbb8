"""Cells of a run of forgeries: a detector by subset and method, with intervals over originals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmark.core.seeds import seed_of
from benchmark.core.training_exposure import THESE_IMAGES
from benchmark.metrics import METRICS, OF_FORGERIES, OF_UNTOUCHED
from benchmark.metrics.base import Metric
from benchmark.metrics.clusters import Groups, clustered_interval, count_groups
from benchmark.results.gaps import NO_AUTHENTIC, NO_TRUTH, NO_WEIGHTS, NOT_DEFINED
from benchmark.results.rounding import rounded
from benchmark.results.rows import Met, ResultRow, weights_text
from benchmark.runner.conditions import Condition, conditions_of
from benchmark.runner.forgeries import AS_PUBLISHED
from benchmark.runner.forgery_sources import ALL, AUTHENTIC, UNNAMED
from benchmark.runner.jobs import Forgery, SampleRef
from benchmark.runner.outcome import Failure
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import ResolvedPlan
from benchmark.store.store import Store

_Measured = Sequence[NDArray[np.float64] | None]  # by index of the plan's samples


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeryPart:
    """The images of one row of the table.

    Attributes:
        subset: the subset, or "all".
        method: the method, "all", or "authentic".
        images: indexes of its images among the plan's samples.
        authentic: of forged images the authentic ones that they are told apart from.
    """

    subset: str
    method: str
    images: Sequence[int]
    authentic: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cells:
    """What all cells of a run share."""

    resolved: ResolvedPlan
    groups: Groups
    seed: int

    def cell(self, view: Condition, part: ForgeryPart, name: str, measured: _Measured) -> ResultRow:
        """Return the cell of a metric, from the rows of all samples."""
        authentic = part.method == AUTHENTIC
        metric = METRICS.load(OF_UNTOUCHED.get(name, name) if authentic else name)()
        wanted = [at for at in part.images if not metric.reads_truth or self._has_truth(at)]
        about = replace(
            _about(self.resolved, view, part, metric.name),
            expected=self._originals(part.images),
            reason=_absent(view) or self.resolved.gaps.get(name, "") or _no_truth(wanted),
        )
        return self._measured_cell(metric, wanted, measured, about)

    def image_auc(self, view: Condition, part: ForgeryPart, measured: _Measured) -> ResultRow:
        """Return the cell of the image AUC, from the rows of `acc`: score, and called forged."""
        metric = METRICS.load(OF_FORGERIES["acc"])()
        forged = set(part.images)
        wanted = [*part.images, *part.authentic]
        labeled: list[NDArray[np.float64] | None] = [None] * len(measured)
        for at in wanted:
            if (row := measured[at]) is not None:
                labeled[at] = np.array([row[0], float(at in forged)])
        about = replace(
            _about(self.resolved, view, part, metric.name),
            expected=self._originals(wanted),
            reason=_absent(view) or ("" if part.authentic else NO_AUTHENTIC),
        )
        return self._measured_cell(metric, wanted, labeled, about)

    def _measured_cell(
        self, metric: Metric, wanted: Sequence[int], measured: _Measured, about: ResultRow
    ) -> ResultRow:
        known = [at for at in wanted if measured[at] is not None]
        if about.reason or len(known) < len(wanted):
            lacking = f"only {len(known)} of {len(wanted)} images were measured"
            return replace(about, reason=about.reason or lacking)
        rows = np.stack([row for at in known if (row := measured[at]) is not None])
        groups = self.groups[known]
        images = int(metric.counted(rows).sum())
        if not images:
            return replace(about, reason=NOT_DEFINED)
        low, high = clustered_interval(metric, rows, groups, seed=self.seed)
        return replace(
            about,
            n=count_groups(metric, rows, groups),
            images=images,
            value=rounded(metric.reduce(rows)),
            low=None if np.isnan(low) else rounded(low),
            high=None if np.isnan(high) else rounded(high),
        )

    def _has_truth(self, at: int) -> bool:
        return _forgery(self.resolved.samples[at]).kind != "unknown"

    def _originals(self, images: Sequence[int]) -> int:
        return len(np.unique(self.groups[list(images)]))


def forgery_cells(jobs: PlanJobs, store: Store, failures: Sequence[Failure]) -> Iterator[ResultRow]:
    """Yield every cell of a run of forgeries, by detector and post-processing.

    Args:
        jobs: the jobs.
        store: store that holds the rows.
        failures: failures of the run; samples that it skipped are not expected.
    """
    resolved = jobs.resolved
    parts = list(forgery_parts(resolved, {one.sample for one in failures if one.kind == "skipped"}))
    names = {_forgery(one).group: 0 for one in resolved.samples}
    numbers = {name: number for number, name in enumerate(names)}
    cells = _Cells(
        resolved=resolved,
        groups=np.array([numbers[_forgery(one).group] for one in resolved.samples], np.int64),
        seed=seed_of("interval", resolved.plan.seed),
    )
    nothing: _Measured = [None] * len(resolved.samples)
    for view in conditions_of(resolved, resolved.all_detectors, (AS_PUBLISHED,)):
        for name in resolved.plan.metrics:
            gap = bool(_absent(view)) or name in resolved.gaps
            measured = (
                nothing if gap else store.measurements(list(jobs.measure_keys_of(name, view)))
            )
            yield from (cells.cell(view, part, name, measured) for part in parts)
            if name in OF_FORGERIES:
                forged = (part for part in parts if part.method != AUTHENTIC)
                yield from (cells.image_auc(view, part, measured) for part in forged)


def forgery_parts(resolved: ResolvedPlan, skipped: set[str]) -> Iterator[ForgeryPart]:
    """Yield the rows of a table: of each subset its methods, all of them, its authentic images.

    All subsets together come last if there are several: each method that is in several, all
    methods, all authentic images. Authentic images without a subset belong to every subset.

    Args:
        resolved: the plan.
        skipped: names of samples that the run skipped.
    """
    kept = [
        (index, _forgery(one))
        for index, one in enumerate(resolved.samples)
        if one.id not in skipped
    ]
    authentic = [(index, one) for index, one in kept if one.kind == "authentic"]
    forged = [(index, one) for index, one in kept if one.kind != "authentic"]
    subsets = sorted({one.subset for _, one in forged} or {one.subset for _, one in authentic})
    for subset in subsets:
        here = [index for index, one in authentic if one.subset == subset]
        rivals = here or [index for index, one in authentic if not one.subset]
        own = [(index, one) for index, one in forged if one.subset == subset]
        label = subset or (UNNAMED if len(subsets) > 1 else ALL)
        yield from _of_methods(label, own, rivals, _methods(own))
        if here:
            yield ForgeryPart(subset=label, method=AUTHENTIC, images=here)
    others = {one.subset for _, one in authentic} - set(subsets)
    if len(subsets) < 2 and not others:
        return
    several = {
        name
        for name in _methods(forged)
        if len({one.subset for _, one in forged if one.method == name}) > 1
    }
    everyone = [index for index, _ in authentic]
    if len(subsets) > 1:
        yield from _of_methods(ALL, forged, everyone, several, whole=True)
    if everyone:
        yield ForgeryPart(subset=ALL, method=AUTHENTIC, images=everyone)


def _of_methods(
    subset: str,
    forged: Sequence[tuple[int, Forgery]],
    authentic: Sequence[int],
    methods: set[str],
    *,
    whole: bool = False,
) -> Iterator[ForgeryPart]:
    """Yield a row for each of some methods, and one for all if there are several."""
    named = sorted(methods)
    if len(named) == 1 and not named[0]:
        named, whole = [], True
    for name in named:
        images = [index for index, one in forged if one.method == name]
        yield ForgeryPart(subset=subset, method=name or UNNAMED, images=images, authentic=authentic)
    if forged and (whole or len(named) > 1):
        images = [index for index, _ in forged]
        yield ForgeryPart(subset=subset, method=ALL, images=images, authentic=authentic)


def _methods(forged: Sequence[tuple[int, Forgery]]) -> set[str]:
    return {one.method for _, one in forged}


def _forgery(sample: SampleRef) -> Forgery:
    if sample.forgery is None:
        raise ValueError(f"{sample.id}: expected a sample of a set of forgeries")
    return sample.forgery


def _about(resolved: ResolvedPlan, view: Condition, part: ForgeryPart, metric: str) -> ResultRow:
    """Return an empty cell."""
    detector = view.detector
    return ResultRow(
        dataset=resolved.plan.datasets[0],
        launder=view.launder,
        detector=detector.name if detector else "",
        inpainter=part.method,
        bucket=part.subset,
        metric=metric,
        value=None,
        n=0,
        expected=0,
        low=None,
        high=None,
        weights=weights_text({detector.name: detector.weights.edition} if detector else {}),
        met=_met(resolved, view, part),
        images=0,
    )


def _met(resolved: ResolvedPlan, view: Condition, part: ForgeryPart) -> Met:
    """Return whether the detector was trained on such images, if known.

    "yes" if it was trained on images of the run, or on forgeries by a method of the row; "no" if it
    was trained on nothing; "" for others, whose sets may share originals with this one.
    """
    trained_on = resolved.met.get(view.detector.name) if view.detector else None
    if trained_on == frozenset():
        return "no"
    if not trained_on:
        return ""
    methods = {_forgery(resolved.samples[at]).method for at in part.images} - {""}
    return "yes" if THESE_IMAGES in trained_on or methods & trained_on else ""


def _absent(view: Condition) -> str:
    detector = view.detector
    return f"{NO_WEIGHTS} for {detector.name}" if detector and detector.absent else ""


def _no_truth(wanted: Sequence[int]) -> str:
    return "" if wanted else NO_TRUTH
