"""Marks of results: how many samples of each were scored again, or detected again."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.bundle.proof import Kind, Mark
from benchmark.bundle.score import Scores, is_of_score
from benchmark.metrics import METRICS, OF_FORGERIES
from benchmark.results.forgery_cells import forgery_parts
from benchmark.results.rows import ResultRow
from benchmark.runner.conditions import Condition, conditions_of, null_conditions
from benchmark.runner.outcome import Failure
from benchmark.runner.planning import PlanJobs
from benchmark.store.store import Store

_OF_ACC = {image: acc for acc, image in OF_FORGERIES.items()}
_View = tuple[str, str, str, str]  # inpainter, treatment, detector, post-processing


def base_of(metric: str) -> str:
    """Return the metric whose rows and revision another metric uses, such as `acc` of `fpr`."""
    metric = _OF_ACC.get(metric, metric)
    return METRICS.load(metric).of_untouched or metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What was proved of a run's samples.

    Attributes:
        metrics: metrics whose results were compared.
        scores: numbers that were scored again.
        detections: keys of detections that ran again and agree.
        contradicted: numbers of rows of results.csv that contradict, the header being 1.
        intervals: whether intervals were compared.
    """

    metrics: Container[str]
    scores: Scores
    detections: frozenset[str]
    contradicted: Container[int]
    intervals: bool


class Marker:
    """Mark the results of a run.

    Args:
        jobs: jobs of the run.
        store: store of all numbers.
        failures: failures of the run.
        proved: what was proved.
    """

    def __init__(
        self, jobs: PlanJobs, store: Store, failures: Sequence[Failure], proved: Proved
    ) -> None:
        self._jobs, self._store, self._proved = jobs, store, proved
        resolved = jobs.resolved
        detectors = (*resolved.all_detectors, None)
        views = [*conditions_of(resolved, detectors, resolved.all_inpainters)]
        self._views: dict[_View, Condition] = {
            _view_of(one): one for one in (*views, *null_conditions(resolved))
        }
        self._forged = resolved.plan.forgeries is not None
        self._parts: dict[tuple[str, str], list[int]] = {}
        if self._forged:
            skipped = {one.sample for one in failures if one.kind == "skipped"}
            for part in forgery_parts(resolved, skipped):
                self._parts[part.subset, part.method] = [*part.images]
                self._parts[part.subset, f"{part.method} "] = [*part.images, *part.authentic]

    def marks(self, cells: Sequence[ResultRow]) -> Iterator[Mark]:
        """Yield the mark of each result, in the order of results.csv."""
        for row, cell in enumerate(cells, start=2):
            yield self._mark(row, cell)

    def _mark(self, row: int, cell: ResultRow) -> Mark:
        if cell.value is None:
            return Mark(kind="")
        metric = base_of(cell.metric)
        view = self._view(cell)
        if view is None or metric not in self._proved.metrics or not self._proved.intervals:
            return Mark(kind="claim")
        keys = self._jobs.measure_keys_of(metric, view)
        places = self._places(cell)
        known = self._store.known(keys.at(places))
        there = [at for at in places if keys[at] in known]
        scored = self._count(self._scored(cell.metric, view), there)
        ran = self._ran_again(view, there)
        kind: Kind = "consistent"
        if there and scored == len(there):
            kind = "scored again"
        if there and ran == len(there) and (kind == "scored again" or is_of_score(metric)):
            kind = "recomputed"
        if row in self._proved.contradicted:
            kind = "claim"
        return Mark(kind=kind, samples=len(there), scored=scored, recomputed=ran)

    def _view(self, cell: ResultRow) -> Condition | None:
        if self._forged:
            names = (view for view in self._views.values() if view.detector)
            return next(
                (
                    one
                    for one in names
                    if one.detector
                    and (one.detector.name, one.launder) == (cell.detector, cell.launder)
                ),
                None,
            )
        return self._views.get((cell.inpainter, cell.treatment, cell.detector, cell.launder))

    def _places(self, cell: ResultRow) -> Sequence[int]:
        """Return the indexes of a result's samples."""
        if self._forged:
            both = " " if cell.metric in _OF_ACC else ""
            return self._parts.get((cell.bucket, cell.inpainter + both), ())
        return self._jobs.by_cell.get((cell.dataset, cell.bucket), ())

    def _scored(self, metric: str, view: Condition) -> NDArray[np.bool_] | None:
        name = base_of(metric) if self._forged else metric  # `image_auc` and `fpr` are of `acc`
        return self._proved.scores.done.get((*_view_of(view), name))

    def _ran_again(self, view: Condition, places: Sequence[int]) -> int:
        if view.detector is None or not self._proved.detections:
            return 0
        keys = self._jobs.detect_keys_of(view).at(places)
        return sum(key in self._proved.detections for key in keys)

    @staticmethod
    def _count(done: NDArray[np.bool_] | None, places: Sequence[int]) -> int:
        return 0 if done is None else int(done[list(places)].sum())


def _view_of(view: Condition) -> _View:
    detector = view.detector.name if view.detector else ""
    return view.inpainter.name, view.treatment, detector, view.launder
