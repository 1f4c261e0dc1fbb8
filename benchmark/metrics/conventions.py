"""The same kept heatmaps, scored as other programs score them (docs/conventions.md).

Each metric follows the rules of one published evaluation to the letter, odd ones included, so that
its numbers can stand beside those that were published under them. `CONVENTIONS` says what each puts
in the place of `auc` and `f1`.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmark.core.types import Case, Mask, Rows
from benchmark.metrics.base import Metric, verdict_of
from benchmark.metrics.intervals import UNIT, Values
from benchmark.metrics.localization import (
    EVEN,
    NAN,
    Confusion,
    F1Pooled,
    Heatmap,
    LocalizationMetric,
    check_numbers,
    confusion,
    f1_of,
)
from benchmark.metrics.pooled import pooled_shares
from benchmark.metrics.ranking import ValueCounts, best_f1, count_values, half_values

ERODED = 15  # side of TruFor's filter on the manipulated pixels
DILATED = 11  # side of its filter on the authentic ones
EPSILON = 1e-8  # what IMDL-BenCo adds to every denominator
THRESHOLDS = 100  # PhotoHolmes' thresholds, from 0 to 1
_LAST = np.uint16((1 << 16) - 1)


class ScoredPixels(NamedTuple):
    """The pixels that TruFor's evaluation looks at.

    Attributes:
        positives: (H, W) bool, manipulated and well inside the hole.
        negatives: (H, W) bool, authentic and well outside of it.
    """

    positives: Mask
    negatives: Mask


def without_border(truth: Mask) -> ScoredPixels:
    """Leave out the outline of a hole as TruFor's evaluation does.

    Args:
        truth: (H, W) bool, True = manipulated.

    Returns:
        The truth shrunk by a 15x15 minimum filter, and all that an 11x11 maximum filter does not
        reach; beyond the image's border there is nothing that shrinks or grows a hole.
    """
    hole = truth.astype(np.uint8)
    inner = cv2.erode(hole, np.ones((ERODED, ERODED), np.uint8))
    outer = cv2.dilate(hole, np.ones((DILATED, DILATED), np.uint8))
    return ScoredPixels(inner.astype(np.bool_), outer == 0)


_BORDER = (
    "pixels near the hole's outline are left out (15x15 erosion, 11x11 dilation), which on drawn "
    "masks at 256 pixels drops half to two thirds of the hole and on thinner strokes up to 87 %; "
    "the larger of the map's and the inverted map's number counts, so a map that calls nothing "
    "scores as one that calls everything"
)


class F1TruFor(LocalizationMetric):
    """`f1_trufor`: F1 at 0.5 of the map or of its inverse, whichever is larger, without the border.

    NaN where no manipulated or no authentic pixel is left.
    """

    name, title = "f1_trufor", "F1 (TruFor)"
    note = f"F1 (TruFor): {_BORDER}."

    def _number(self, logits: Heatmap, truth: Mask) -> float:
        values, labels = _judged(logits, truth)
        if labels.all() or not labels.any():
            return NAN
        counts = confusion(values, labels, threshold=EVEN)
        hits, alarms, misses, rejections = counts
        return max(f1_of(counts), f1_of(Confusion(misses, rejections, hits, alarms)))


class F1OracleTruFor(LocalizationMetric):
    """`f1_oracle_trufor`: the same at the best threshold of the map or of its inverse.

    TruFor's program has no pixel AUC; this is its number that depends on no fixed threshold.
    """

    name, title = "f1_oracle_trufor", "F1 (TruFor, best threshold)"
    note = f"F1 (TruFor, best threshold): {_BORDER}."

    def _number(self, logits: Heatmap, truth: Mask) -> float:
        values, labels = _judged(logits, truth)
        if labels.all() or not labels.any():
            return NAN
        counts = count_values(values, labels)
        return max(best_f1(counts), best_f1(ValueCounts(*(side[::-1] for side in counts))))


class AUCIMDLBenCo(LocalizationMetric):
    """`auc_imdlbenco`: the trapezoids of the sorted pixels, without regard to ties, per image.

    Pixels of equal probability stay in the image's order, row by row: a flat map scores by where
    its hole lies, not 1/2. An empty truth is 0, a full one undefined.
    """

    name, title = "auc_imdlbenco", "AUC (IMDL-BenCo)"
    note = "AUC (IMDL-BenCo): equal pixels are ranked by their place; an image without a hole is 0."

    def _number(self, logits: Heatmap, truth: Mask) -> float:
        check_numbers(logits)
        positives = np.count_nonzero(truth)
        if not positives:
            return 0.0
        if positives == truth.size:
            return NAN
        # A radix sort of 16 bits; theirs orders equal values as a stable sort does.
        order = np.argsort(_LAST - _levels(logits), axis=None, kind="stable")
        authentic = ~truth.ravel()[order]
        before = np.cumsum(~authentic)[authentic]  # positives above each authentic pixel
        return float(before.sum() / (positives * len(before)))


class F1IMDLBenCo(LocalizationMetric):
    """`f1_imdlbenco`: F1 at 0.5, 1e-8 in every denominator, per image; an empty truth is 0."""

    name, title = "f1_imdlbenco", "F1 (IMDL-BenCo)"
    note = "F1 (IMDL-BenCo): an image without a hole is 0 and counts."

    def _number(self, logits: Heatmap, truth: Mask) -> float:
        hits, alarms, misses, _ = confusion(logits, truth, threshold=EVEN)
        precision = hits / (hits + alarms + EPSILON)
        recall = hits / (hits + misses + EPSILON)
        return 2 * precision * recall / (precision + recall + EPSILON)


class AUCPhotoHolmes(Metric):
    """`auc_photoholmes`: trapezoids between 100 thresholds from 0 to 1, over all pixels of a cell.

    The curve begins at the pixels of probability 1, not at (0, 0): a confident map loses the area
    before them. Rows count pixels between thresholds: 200 numbers, 1.6 kB. A cell of one class is 0
    for want of another answer.
    """

    name, title = "auc_photoholmes", "AUC (PhotoHolmes)"
    better = "lower"
    bounds = UNIT
    needs = "verdict"
    parts = tuple(f"{kind}{step + 1}" for kind in ("positives", "negatives") for step in range(100))
    note = (
        "AUC (PhotoHolmes): all pixels of a cell together at 100 thresholds, on a curve that lacks "
        "its first piece: too low on confident maps."
    )

    def measure(self, case: Case) -> Rows:
        """Measure N samples: (N, 200) float64, positives, then negatives, from low to high.

        Raises:
            BadInput: if the case has no verdict or a heatmap holds a NaN.
        """
        logits = verdict_of(case, self.name).logits
        return np.stack([_binned(one, mask) for one, mask in zip(logits, case.truth, strict=True)])

    def values(self, rows: Rows) -> Values:
        """(N,) each image's share in the pooled area; all 0 where one class has no pixel."""
        if not len(rows):
            return np.empty(0)
        positives, negatives = rows[:, :THRESHOLDS], rows[:, THRESHOLDS:]
        ties = np.where(np.arange(THRESHOLDS) < THRESHOLDS - 1, 0.5, 0.0)
        places = np.broadcast_to(np.arange(THRESHOLDS), positives.shape)
        return np.nan_to_num(pooled_shares(places, positives, negatives, ties=ties), nan=0.0)


