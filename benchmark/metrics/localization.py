"""Pixel-level localization metrics: heatmap against mask (docs/metrics/index.md).

The functions take one heatmap; the classes measure stored detections, float16 logits, where
probability 0.5 is logit 0. An image whose truth is empty (`original`) has no localization: its
value is NaN and left out of the mean, and the number of samples that count shows it.
`benchmark.metrics.nulls` scores authentic images against their masks instead.
"""

from __future__ import annotations

from abc import abstractmethod
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import BadInput
from benchmark.core.types import Case, Mask, Rows
from benchmark.metrics.base import Metric, verdict_of
from benchmark.metrics.intervals import (
    UNIT,
    Bounds,
)
from benchmark.metrics.ranking import auc, best_f1, count_values

Heatmap = NDArray[Any]  # (H, W), real, higher where manipulation is more likely
NAN = float("nan")
CORRELATION = Bounds(-1.0, 1.0)
EVEN = 0.0  # the logit of probability 0.5


class Confusion(NamedTuple):
    """Numbers of pixels by prediction and truth.

    Attributes:
        tp: manipulated pixels predicted as manipulated (TP).
        fp: authentic pixels predicted as manipulated (FP).
        fn: manipulated pixels predicted as authentic (FN).
        tn: authentic pixels predicted as authentic (TN).
    """

    tp: int
    fp: int
    fn: int
    tn: int


def pixel_auc(heatmap: Heatmap, mask: Mask) -> float:
    """Return the area under the ROC curve of pixels (Mann-Whitney, ties at 1/2), exactly.

    Args:
        heatmap: (H, W) real; increasing functions of the probability give the same area.
        mask: (H, W) bool, True = manipulated.

    Returns:
        The area in [0, 1]; 0.5 for a constant heatmap, NaN for a mask of one class.

    Raises:
        BadInput: if the shapes differ, the mask is not bool, or the heatmap contains a NaN.
    """
    _check(heatmap, mask)
    return auc(heatmap, mask)


def pixel_f1(heatmap: Heatmap, mask: Mask, *, threshold: float = 0.5) -> float:
    """Return the F1 score of pixels strictly above a threshold: 2TP / (2TP + FP + FN).

    Args:
        heatmap: (H, W) real.
        mask: (H, W) bool, True = manipulated.
        threshold: 0.5 for probabilities, 0 for logits.

    Returns:
        F1 in [0, 1]; 0 if no pixel is above it and the mask is not empty, NaN for an empty mask.

    Raises:
        BadInput: if the shapes differ, the mask is not bool, or the heatmap contains a NaN.
    """
    return f1_of(confusion(heatmap, mask, threshold=threshold))


def pixel_f1_oracle(heatmap: Heatmap, mask: Mask) -> float:
    """Return F1 at the best threshold of this heatmap, by an exact sweep over all its values.

    At least 2r / (1 + r) for a hole of share r, which is reached by predicting all pixels.

    Args:
        heatmap: (H, W) real.
        mask: (H, W) bool, True = manipulated.

    Returns:
        F1 in [0, 1]; NaN for an empty mask.

    Raises:
        BadInput: if the shapes differ, the mask is not bool, or the heatmap contains a NaN.
    """
    _check(heatmap, mask)
    return best_f1(count_values(heatmap.ravel(), mask.ravel()))


def f1_of(counts: Confusion) -> float:
    """Return 2TP / (2TP + FP + FN), in [0, 1]; NaN for an empty mask."""
    if not counts.tp + counts.fn:
        return NAN
    return 2 * counts.tp / (2 * counts.tp + counts.fp + counts.fn)


def iou(counts: Confusion) -> float:
    """Return the intersection over union, TP / (TP + FP + FN), in [0, 1]; NaN for an empty mask."""
    if not counts.tp + counts.fn:
        return NAN
    return counts.tp / (counts.tp + counts.fp + counts.fn)


def precision(counts: Confusion) -> float:
    """Return TP / (TP + FP), in [0, 1]; 0 without positive predictions, NaN for an empty mask."""
    if not counts.tp + counts.fn:
        return NAN
    return counts.tp / max(1, counts.tp + counts.fp)


def recall(counts: Confusion) -> float:
    """Return TP / (TP + FN), in [0, 1]; NaN for an empty mask."""
    return counts.tp / (counts.tp + counts.fn) if counts.tp + counts.fn else NAN


def mcc(counts: Confusion) -> float:
    """Return Matthews' correlation coefficient, signed, in [-1, 1].

    0 if all pixels have the same prediction, as in scikit-learn; NaN for a mask of one class.
    """
    tp, fp, fn, tn = counts
    if not tp + fn or not fp + tn:
        return NAN
    called = (tp + fp) * (fn + tn)
    if not called:
        return 0.0
    true = (tp + fn) * (fp + tn)
    return (tp * tn - fp * fn) / (sqrt(called) * sqrt(true))


def area(counts: Confusion) -> float:
    """Return the share of pixels predicted as manipulated, in [0, 1]; defined for every mask."""
    return (counts.tp + counts.fp) / sum(counts)


