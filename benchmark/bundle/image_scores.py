"""Check image-level scores: `acc` against score and threshold, scores against enclosed maps.

The score of a detector with a head of its own follows from no map: without the image it is a claim.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.bundle.proof import Findings, Mismatch
from benchmark.bundle.score import SIX_DECIMALS, Outputs, Scores, is_of_score, row_text
from benchmark.bundle.tables import SAMPLES
from benchmark.core.types import Case, Verdict
from benchmark.metrics.detection import ACC
from benchmark.results.samples import sample_conditions
from benchmark.runner.conditions import Condition
from benchmark.runner.planning import PlanJobs
from benchmark.store.store import Store

AREA = 1e-3  # largest difference of an area score: heatmaps are stored with 11 bits
_PIXELS = 3  # the same in pixels, for small images


class ImageScores:
    """Check the scores of a run's samples.

    Args:
        jobs: jobs of the run.
        store: store of the enclosed outputs and of all numbers.
        metrics: metrics that are measured as by this version.
        findings: where contradictions are added.
    """

    def __init__(
        self, jobs: PlanJobs, store: Store, metrics: Container[str], findings: Findings
    ) -> None:
        self._jobs, self._store = jobs, store
        self._metrics, self._findings = metrics, findings

    def check_acc(self, *, exact: bool) -> None:
        """Compare `acc` of every sample with its score and the detector's threshold.

        Args:
            exact: whether scores have all their digits, instead of six decimals: then one that is
                as close to the threshold is not compared.
        """
        for start, view in self._views():
            name = self._acc_of(view)
            if view.detector is None or not name:
                continue
            scores = self._store.scores(list(self._jobs.detect_keys_of(view)))
            stated = self._store.measurements(list(self._jobs.measure_keys_of(name, view)))
            threshold, within = view.detector.card.threshold, 0.0 if exact else SIX_DECIMALS
            for place, (score, old) in enumerate(zip(scores, stated, strict=True)):
                new = _acc(score, threshold)
                if old is None or (score is not None and abs(score - threshold) < within):
                    continue
                if new is None or len(old) != len(new) or np.abs(old - new).max() > within:
                    self._differs(start + place, name, row_text(old), row_text(new))

    def check_areas(
        self, places: Sequence[int], outputs: Outputs, known: Container[str], scores: Scores
    ) -> None:
        """Compare scores by the area rule with the enclosed heatmaps.

        Args:
            places: indexes of the samples whose maps are enclosed.
            outputs: keys and suffixes of the enclosed outputs.
            known: detectors of this version's revision.
            scores: where `acc` of a score that agrees is noted.
        """
        for start, view in self._views():
            detector = view.detector
            if detector is None or detector.name not in known:
                continue
            if detector.card.score_from != "area":
                continue
            keys = self._jobs.detect_keys_of(view)
            for place in places:
                if (keys[place], ".npy") not in outputs:
                    continue
                logits = self._store.heatmap(keys[place])
                (score,) = self._store.scores([keys[place]])
                share = float((logits > 0).mean())
                if score is None or abs(score - share) > max(AREA, _PIXELS / logits.size):
                    stated = "" if score is None else f"{score:.6f}"
                    self._differs(start + place, "score", stated, f"{share:.6f}")
                elif name := self._acc_of(view):
                    spot = (view.inpainter.name, view.treatment, detector.name, view.launder, name)
                    scores.add(spot, place)

    def _views(self) -> Iterator[tuple[int, Condition]]:
        """Yield the first row of each view in samples.csv, and the view."""
        count = len(self._jobs.resolved.samples)
        for number, view in enumerate(sample_conditions(self._jobs.resolved)):
            yield 2 + number * count, view

    def _acc_of(self, view: Condition) -> str:
        """Return the metric of a view that is computed from scores alone, or ""."""
        names = self._jobs.resolved.measured_of(view.inpainter, view.treatment)
        return next((one for one in names if is_of_score(one) and "acc" in self._metrics), "")

    def _differs(self, row: int, column: str, stated: str, computed: str) -> None:
        self._findings.add(
            Mismatch(file=SAMPLES, row=row, column=column, stated=stated, computed=computed)
        )


def _acc(score: float | None, threshold: float) -> NDArray[np.float64] | None:
    """Return the row of `acc` of a score, (2,), or None without a score."""
    if score is None:
        return None
    nothing = np.zeros((1, 1, 1), np.bool_)
    image = np.zeros((1, 1, 1, 3), np.uint8)
    verdict = Verdict(
        logits=np.zeros((1, 1, 1), np.float16),
        score=np.asarray([score], np.float32),
        threshold=threshold,
    )
    case = Case(image=image, mask=nothing, truth=nothing, filled=image, verdict=verdict)
    row: NDArray[np.float64] = ACC().measure(case)[0]
    return row