class F1PhotoHolmes(F1Pooled):
    """`f1_photoholmes`: F1 at 0.5 over all pixels of a cell; a cell without a hole is 0."""

    name, title = "f1_photoholmes", "F1 (PhotoHolmes)"
    note = "F1 (PhotoHolmes): all pixels of a cell together, so large holes weigh most."

    def counted(self, rows: Rows) -> NDArray[np.bool_]:
        """Every sample."""
        return np.ones(len(rows), dtype=np.bool_)

    def reduce(self, rows: Rows) -> float:
        """2TP / (2TP + FP + FN) of the summed counts, 0 where all three are; NaN without rows."""
        if not len(rows):
            return NAN
        hits, alarms, misses = rows.sum(axis=0)
        return float(2 * hits / max(1.0, 2 * hits + alarms + misses))


def _judged(logits: Heatmap, truth: Mask) -> tuple[Heatmap, Mask]:
    """Logits and labels, (V,) each, of the pixels that TruFor's evaluation looks at."""
    check_numbers(logits)
    positives, negatives = without_border(truth)
    kept = positives | negatives
    return logits[kept], positives[kept]


def _binned(logits: NDArray[np.float16], truth: Mask) -> Values:
    """(200,) how many positives, then negatives, reach each threshold and not the next."""
    counts = count_values(logits.ravel(), truth.ravel())
    bins = _threshold_reached()
    return np.concatenate([np.bincount(bins, side, THRESHOLDS) for side in counts])


@cache
def _threshold_reached() -> NDArray[np.int64]:
    """Per value of a tally, the last threshold that its probability reaches, from 0."""
    thresholds = np.linspace(0, 1, THRESHOLDS, dtype=np.float32)
    return np.searchsorted(thresholds, _probabilities(half_values()), side="right") - 1


def _levels(logits: NDArray[np.float16]) -> NDArray[np.uint16]:
    """Logits to numbers of their probabilities' order: equal where the float32 are equal."""
    return _level_of()[logits.view(np.uint16)]


@cache
def _level_of() -> NDArray[np.uint16]:
    """(65536,) the rank of each float16 pattern's float32 probability among all of them."""
    patterns = np.arange(1 << 16).astype(np.uint16).view(np.float16).astype(np.float64)
    return np.unique(_probabilities(patterns), return_inverse=True)[1].astype(np.uint16)


def _probabilities(logits: Values) -> NDArray[np.float32]:
    """What other programs keep: float32, in which all logits above 17 are 1. NaN patterns are 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.nan_to_num(1 / (1 + np.exp(-logits)), nan=0.0).astype(np.float32)
