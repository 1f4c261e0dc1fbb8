"""AUC and F1 over all pixels of a cell together, from rows that are stored per image.

For AUC, the exact counts of an image cover 65,536 float16 values. Its row keeps `GROUPS` groups of
adjacent values instead: their mean and their numbers of positives and negatives. Groups contain
about equally many pixels, so they adapt to the image's values, whether its heatmap is flat or
confident.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.core.types import Case, Rows
from benchmark.metrics.base import Metric, verdict_of
from benchmark.metrics.intervals import (
    FEW,
    UNDEFINED,
    UNIT,
    Interval,
    Values,
    bootstrap_ratio,
    mean_interval,
)
from benchmark.metrics.localization import EVEN, NAN, confusion
from benchmark.metrics.ranking import count_values, half_values

GROUPS = 128


class AUCPooled(Metric):
    """`auc_pooled`: one AUC over all pixels of a cell; rows summarize each image's value counts.

    Exact if no image has more than about `GROUPS` values. Otherwise pixels of one group count as
    ties: for one image with hole share r the error is at most 1 / (8 * GROUPS * r * (1 - r)) (0.008
    at 15 %); on detectors' heatmaps it is below 1e-4 (measured in its test). A row takes 3 kB.
    """

    name, title = "auc_pooled", "AUC (pooled)"
    better = "lower"
    bounds = UNIT
    needs = "verdict"
    parts = tuple(
        f"{kind}{group + 1}"
        for kind in ("logit", "positives", "negatives")
        for group in range(GROUPS)
    )

    def measure(self, case: Case) -> Rows:
        """Return (N, 3 * GROUPS) float64: the groups' mean logits, positives, negatives.

        Raises:
            BadInput: if the case has no detector output or a heatmap contains a NaN.
        """
        logits = verdict_of(case, self.name).logits
        pairs = zip(logits, case.truth, strict=True)
        return np.stack([_grouped(one.ravel(), mask.ravel()) for one, mask in pairs])

    def values(self, rows: Rows) -> Values:
        """Return each image's (N,) share of the pooled AUC, see `pooled_shares`."""
        if not len(rows):
            return np.empty(0)
        means, positives, negatives = rows.reshape(len(rows), 3, GROUPS).transpose(1, 0, 2)
        keys, places = np.unique(means, return_inverse=True)
        return pooled_shares(
            places.reshape(means.shape), positives, negatives, ties=np.full(len(keys), 0.5)
        )


class F1Pooled(Metric):
    """`f1_pooled`: one F1 at probability 0.5 over all pixels of a cell; rows are TP, FP, FN."""

    name, title = "f1_pooled", "F1 (pooled)"
    better = "lower"
    bounds = UNIT
    needs = "verdict"
    parts = ("tp", "fp", "fn")

    def measure(self, case: Case) -> Rows:
        """Return (N, 3) float64: numbers of TP, FP and FN pixels.

        Raises:
            BadInput: if the case has no detector output or a heatmap contains a NaN.
        """
        logits = verdict_of(case, self.name).logits
        counts = [
            confusion(one, mask, threshold=EVEN)[:3]
            for one, mask in zip(logits, case.truth, strict=True)
        ]
        return np.array(counts, dtype=np.float64)

    def counted(self, rows: Rows) -> NDArray[np.bool_]:
        """Return all True; all False if no pixel of the cell is manipulated (F1 is undefined)."""
        return np.full(len(rows), bool(rows[:, ::2].sum() > 0))

    def reduce(self, rows: Rows) -> float:
        """Return 2TP / (2TP + FP + FN) of the summed counts; NaN if no pixel is manipulated."""
        if not self.counted(rows).any():
            return NAN
        tp, fp, fn = rows.sum(axis=0)
        return float(2 * tp / (2 * tp + fp + fn))

    def values(self, rows: Rows) -> NDArray[np.float64]:
        """Return each sample's (N,) share of the ratio: the ratio plus N times its influence on it.

        Their mean is the ratio (the infinitesimal jackknife), as in `auc_pooled`; 0 for 0 / 0.
        """
        above = 2 * rows[:, 0]
        below = above + rows[:, 1] + rows[:, 2]
        if not below.any():
            return np.zeros(len(rows))
        ratio = above.sum() / below.sum()
        shares: NDArray[np.float64] = ratio + (above - ratio * below) / below.mean()
        return shares

    def interval(self, rows: Rows, *, seed: int) -> Interval:
        """Return the 95 % interval of the pooled ratio over samples, by the rules for a mean.

        From 50 samples on it is the percentile bootstrap of the ratio. Below, it is Student's t
        over each sample's share of the ratio, the ratio plus N times the sample's influence on it
        (the infinitesimal jackknife), as in `auc_pooled`.
        """
        if not self.counted(rows).any():
            return UNDEFINED
        above = 2 * rows[:, 0]
        below = above + rows[:, 1] + rows[:, 2]
        if np.count_nonzero(below) >= FEW:
            return bootstrap_ratio(above, below, seed=seed)
        if not below.any():
            return UNDEFINED
        return mean_interval(self.values(rows), seed=seed, bounds=self.bounds)


def pooled_shares(
    places: NDArray[np.intp], positives: Values, negatives: Values, *, ties: Values
) -> Values:
    """Return each image's share of the area under the ROC of all pixels of N images together.

    The pooled area A is a sum over pairs of pixels, W / (P * Q) for P positives and Q negatives. A
    share is A plus N times the image's influence on A; so the mean of the shares is A, and a
    bootstrap over them is that of the pooled area to first order (the infinitesimal jackknife).

    Args:
        places: (N, K) index, among V ascending values, of the value of each of an image's K groups.
        positives: (N, K) number of positive pixels in a group.
        negatives: (N, K) number of negative pixels in a group.
        ties: (V,) weight of a pair with equal values, 1/2 for the exact area.

    Returns:
        (N,) shares; NaN if one class has no pixel in any image.
    """
    everywhere = places.ravel()
    found = np.bincount(everywhere, positives.ravel(), len(ties))  # (V,)
    missed = np.bincount(everywhere, negatives.ravel(), len(ties))
    total, others = found.sum(), missed.sum()
    if not total or not others:
        return np.full(len(places), np.nan)
    below = missed.cumsum() - (1 - ties) * missed  # negatives that a positive of a value beats
    above = total - found.cumsum() + ties * found  # positives that beat a negative of a value
    wins = (positives * below[places] + negatives * above[places]).sum(axis=1) / (total * others)
    area = wins.sum() / 2  # each pair is in two sums: of its positive and of its negative
    parts = positives.sum(axis=1) / total + negatives.sum(axis=1) / others
    shares: Values = area + len(places) * (wins - area * parts)
    return shares


def _grouped(values: NDArray[np.float16], labels: NDArray[np.bool_]) -> Values:
    """Return one image's row, (3 * GROUPS,). Ties are never split; a value with the pixels of two
    groups forms its own group.
    """
    counts = count_values(values, labels)
    there = np.flatnonzero(counts.positives + counts.negatives)
    positives, negatives = counts.positives[there], counts.negatives[there]
    pixels = positives + negatives
    middle = 2 * pixels.cumsum() - pixels  # twice the mean rank of the pixels of each value
    group = middle * GROUPS // (2 * len(values))
    held = np.bincount(group, pixels, GROUPS)
    sums = np.bincount(group, pixels * half_values()[there], GROUPS)
    means = np.divide(sums, held, out=np.zeros(GROUPS), where=held > 0)
    return np.concatenate(
        (means, np.bincount(group, positives, GROUPS), np.bincount(group, negatives, GROUPS))
    )
