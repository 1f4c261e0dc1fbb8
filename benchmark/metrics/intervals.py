"""How far a cell can be trusted: percentile bootstrap over samples (metrics.md, section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DRAWS = 10_000
_BLOCK = 1 << 20  # indices drawn at once: 8 MiB, whatever the number of samples


class Interval(NamedTuple):
    """A 95 % interval.

    Attributes:
        low: its lower end, or NaN.
        high: its upper end, or NaN.
    """

    low: float
    high: float


UNDEFINED = Interval(float("nan"), float("nan"))


def bootstrap_mean(values: NDArray[np.float64], *, seed: int, draws: int = DRAWS) -> Interval:
    """95 % percentile bootstrap interval of a mean over samples.

    Samples are drawn from all N, undefined ones included, and the mean is taken over the drawn ones
    that count: so the draws depend on `seed` and N alone and are the same for every inpainter of a
    table, even where one of them has a sample that does not count.

    Args:
        values: (N,) value per sample; NaN and infinity do not count.
        seed: where the draws come from.
        draws: how many times N samples are drawn with replacement.

    Returns:
        The interval; NaN where fewer than two samples count.
    """
    counts = np.isfinite(values)
    return _bootstrap(np.where(counts, values, 0.0), counts.astype(np.float64), seed, draws)


def bootstrap_means(
    values: NDArray[np.float64], *, seed: int, draws: int = DRAWS
) -> tuple[Interval, ...]:
    """The intervals that `bootstrap_mean` gives, of several columns at once, from the same draws.

    Args:
        values: (N, K) value per sample and column; NaN and infinity do not count.
        seed: where the draws come from.
        draws: how many times N samples are drawn with replacement.

    Returns:
        K intervals; NaN where fewer than two samples count.
    """
    counts = np.isfinite(values)
    columns = [np.where(counts, values, 0.0)]  # (N, K)
    if not counts.all():  # else every draw is of N samples that count
        columns.append(counts.astype(np.float64))
    both = np.concatenate(columns, axis=1)
    often = _often(len(values), seed, draws)
    block = max(1, _BLOCK // max(1, len(values)))
    sums = [often[start : start + block].astype(np.float64) @ both
            for start in range(0, draws, block)]  # fmt: skip
    above, *below = np.split(np.concatenate(sums), len(columns), axis=1)
    with np.errstate(invalid="ignore"):  # a draw without any sample that counts
        found = above / (below[0] if below else len(values))
    enough = counts.sum(axis=0) >= 2
    return tuple(
        _ends(column) if usable else UNDEFINED
        for column, usable in zip(found.T, enough, strict=True)
    )


@lru_cache(maxsize=1)  # all cells of a run have as many samples, so their draws are the same
def _often(samples: int, seed: int, draws: int) -> NDArray[np.uint8]:
    """How often each draw takes each sample, (draws, N); 255 times is out of all likelihood."""
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
    """95 % percentile bootstrap interval of sum(numerators) / sum(denominators) over samples.

    Args:
        numerators: (N,) finite.
        denominators: (N,) finite, at least 0; a sample of 0 does not count.
        seed: where the draws come from; the draws are those of `bootstrap_mean`.
        draws: how many times N samples are drawn with replacement.

    Returns:
        The interval; NaN where fewer than two samples count.
    """
    return _bootstrap(numerators, denominators, seed, draws)


def _bootstrap(
    numerators: NDArray[np.float64], denominators: NDArray[np.float64], seed: int, draws: int
) -> Interval:
    if np.count_nonzero(denominators) < 2:
        return UNDEFINED
    constant = bool((denominators == denominators[0]).all())  # then its sum needs no second gather
    ratios = []
    for drawn in _drawn(len(numerators), seed, draws):
        above = numerators[drawn].sum(axis=1)
        below = denominators[drawn].sum(axis=1) if not constant else denominators.sum()
        with np.errstate(invalid="ignore"):  # a draw without any sample that counts
            ratios.append(above / below)
    return _ends(np.concatenate(ratios))


def _ends(found: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(found[np.isfinite(found)], (2.5, 97.5))
    return Interval(float(low), float(high))


def _drawn(samples: int, seed: int, draws: int) -> Iterator[NDArray[np.int64]]:
    """Blocks of (B, N) indices, the same for the same N, seed and number of draws."""
    generator = np.random.default_rng((seed, samples))
    block = max(1, _BLOCK // samples)
    for start in range(0, draws, block):
        yield generator.integers(samples, size=(min(block, draws - start), samples))
