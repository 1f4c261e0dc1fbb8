"""Image-level detection metrics, from one score per image (docs/metrics/acc.md)."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import BadInput
from benchmark.core.types import Case, Rows
from benchmark.metrics.base import Metric, verdict_of
from benchmark.metrics.intervals import (
    LEVEL,
    UNDEFINED,
    UNIT,
    Interval,
    mean_interval,
    mixed_share_interval,
)
from benchmark.metrics.ranking import auc

FEWEST_ORIGINALS = 20  # with fewer authentic images the threshold of 5 % is unknown
_EQUAL = 1e-9  # a smaller spread is rounding
_HALVINGS = 50  # bisection steps in [0, 1]: exact to the last printed digit
Scores = NDArray[np.floating]  # (N,), higher = more likely forged


class ACC(Metric):
    """`acc`: the share of images classified as forged at the authors' threshold.

    On forged images it is the detection rate printed in the paper; on authentic ones it is the
    false-positive rate, `fpr`. A value near 0 alone says nothing: a detector that never fires

    has it too. Rows are the score, and 1 where it is strictly above the threshold, else 0.
    """

    name, title = "acc", "ACC"
    better = "lower"
    needs = "verdict"
    bounds, share = UNIT, True
    reads_truth = False
    parts = ("score", "")

    def measure(self, case: Case) -> Rows:
        """Return (N, 2) float64: the score, and 1 where the image is classified as forged.

        Raises:
            BadInput: if the case has no detector output or a score is NaN.
        """
        verdict = verdict_of(case, self.name)
        _check(verdict.score)
        # Compared in the score's own precision: a score stored as float32(0.3) is not above 0.3.
        fired = verdict.score > verdict.score.dtype.type(verdict.threshold)
        return np.stack((verdict.score.astype(np.float64), fired.astype(np.float64)), axis=1)

    def values(self, rows: Rows) -> NDArray[np.float64]:
        """Return the rows' last column: 1 where the image was classified as forged."""
        return rows[:, -1]


class FPR(ACC):
    """`fpr`: the share of authentic images classified as forged, the false-positive rate.

    It is measured wherever `acc` is, for inpainters that do not change images.
    """

    name, title, of_untouched = "fpr", "FPR", "acc"
    note = "FPR: share of authentic images that the detector calls forged (false positives)."


class ImageAUC(Metric):
    """`image_auc`: the area under the ROC curve over images, forged against authentic.

    Rows are the score, and whether the image is forged. It is reported in runs of forgeries, beside
    `acc`; the run of an inpainter has it in `bench table stats`.
    """

    name, title = "image_auc", "Image AUC"
    better = "lower"
    needs = "verdict"
    bounds = UNIT
    reads_truth = False
    parts = ("score", "forged")
    note = "Image AUC: the detector's scores of forged images against those of authentic ones."

    def measure(self, case: Case) -> Rows:
        """Return (N, 2) float64: the score, and 1 where a pixel of the truth is forged, else 0.

        Raises:
            BadInput: if the case has no detector output or a score is NaN.
        """
        score = verdict_of(case, self.name).score
        _check(score)
        forged = case.truth.any(axis=(1, 2))
        return np.stack((score.astype(np.float64), forged.astype(np.float64)), axis=1)

    def values(self, rows: Rows) -> NDArray[np.float64]:
        """Return each image's (N,) share of the area: the area plus N times its influence on it.

        Their mean is the area, and their spread is that of DeLong et al. (Biometrics 1988); summed
        over clusters it is Obuchowski's (Biometrics 1997). NaN without images of both kinds.
        """
        score, known = rows[:, 0], np.isfinite(rows[:, 0])
        forged, authentic = known & (rows[:, -1] > 0), known & (rows[:, -1] == 0)
        shares = np.full(len(rows), np.nan)
        if not forged.any() or not authentic.any():
            return shares
        images = int(known.sum())
        wins = _beaten(score[forged], score[authentic])  # of each image against the other kind
        losses = 1 - _beaten(score[authentic], score[forged])
        area = float(wins.mean())
        shares[forged] = area + images * (wins - area) / len(wins)
        shares[authentic] = area + images * (losses - area) / len(losses)
        return shares

    def interval(self, rows: Rows, *, seed: int) -> Interval:
        """Return the 95 % interval over images, as `interval_of_originals` of one image each."""
        rows = rows[self.counted(rows)]
        return self.interval_of_originals(self.values(rows), rows, np.arange(len(rows)), seed=seed)

    def interval_of_originals(
        self, shares: NDArray[np.float64], rows: Rows, groups: NDArray[np.int64], *, seed: int
    ) -> Interval:
        """Return the 95 % interval: by the rules for a mean, without any spread Newcombe's.

        Args:
            shares: (G,) each original's share of the area (`benchmark.metrics.clusters`).
            rows: (N, 2) rows of the images.
            groups: (N,) number of each image's original, from 0 to G - 1.
            seed: seed of the bootstrap.

        Returns:
            The interval; NaN if fewer than two originals have forged, or authentic, images.
        """
        forged = rows[:, -1] > 0
        counts = len(np.unique(groups[forged])), len(np.unique(groups[~forged]))
        if min(counts) < 2:
            return UNDEFINED
        if shares.max() - shares.min() < _EQUAL:
            return area_interval(float(shares.mean()), *counts)
        return mean_interval(shares, seed=seed, bounds=self.bounds)


