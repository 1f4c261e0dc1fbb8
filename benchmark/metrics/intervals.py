"""95 % confidence intervals over images (docs/statistics.md).

The kind of interval depends only on what is measured and on how many images count:

- a share of images, such as ACC: the exact interval of Clopper and Pearson (1934);
- a mean over fewer than `FEW` images: Student's t (1908), which is valid for few images;
- a mean over `FEW` images or more: the percentile bootstrap (Efron 1979).

There is none for a single image, nor for a mean over fewer than `FEWEST` images that are all equal,
as their equality does not predict the next image. Intervals are clipped to the metric's bounds.
benchmarks/coverage.py simulates how often each of them contains the true value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DRAWS = 10_000
FEW = 50  # images: Student's t below, bootstrap from here on
FEWEST = 6  # images: with fewer, equal values have no interval and nothing is tested
LEVEL = 0.95
RULES = f"shares Clopper-Pearson, means Student's t below {FEW} images, else bootstrap"
_BLOCK = 1 << 20  # indices drawn at once: 8 MiB for any number of samples
_EQUAL = 1e-9  # smaller spreads are rounding errors: values are stored with six decimals
_HALVINGS = 50  # bisection steps in [0, 1]: exact to the last printed digit

Values = NDArray[np.float64]


class Interval(NamedTuple):
    """A 95 % interval.

    Attributes:
        low: lower end, or NaN.
        high: upper end, or NaN.
    """

    low: float
    high: float


class Bounds(NamedTuple):
    """Smallest and largest possible value of a number.

    Attributes:
        low: lower bound, or minus infinity.
        high: upper bound, or infinity.
    """

    low: float = float("-inf")
    high: float = float("inf")

    @property
    def apart(self) -> Bounds:
        """Bounds of the difference of two such numbers."""
        return Bounds(self.low - self.high, self.high - self.low)


UNDEFINED = Interval(float("nan"), float("nan"))
UNBOUNDED = Bounds()
UNIT = Bounds(0.0, 1.0)


def mean_interval(values: Values, *, seed: int, bounds: Bounds = UNBOUNDED) -> Interval:
    """Return the 95 % interval of a mean over images, see `mean_intervals`.

    Args:
        values: (N,) value per image; NaN and infinity do not count.
        seed: seed of the bootstrap.
        bounds: bounds of the mean.
    """
    (found,) = mean_intervals(values[:, None], [bounds], seed=seed)
    return found


def mean_intervals(
    values: Values, bounds: Sequence[Bounds] = (), *, seed: int
) -> tuple[Interval, ...]:
    """Return 95 % intervals of means over images, for several columns at once.

    Student's t if fewer than `FEW` images of a column count, otherwise the percentile bootstrap.

    Args:
        values: (N, K) value per image and column; NaN and infinity do not count.
        bounds: K bounds, one per column's mean; by default none.
        seed: seed of the bootstrap.

    Returns:
        K intervals; NaN if fewer than two images count, or fewer than `FEWEST` that are all equal.
    """
    counts = np.isfinite(values)
    n = counts.sum(axis=0)
    found = [UNDEFINED] * len(n)
    if (n < FEW).any():
        found = _student(np.where(counts, values, 0.0), counts)
    many = np.flatnonzero(n >= FEW)
    if len(many):
        drawn = bootstrap_means(values[:, many], seed=seed)
        for column, interval in zip(many, drawn, strict=True):
            found[column] = interval
    limits = bounds or [UNBOUNDED] * len(found)
    return tuple(clipped(one, limit) for one, limit in zip(found, limits, strict=True))


def share_interval(values: Values) -> Interval:
    """Return Clopper and Pearson's 95 % interval of a share, see `share_intervals`.

    Args:
        values: (N,) 0 or 1 per image; NaN does not count.
    """
    (found,) = share_intervals(values[:, None])
    return found


def share_intervals(values: Values) -> tuple[Interval, ...]:
    """Return Clopper and Pearson's exact 95 % intervals (1934) of shares, for several columns.

    Their coverage is at least 95 % for every true share and any number of images: for 7 out of 7
    the interval is [0.5904, 1].

    Args:
        values: (N, K) 0 or 1 per image and column; NaN does not count.

    Returns:
        K intervals in [0, 1]; NaN if fewer than two images count.
    """
    from scipy.special import betaincinv

    n = np.isfinite(values).sum(axis=0)
    hits = np.nansum(values, axis=0)
    rest = (1 - LEVEL) / 2
    with np.errstate(invalid="ignore"):
        low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), n - hits + 1, rest), 0.0)
        high = np.where(hits < n, betaincinv(hits + 1, np.maximum(n - hits, 1), 1 - rest), 1.0)
    return tuple(
        Interval(float(one), float(other)) if count > 1 else UNDEFINED
        for one, other, count in zip(low, high, n, strict=True)
    )


def paired_share_interval(own: Values, other: Values) -> Interval:
    """Return the 95 % interval of the difference of two paired shares: Newcombe's method 10.

    Wilson's score intervals combined by square-and-add with their correlation, which is corrected
    for continuity (Newcombe 1998, Statistics in Medicine 17, 2635-2650).

    Args:
        own: (N,) 0 or 1 per image.
        other: (N,) 0 or 1 of the same images in the same order.

    Returns:
        The interval of own minus other, in [-1, 1]; NaN if there are fewer than two images.
    """
    n = len(own)
    if n < 2:
        return UNDEFINED
    both, neither = float((own * other).sum()), float(((1 - own) * (1 - other)).sum())
    first, second = float(own.mean()), float(other.mean())
    lone, others = first * n - both, second * n - both
    low, high = _wilson(first, n)
    other_low, other_high = _wilson(second, n)
    product = n**4 * first * (1 - first) * second * (1 - second)
    apart = both * neither - lone * others
    if apart > 0:
        apart = max(apart - n / 2, 0.0)
    phi = apart / product**0.5 if product > 0 else 0.0

    def width(one: float, two: float) -> float:
        return sqrt(max(one * one - 2 * phi * one * two + two * two, 0.0))

    middle = first - second
    below = width(first - low, other_high - second)
    return Interval(middle - below, middle + width(high - first, second - other_low))


def _wilson(share: float, n: int) -> Interval:
    """Return Wilson's score interval (1927) of a share of `n` images, uncorrected."""
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    middle = share + z * z / (2 * n)
    by = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    scale = 1 + z * z / n
    return Interval((middle - by) / scale, (middle + by) / scale)