def confusion(heatmap: Heatmap, mask: Mask, *, threshold: float = 0.5) -> Confusion:
    """Count the pixels strictly above a threshold against the mask.

    Args:
        heatmap: (H, W) real.
        mask: (H, W) bool, True = manipulated.
        threshold: 0.5 for probabilities, 0 for logits.

    Returns:
        The four counts; they add up to H * W.

    Raises:
        BadInput: if the shapes differ, the mask is not bool, or the heatmap contains a NaN.
    """
    _check(heatmap, mask)
    check_numbers(heatmap)
    called = heatmap > threshold
    tp = int(np.count_nonzero(called & mask))
    fp = int(np.count_nonzero(called)) - tp
    fn = int(np.count_nonzero(mask)) - tp
    return Confusion(tp, fp, fn, mask.size - tp - fp - fn)


class LocalizationMetric(Metric):
    """Base class: one number per heatmap, averaged over images; subclasses define `_number`."""

    better = "lower"
    bounds = UNIT
    needs = "verdict"

    def measure(self, case: Case) -> Rows:
        """Return (N, 1) float64, NaN where the metric is undefined.

        Raises:
            BadInput: if the case has no detector output or a heatmap contains a NaN.
        """
        logits = verdict_of(case, self.name).logits
        found = [self._number(one, mask) for one, mask in zip(logits, case.truth, strict=True)]
        return np.array(found, dtype=np.float64)[:, None]

    @abstractmethod
    def _number(self, logits: Heatmap, truth: Mask) -> float:
        """Return the number of one heatmap: (H, W) float16 logits, (H, W) bool truth."""


class AUC(LocalizationMetric):
    """`auc`: pixel AUC per image, then the mean over images."""

    name, title = "auc", "AUC"

    def _number(self, logits: Heatmap, truth: Mask) -> float:
        return pixel_auc(logits, truth)


class AUCTwoSided(LocalizationMetric):
    """`auc_two_sided`: max(a, 1 - a) of each image's pixel AUC a, then the mean over images.

    How well the hole is localized by the heatmap or its inverse, whichever is better. Noise alone
    puts it above 0.5, so it is compared with its own null.
    """

    name, title = "auc_two_sided", "AUC (two-sided)"
    bounds = Bounds(0.5, 1.0)
    note = (
        "AUC (two-sided): the mean of max(a, 1 - a) over the images' AUC a; noise alone puts it "
        "above 0.5, so it is compared with its null."
    )

    def _number(self, logits: Heatmap, truth: Mask) -> float:
        found = pixel_auc(logits, truth)
        return max(found, 1 - found)  # NaN stays NaN


class F1(LocalizationMetric):
    """`f1`: pixel F1 at probability 0.5 per image, then the mean over images."""

    name, title = "f1", "F1"

    def _number(self, logits: Heatmap, truth: Mask) -> float:
        return pixel_f1(logits, truth, threshold=EVEN)


class F1Oracle(LocalizationMetric):
    """`f1_oracle`: pixel F1 at each image's best threshold, then the mean over images."""

    name, title = "f1_oracle", "F1 (best threshold)"

    def _number(self, logits: Heatmap, truth: Mask) -> float:
        return pixel_f1_oracle(logits, truth)


class IoU(LocalizationMetric):
    """`iou`: intersection over union at probability 0.5, then the mean over images."""

    name, title = "iou", "IoU"

    def _number(self, logits: Heatmap, truth: Mask) -> float:
        return iou(confusion(logits, truth, threshold=EVEN))


class Precision(LocalizationMetric):
    """`precision`: share of predicted pixels that are manipulated, then the mean over images."""

    name, title = "precision", "Precision"

    def _number(self, logits: Heatmap, truth: Mask) -> float:
        return precision(confusion(logits, truth, threshold=EVEN))


class Recall(LocalizationMetric):
    """`recall`: share of manipulated pixels that are predicted, then the mean over images."""

    name, title = "recall", "Recall"

    def _number(self, logits: Heatmap, truth: Mask) -> float:
        return recall(confusion(logits, truth, threshold=EVEN))


class MCC(LocalizationMetric):
    """`mcc`: Matthews' correlation, signed, at probability 0.5, then the mean over images."""

    name, title = "mcc", "MCC"
    bounds = CORRELATION

    def _number(self, logits: Heatmap, truth: Mask) -> float:
        return mcc(confusion(logits, truth, threshold=EVEN))


class Area(LocalizationMetric):
    """`area`: share of pixels predicted as manipulated, then the mean; also for `original`."""

    name, title = "area", "Area called forged"
    reads_truth = False

    def _number(self, logits: Heatmap, truth: Mask) -> float:
        return area(confusion(logits, truth, threshold=EVEN))


def check_numbers(heatmap: Heatmap) -> None:
    """Raise BadInput if a heatmap contains a NaN.

    Raises:
        BadInput: if it contains a NaN.
    """
    if np.isnan(heatmap).any():
        raise BadInput("heatmap: expected real numbers, got NaN among them")


def _check(heatmap: Heatmap, mask: Mask) -> None:
    if mask.dtype != np.bool_:
        raise BadInput(f"mask: expected bool, True = manipulated, got {mask.dtype}")
    if heatmap.shape != mask.shape:
        raise BadInput(f"mask: expected shape {heatmap.shape} as the heatmap, got {mask.shape}")
