"""Does the detector call the image forged? One score per image (docs/metrics/acc.md)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import BadInput
from benchmark.core.types import Case, Rows
from benchmark.metrics.base import Metric, verdict_of
from benchmark.metrics.intervals import (
    UNDEFINED,
    UNIT,
    Interval,
    mixed_share_interval,
)
from benchmark.metrics.ranking import auc

FEWEST_ORIGINALS = 20  # below, the threshold that 5 % of untouched images exceed is unknown
Scores = NDArray[np.floating]  # (N,), higher = more likely forged


class ACC(Metric):
    """`acc`: the share of images that the detector calls forged at its authors' operating point.

    On forged images that is the detection rate the paper prints; on untouched ones the same
    number is the false-positive rate, `fpr`. A value near 0 alone says nothing: a detector that
    never fires has it too. Rows are the score, and 1 where it lies strictly above the threshold.
    """

    name, title = "acc", "ACC"
    better = "lower"
    needs = "verdict"
    bounds, share = UNIT, True
    parts = ("score", "")

    def measure(self, case: Case) -> Rows:
        """Measure N samples: (N, 2) float64, the score and 1 where it calls the image forged.

        Raises:
            BadInput: if the case has no verdict or a score is NaN.
        """
        verdict = verdict_of(case, self.name)
        _check(verdict.score)
        # In the score's own precision: a score stored as float32(0.3) is not above 0.3.
        fired = verdict.score > verdict.score.dtype.type(verdict.threshold)
        return np.stack((verdict.score.astype(np.float64), fired.astype(np.float64)), axis=1)

    def values(self, rows: Rows) -> NDArray[np.float64]:
        """The rows' last column: 1 where the detector called the image forged."""
        return rows[:, -1]


class FPR(ACC):
    """`fpr`: the share of untouched images that the detector calls forged, its false positives.

    It is measured wherever `acc` is, of inpainters that leave images as they are.
    """

    name, title, of_untouched = "fpr", "FPR", "acc"
    note = "FPR: share of untouched images that the detector calls forged (false positives)."


def acc_at_5(forged: Scores, authentic: Scores) -> float:
    """Detection rate at the threshold that at most 5 % of the untouched images exceed.

    Args:
        forged: (N,) scores of inpainted images.
        authentic: (M,) scores of `original`, through the same crop, resize and 8 bits.

    Returns:
        The share of `forged` strictly above that threshold; NaN where either is empty. Of fewer
        than `FEWEST_ORIGINALS` the threshold is the largest, which far more than 5 % of untouched
        images exceed (one in 8 of 7); reports show none then.

    Raises:
        BadInput: if a score is NaN.
    """
    _check(forged, authentic)
    if not len(forged) or not len(authentic):
        return float("nan")
    threshold = np.sort(authentic)[::-1][len(authentic) // 20]
    return float((forged > threshold).mean())


def acc_at_5_interval(forged: Scores, authentic: Scores) -> Interval:
    """95 % interval of `acc_at_5`, which doubts its threshold as well as its count.

    The threshold is an order statistic of the untouched images and is estimated again in every
    bootstrap draw of them. How likely each score is to become the threshold is known exactly (a
    binomial distribution), so nothing is drawn: Clopper and Pearson's interval is taken over the
    counts of all thresholds, each as likely as it is (`mixed_share_interval`). As the level of 5 %
    lies between two scores, the lower end counts with the next higher, the upper with the next
    lower one. It holds 91 % at 20 untouched images and 95 % from 30 on (benchmarks/coverage.py).

    Args:
        forged: (N,) scores of inpainted images.
        authentic: (M,) scores of `original`.

    Returns:
        The interval in [0, 1]; NaN where N is under 2 or M under `FEWEST_ORIGINALS`.

    Raises:
        BadInput: if a score is NaN.
    """
    _check(forged, authentic)
    m = len(authentic)
    if len(forged) < 2 or m < FEWEST_ORIGINALS:
        return UNDEFINED
    from scipy.special import bdtrc

    # The threshold is the (m // 20 + 1)-th largest of m draws; it is at least the j-th largest
    # score if more than m // 20 of the draws fall on the j largest.
    least = bdtrc(m // 20, m, np.arange(m + 1) / m)
    thresholds = np.sort(authentic)[::-1]
    hits = len(forged) - np.searchsorted(np.sort(forged), thresholds, side="right")
    higher, lower = np.r_[hits[:1], hits[:-1]], np.r_[hits[1:], len(forged)]
    return mixed_share_interval(higher, lower, np.diff(least), len(forged))


def balanced_accuracy(forged: Scores, authentic: Scores, *, threshold: float) -> float:
    """Mean of the share of forged images called forged and of authentic ones not called so.

    Args:
        forged: (N,) scores of inpainted images.
        authentic: (M,) scores of `original`.
        threshold: the detector's operating point; a score strictly above it calls an image forged.

    Returns:
        The accuracy in [0, 1], 0.5 for a detector that always or never fires; NaN where either is
        empty.

    Raises:
        BadInput: if a score is NaN.
    """
    _check(forged, authentic)
    if not len(forged) or not len(authentic):
        return float("nan")
    found = (forged > forged.dtype.type(threshold)).mean()
    cleared = (authentic <= authentic.dtype.type(threshold)).mean()
    return float(found + cleared) / 2


def image_auc(forged: Scores, authentic: Scores) -> float:
    """Area under the ROC curve of images, inpainted against original, ties at 1/2.

    Args:
        forged: (N,) scores of inpainted images.
        authentic: (M,) scores of `original`.

    Returns:
        The area in [0, 1]; NaN where either is empty.

    Raises:
        BadInput: if a score is NaN.
    """
    _check(forged, authentic)
    labels = np.arange(len(forged) + len(authentic)) < len(forged)
    return auc(np.concatenate((forged, authentic)), labels)


def _check(*scores: Scores) -> None:
    if any(bool(np.isnan(one).any()) for one in scores):
        raise BadInput("scores: expected real numbers, got NaN among them")