def area_interval(area: float, forged: int, authentic: int) -> Interval:
    """Return Newcombe's 95 % interval of an area under the ROC curve, from it and counts alone.

    Method 5 of Newcombe (Statistics in Medicine 25, 2006): all areas from which this one is at most
    1.96 standard errors of Hanley and McNeil (Radiology 143, 1982) away. It takes forged and
    authentic images for independent, which is too wide where an authentic image and its forgery
    have similar scores.

    Args:
        area: from 0 to 1.
        forged: number of forged images, or of originals that have any.
        authentic: likewise of authentic images.
    """
    z, more = NormalDist().inv_cdf((1 + LEVEL) / 2), (forged + authentic) / 2 - 1

    def is_within(other: float) -> bool:
        spread = 1 + more * ((1 - other) / (2 - other) + other / (1 + other))
        variance = other * (1 - other) * spread / (forged * authentic)
        return (area - other) ** 2 <= z * z * variance

    def end(outside: float) -> float:
        inside = area
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if is_within(middle) else (inside, middle)
        return inside

    return Interval(end(0.0), end(1.0))


def _beaten(scores: Scores, others: Scores) -> NDArray[np.float64]:
    """Return the share of `others`, (M,), below each of `scores`, (N,); ties count one half."""
    ranks = np.sort(others)
    below, upto = (np.searchsorted(ranks, scores, side=side) for side in ("left", "right"))
    return (below + upto) / (2.0 * len(others))


def acc_at_5(forged: Scores, authentic: Scores) -> float:
    """Return the detection rate at the threshold exceeded by at most 5 % of the authentic images.

    Args:
        forged: (N,) scores of inpainted images.
        authentic: (M,) scores of `original`, through the same crop, resize and 8 bits.

    Returns:
        The share of `forged` strictly above that threshold; NaN if either array is empty. With
        fewer than `FEWEST_ORIGINALS` authentic images the threshold is the largest score, which far
        more than 5 % of authentic images exceed (one in 8 for 7 of them); reports then omit it.

    Raises:
        BadInput: if a score is NaN.
    """
    _check(forged, authentic)
    if not len(forged) or not len(authentic):
        return float("nan")
    threshold = np.sort(authentic)[::-1][len(authentic) // 20]
    return float((forged > threshold).mean())


def acc_at_5_interval(forged: Scores, authentic: Scores) -> Interval:
    """Return the 95 % interval of `acc_at_5`, accounting for the uncertainty of its threshold.

    The threshold is an order statistic of the authentic images; a bootstrap would estimate it again
    in every draw. The probability of each score to be the threshold is known exactly (a binomial
    distribution), so nothing is drawn: the interval is Clopper and Pearson's over the counts at all
    thresholds, weighted by their probability (`mixed_share_interval`). As the level of 5 % lies
    between two scores, the lower end uses the next higher one and the upper end the next lower one.
    Its coverage is 91 % with 20 authentic images and 95 % from 30 on (benchmarks/coverage.py).

    Args:
        forged: (N,) scores of inpainted images.
        authentic: (M,) scores of `original`.

    Returns:
        The interval in [0, 1]; NaN if N < 2 or M < `FEWEST_ORIGINALS`.

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
    """Return the mean of the true-positive rate and the true-negative rate over images.

    Args:
        forged: (N,) scores of inpainted images.
        authentic: (M,) scores of `original`.
        threshold: the detector's operating point; a score above it classifies an image as forged.

    Returns:
        The accuracy in [0, 1], 0.5 for a detector that always or never fires; NaN if either array
        is empty.

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
    """Return the area under the ROC curve over images, inpainted against authentic, ties at 1/2.

    Args:
        forged: (N,) scores of inpainted images.
        authentic: (M,) scores of `original`.

    Returns:
        The area in [0, 1]; NaN if either array is empty.

    Raises:
        BadInput: if a score is NaN.
    """
    _check(forged, authentic)
    labels = np.arange(len(forged) + len(authentic)) < len(forged)
    return auc(np.concatenate((forged, authentic)), labels)


def _check(*scores: Scores) -> None:
    if any(bool(np.isnan(one).any()) for one in scores):
        raise BadInput("scores: expected real numbers, got NaN among them")