def mixed_share_interval(
    least: NDArray[np.int64], most: NDArray[np.int64], weights: Values, n: int
) -> Interval:
    """Return Clopper and Pearson's 95 % interval of a share whose count is itself uncertain.

    Instead of quantiles of beta distributions, its ends are quantiles of their mixture over all
    possible counts. With a single count it equals `share_interval`.

    Args:
        least: (D,) possible counts out of `n` images, as used for the lower end.
        most: (D,) the same as used for the upper end, if a count itself lies between two.
        weights: (D,) probability of each count, summing to 1.
        n: number of images, at least one.
    """
    from scipy.special import betainc

    tiny = 1e-300  # in place of 0: the beta distribution is then a point mass at 0 or 1

    def quantile(first: Values, second: Values, share: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            enough = float(weights @ betainc(first, second, middle)) >= share
            low, high = (low, middle) if enough else (middle, high)
        return low

    rest = (1 - LEVEL) / 2
    low, high = least.astype(np.float64), most.astype(np.float64)
    return Interval(
        quantile(np.maximum(low, tiny), n - low + 1, rest),
        quantile(high + 1, np.maximum(n - high, tiny), 1 - rest),
    )


def bootstrap_means(
    values: NDArray[np.float64], *, seed: int, draws: int = DRAWS
) -> tuple[Interval, ...]:
    """Return 95 % percentile bootstrap intervals of means over samples, for several columns.

    Samples are drawn from all N, undefined ones included, and the mean is taken over the drawn
    samples that count: so the draws depend on `seed` and N alone and are the same for every
    inpainter of a table, even if one of them has a sample that does not count. Too narrow for few
    samples: `mean_intervals` uses it from `FEW` on.

    Args:
        values: (N, K) value per sample and column; NaN and infinity do not count.
        seed: seed of the draws.
        draws: number of bootstrap draws.

    Returns:
        K intervals; NaN if fewer than two samples count.
    """
    counts = np.isfinite(values)
    columns = [np.where(counts, values, 0.0)]  # (N, K)
    if not counts.all():  # otherwise every draw has N samples that count
        columns.append(counts.astype(np.float64))
    both = np.concatenate(columns, axis=1)
    often = _often(len(values), seed, draws)
    block = max(1, _BLOCK // max(1, len(values)))
    sums = [often[start : start + block].astype(np.float64) @ both
            for start in range(0, draws, block)]  # fmt: skip
    above, *below = np.split(np.concatenate(sums), len(columns), axis=1)
    with np.errstate(invalid="ignore"):  # a draw in which no sample counts
        found = above / (below[0] if below else len(values))
    enough = counts.sum(axis=0) >= 2
    return tuple(
        _ends(column) if usable else UNDEFINED
        for column, usable in zip(found.T, enough, strict=True)
    )


@lru_cache(maxsize=1)  # all cells of a run have equally many samples, so the same draws
def _often(samples: int, seed: int, draws: int) -> NDArray[np.uint8]:
    """Return how often each draw contains each sample, (draws, N); never above 255 in practice."""
    blocks = []
    for drawn in _drawn(samples, seed, draws):
        rows = np.arange(len(drawn))[:, None] * samples
        counts = np.bincount((drawn + rows).ravel(), minlength=drawn.size)
        blocks.append(counts.astype(np.uint8).reshape(drawn.shape))
    return np.concatenate(blocks)


def bootstrap_ratio(
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    *,
    seed: int,
    draws: int = DRAWS,
) -> Interval:
    """Return the 95 % bootstrap interval of sum(numerators) / sum(denominators) over samples.

    Args:
        numerators: (N,) finite.
        denominators: (N,) finite, at least 0; a sample with 0 does not count.
        seed: seed of the draws, which are those of `bootstrap_means`.
        draws: number of bootstrap draws.

    Returns:
        The interval; NaN if fewer than two samples count.
    """
    return _bootstrap(numerators, denominators, seed, draws)


def _bootstrap(
    numerators: NDArray[np.float64], denominators: NDArray[np.float64], seed: int, draws: int
) -> Interval:
    if np.count_nonzero(denominators) < 2:
        return UNDEFINED
    constant = bool((denominators == denominators[0]).all())  # then all draws have the same sum
    ratios = []
    for drawn in _drawn(len(numerators), seed, draws):
        above = numerators[drawn].sum(axis=1)
        below = denominators[drawn].sum(axis=1) if not constant else denominators.sum()
        with np.errstate(invalid="ignore"):  # a draw in which no sample counts
            ratios.append(above / below)
    return _ends(np.concatenate(ratios))


def _ends(found: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(found[np.isfinite(found)], (2.5, 97.5))
    return Interval(float(low), float(high))


def _drawn(samples: int, seed: int, draws: int) -> Iterator[NDArray[np.int64]]:
    """Yield blocks of (B, N) indices, the same for equal N, seed and number of draws."""
    generator = np.random.default_rng((seed, samples))
    block = max(1, _BLOCK // samples)
    for start in range(0, draws, block):
        yield generator.integers(samples, size=(min(block, draws - start), samples))


def clipped(interval: Interval, bounds: Bounds) -> Interval:
    """Clip an interval to bounds; NaN stays NaN."""
    if np.isnan(interval.low):
        return interval
    return Interval(max(interval.low, bounds.low), min(interval.high, bounds.high))


def _student(values: Values, counts: NDArray[np.bool_]) -> list[Interval]:
    """Return Student's t intervals of K columns; values that do not count are 0."""
    from scipy.special import stdtrit

    n = counts.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = values.sum(axis=0) / n
        spread = (np.where(counts, values - mean, 0.0) ** 2).sum(axis=0)
        half = stdtrit(np.maximum(n - 1, 1), (1 + LEVEL) / 2) * np.sqrt(spread / (n - 1) / n)
    most = np.where(counts, values, -np.inf).max(axis=0, initial=-np.inf)
    with np.errstate(invalid="ignore"):  # a column of which nothing counts
        differ = most - np.where(counts, values, np.inf).min(axis=0, initial=np.inf) > _EQUAL
    usable = (n >= 2) & ((n >= FEWEST) | differ)
    half = np.where(differ, half, 0.0)
    return [
        Interval(float(one - by), float(one + by)) if fit else UNDEFINED
        for one, by, fit in zip(mean, half, usable, strict=True)
    ]
