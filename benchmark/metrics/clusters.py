"""95 % intervals over originals: images that share an original are one cluster.

Three forgeries of one photograph are not three photographs: what is drawn is the original, and its
images come with it. A cell stays the number of all its images; its interval is over originals
(docs/statistics.md):

- if each image has an original of its own, it is the metric's own interval over images;
- for a share of images, Clopper and Pearson's with the effective number of images of Korn and
  Graubard (Survey Methodology 24, 1998), but at most the number of originals: more forgeries of
  the same originals do not narrow it;
- else each original is given its share of the number, whose mean over originals is the number
  (linearization, for a mean the ratio estimator of cluster samples; for `image_auc` Obuchowski,
  Biometrics 1997), and these follow the rules for a mean: Student's t below 50 originals, else the
  bootstrap over originals; for `image_auc` Newcombe's (2006) where the shares are all equal;
- a metric of a plug-in that is no mean is computed for drawn originals (bootstrap).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.core.types import Rows
from benchmark.metrics.base import Metric
from benchmark.metrics.detection import ImageAUC
from benchmark.metrics.intervals import (
    LEVEL,
    UNDEFINED,
    UNIT,
    Interval,
    Values,
    clipped,
    mean_interval,
)

DRAWS = 1000  # of originals, for a metric that is no mean
_EQUAL = 1e-9  # a smaller difference of two formulas for one number is rounding

Groups = NDArray[np.int64]  # (N,): equal numbers for images of one original


def count_groups(metric: Metric, rows: Rows, groups: Groups) -> int:
    """Return the number of originals with an image that counts for a metric.

    Args:
        metric: the metric.
        rows: (N, K) rows of its images.
        groups: (N,) number of each image's original.
    """
    return len(np.unique(groups[metric.counted(rows)]))


def clustered_interval(metric: Metric, rows: Rows, groups: Groups, *, seed: int) -> Interval:
    """Return a cell's 95 % interval over originals.

    Args:
        metric: the metric.
        rows: (N, K) rows of the cell's images.
        groups: (N,) number of each image's original.
        seed: seed of the bootstrap.

    Returns:
        The interval; NaN if fewer than two originals count.
    """
    counted = metric.counted(rows)
    rows, groups = rows[counted], _numbered(groups[counted])
    originals = int(groups.max(initial=-1)) + 1
    if originals < 2:
        return UNDEFINED
    if originals == len(rows):
        return metric.interval(rows, seed=seed)
    values, number = metric.values(rows), metric.reduce(rows)
    if abs(float(values.mean()) - number) > _EQUAL:
        return clipped(_drawn_interval(metric, rows, groups, seed), metric.bounds)
    return _interval_of_mean(metric, rows, groups, seed)


def _interval_of_mean(metric: Metric, rows: Rows, groups: Groups, seed: int) -> Interval:
    """Return the interval of a number that is the mean of its images' values."""
    values = metric.values(rows)
    if metric.share:
        return share_interval(values, groups)
    shares = shares_of_groups(values, groups)
    if isinstance(metric, ImageAUC):
        return metric.interval_of_originals(shares, rows, groups, seed=seed)
    own_rule = type(metric).interval is not Metric.interval
    alike = own_rule and shares.max() - shares.min() < _EQUAL  # which does not predict the next
    return UNDEFINED if alike else mean_interval(shares, seed=seed, bounds=metric.bounds)


def shares_of_groups(values: Values, groups: Groups) -> Values:
    """Return each original's share of a mean over images: (G,), whose mean is that mean.

    Args:
        values: (N,) finite value of each image.
        groups: (N,) number of each image's original, from 0 to G - 1.
    """
    mean = float(values.mean())
    sums = np.bincount(groups, values - mean)
    shares: Values = mean + sums * len(sums) / len(values)
    return shares


def share_interval(values: Values, groups: Groups) -> Interval:
    """Return the 95 % interval of a share of images that are clustered.

    Args:
        values: (N,) 0 or 1 of each image.
        groups: (N,) number of each image's original, from 0 to G - 1, G at least 2.

    Returns:
        Clopper and Pearson's interval in [0, 1] for the effective number of images.
    """
    from scipy.special import betaincinv, stdtrit

    share, images = float(values.mean()), len(values)
    shares = shares_of_groups(values, groups)
    variance = float(shares.var(ddof=1)) / len(shares)
    count = float(len(shares))
    if variance > 0:
        tails = stdtrit(np.array([images - 1.0, count - 1.0]), (1 + LEVEL) / 2)
        count = min(share * (1 - share) / variance * float(tails[0] / tails[1]) ** 2, count)
    hits, rest = share * count, (1 - LEVEL) / 2
    low = betaincinv(hits, count - hits + 1, rest) if hits > 0 else 0.0
    high = betaincinv(hits + 1, count - hits, 1 - rest) if hits < count else 1.0
    return clipped(Interval(float(low), float(high)), UNIT)


def _numbered(groups: Groups) -> Groups:
    """Return the groups numbered from 0 to G - 1, none left out."""
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def _drawn_interval(metric: Metric, rows: Rows, groups: Groups, seed: int) -> Interval:
    """Return the percentile bootstrap of a metric that is no mean, over originals."""
    members = [np.flatnonzero(groups == group) for group in range(int(groups.max()) + 1)]
    generator = np.random.default_rng((seed, len(members)))
    found = []
    for _ in range(DRAWS):
        drawn = generator.integers(len(members), size=len(members))
        found.append(metric.reduce(rows[np.concatenate([members[at] for at in drawn])]))
    known = np.array(found)[np.isfinite(found)]
    if not len(known):
        return UNDEFINED
    low, high = np.percentile(known, (2.5, 97.5))
    return Interval(float(low), float(high))
