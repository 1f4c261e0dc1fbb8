"""Paired differences, one-sided tests, their correction, rank correlation.

The test is of "the first hides better than the second", one-sided: if there were no difference,
each picture's difference would be as likely with either sign, so the mean is compared with the
means under random signs (the sign-flip permutation test). It needs no normal distribution, which a
handful of pictures does not give. Of yes-or-no metrics the same test is McNemar's exact one: a
binomial count over the pictures on which the two disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.intervals import DRAWS, Interval, bootstrap_means

Values = NDArray[np.float64]  # (N,), one a picture; NaN or infinite where it does not count

_EXACT = 13  # pictures up to which all 2**N signs are tried: fewer than DRAWS of them
_BLOCK = 1 << 21  # signs held at once: 16 MiB as numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A paired difference over pictures.

    Attributes:
        value: its mean; NaN where no picture counts.
        interval: 95 % bootstrap interval of that mean.
        n: pictures that count.
    """

    value: float
    interval: Interval
    n: int


def paired_differences(
    own: Values, others: NDArray[np.float64], *, seed: int
) -> tuple[Difference, ...]:
    """Mean differences over the pictures on which both sides count, all from the same draws.

    Args:
        own: (N,) one value a picture.
        others: (N, K) of the same pictures in the same order, for K comparisons.
        seed: where the draws come from, the same for all comparisons of a table.

    Returns:
        K differences: `own` minus each of `others`.
    """
    both = apart(own, others)
    intervals = bootstrap_means(both, seed=seed)
    return tuple(
        _difference(column, interval) for column, interval in zip(both.T, intervals, strict=True)
    )


def apart(own: Values, others: NDArray[np.float64]) -> NDArray[np.float64]:
    """`own`, (N,), minus each column of `others`, (N, K); not finite where either side is not."""
    with np.errstate(invalid="ignore"):  # two identical pictures: infinite minus infinite
        found: NDArray[np.float64] = own[:, None] - others
    return found


def _difference(values: Values, interval: Interval) -> Difference:
    counted = values[np.isfinite(values)]
    mean = float(counted.mean()) if len(counted) else float("nan")
    return Difference(value=mean, interval=interval, n=len(counted))


def sign_flip(differences: NDArray[np.float64], *, seed: int, draws: int = DRAWS) -> Values:
    """One-sided p-values of a mean below 0: the share of random signs that reach as low a mean.

    Args:
        differences: (N, K) of N pictures for K comparisons; what is not finite does not count.
        seed: where the signs come from.
        draws: how many signs are tried where all 2**N would be more than 8,192.

    Returns:
        (K,) p-values; exact for up to 13 pictures, else at least 1 / (draws + 1).
    """
    usable = np.where(np.isfinite(differences), differences, 0.0)
    observed = usable.sum(axis=0)
    slack = 1e-9 * np.abs(usable).sum(axis=0)  # sums of the same terms, added in another order
    reached = np.zeros(usable.shape[1], dtype=np.int64)
    tried = 0
    for bits in _bits(len(usable), seed, draws):
        flipped = observed - 2 * (bits.astype(np.float64) @ usable)  # 1 turns a sign
        reached += (flipped <= observed + slack).sum(axis=0)
        tried += len(bits)
    own = 0 if len(usable) <= _EXACT else 1  # of drawn signs the observed ones are one more
    return (reached + own) / (tried + own)


def mcnemar(first: Values, second: Values) -> float:
    """Exact one-sided p-value that `first` is 1 less often than `second`, over paired 0 and 1.

    McNemar (1947) with the binomial distribution: of the pictures on which the two disagree, how
    likely are so few or fewer on which `first` alone is 1, if either were as likely.
    """
    lone, other = (
        int(((first == 1) & (second == 0)).sum()),
        int(((first == 0) & (second == 1)).sum()),
    )
    disagree = lone + other
    ways = sum(comb(disagree, count) for count in range(lone + 1))
    return float(Fraction(ways, 2**disagree))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number by Holm's step-down rule (1979), in the same order."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def kendall_tau_b(first: Sequence[float], second: Sequence[float]) -> float:
    """Kendall's rank correlation with its correction for ties (1945), in [-1, 1].

    Args:
        first: one number a model.
        second: of the same models in the same order.

    Returns:
        The correlation; NaN where either side is all ties or there are fewer than two models.
    """
    one, other = (np.asarray(side, dtype=np.float64) for side in (first, second))
    upper = np.triu_indices(len(one), 1)
    signs_one = np.sign(one[:, None] - one)[upper]
    signs_other = np.sign(other[:, None] - other)[upper]
    scale = np.sqrt(np.abs(signs_one).sum() * np.abs(signs_other).sum())
    return float((signs_one * signs_other).sum() / scale) if scale else float("nan")


def _bits(samples: int, seed: int, draws: int) -> Iterator[NDArray[np.uint8]]:
    """Blocks of (B, N) zeros and ones: all there are for few samples, else drawn."""
    if samples <= _EXACT:
        yield (np.arange(2**samples)[:, None] >> np.arange(samples) & 1).astype(np.uint8)
        return
    generator = np.random.default_rng((seed, samples))
    block = max(1, _BLOCK // samples)
    for start in range(0, draws, block):
        rows = min(block, draws - start)
        octets = generator.integers(256, size=(rows, -(-samples // 8)), dtype=np.uint8)
        yield np.unpackbits(octets, axis=1, count=samples)
