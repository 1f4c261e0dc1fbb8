"""AUC over all pixels of a cell together, from rows small enough to keep for every image.

An image's exact tally has 65,536 float16 values. Its row keeps `GROUPS` groups of neighbouring
values instead: their mean, and how many positives and negatives they hold. Groups hold about
equally many pixels, so they are fine where the image's values are, be the map flat or confident.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.core.types import Case, Rows
from benchmark.metrics.base import Metric, verdict_of
from benchmark.metrics.intervals import UNIT, Values
from benchmark.metrics.ranking import count_values, half_values

GROUPS = 128


class AUCPooled(Metric):
    """`auc_pooled`: one AUC over all pixels of a cell; rows are a summary of each image's tally.

    Exact where no image has more than about `GROUPS` values. Else pixels of one group count as
    ties: for one image with hole share r the error is at most 1 / (8 * GROUPS * r * (1 - r))
    (0.008 at 15 %), on detectors' maps below 1e-4 (measured in its test). A row costs 3 kB.
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
        """Measure N samples: (N, 3 * GROUPS) float64, groups' mean logit, positives, negatives.

        Raises:
            BadInput: if the case has no verdict or a heatmap holds a NaN.
        """
        logits = verdict_of(case, self.name).logits
        pairs = zip(logits, case.truth, strict=True)
        return np.stack([_grouped(one.ravel(), mask.ravel()) for one, mask in pairs])

    def values(self, rows: Rows) -> Values:
        """(N,) each image's share in the pooled AUC, see `pooled_shares`."""
        if not len(rows):
            return np.empty(0)
        means, positives, negatives = rows.reshape(len(rows), 3, GROUPS).transpose(1, 0, 2)
        keys, places = np.unique(means, return_inverse=True)
        return pooled_shares(
            places.reshape(means.shape), positives, negatives, ties=np.full(len(keys), 0.5)
        )


def pooled_shares(
    places: NDArray[np.intp], positives: Values, negatives: Values, *, ties: Values
) -> Values:
    """Each image's share in an area under the ROC of all pixels of N images together.

    The pooled area A is a sum over pairs of pixels, W / (P * Q) for P positives and Q negatives. A
    share is A plus N times the image's influence on A; so their mean is A itself, and a bootstrap
    over them is the pooled area's, to first order (the infinitesimal jackknife).

    Args:
        places: (N, K) which of V ascending values K groups of an image's pixels have.
        positives: (N, K) how many positive pixels a group holds.
        negatives: (N, K) how many negative ones.
        ties: (V,) what a pair of that same value counts, 1/2 in the exact area.

    Returns:
        (N,) shares; NaN where one class has no pixel in all the images.
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
    area = wins.sum() / 2  # every pair stands in two sums, its positive's and its negative's
    parts = positives.sum(axis=1) / total + negatives.sum(axis=1) / others
    shares: Values = area + len(places) * (wins - area * parts)
    return shares


def _grouped(values: NDArray[np.float16], labels: NDArray[np.bool_]) -> Values:
    """One image's row. Ties are never split, and a value of two groups' pixels stands alone."""
    counts = count_values(values, labels)
    there = np.flatnonzero(counts.positives + counts.negatives)
    positives, negatives = counts.positives[there], counts.negatives[there]
    pixels = positives + negatives
    middle = 2 * pixels.cumsum() - pixels  # twice the mean rank of a value's pixels
    group = middle * GROUPS // (2 * len(values))
    held = np.bincount(group, pixels, GROUPS)
    sums = np.bincount(group, pixels * half_values()[there], GROUPS)
    means = np.divide(sums, held, out=np.zeros(GROUPS), where=held > 0)
    return np.concatenate(
        (means, np.bincount(group, positives, GROUPS), np.bincount(group, negatives, GROUPS))
    )
