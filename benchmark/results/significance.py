"""Paired significance tests of all tables, reports and comparisons (docs/statistics.md).

Used by tables, `bench table stats`, `--compare` and the page. All comparisons are paired by image,
and every test is two-sided: p is the probability of a difference at least as large, in either
direction, if there were none.

- Of a mean: the sign-flip permutation test. Under the null hypothesis each image's difference is
  equally likely with either sign. It assumes no normal distribution, so it is valid for few images.
- Of a share, such as ACC: McNemar's exact test (1947), a binomial test over the images on which the
  two disagree.

Several tests form a family that is defined before measuring; Holm's step-down rule (1979) keeps the
family-wise error rate at 5 %. A test that cannot reach 5 % whatever the data, as there are too few
images or the family is too large, is not made and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.core.seeds import seed_of
from benchmark.metrics.intervals import (
    DRAWS,
    FEWEST,
    Interval,
    Values,
    clipped,
    mean_intervals,
    paired_share_interval,
)
from benchmark.results.rounding import kind_of

Conclusion = Literal["better", "worse", "no difference shown", "not tested"]

ALPHA = 0.05
FEWEST_MODELS = 4  # with fewer, Kendall's tau has too few values to be informative
EXACT = 13  # up to this many images all 2**N signs are tried, fewer than DRAWS
_BLOCK = 1 << 21  # signs in memory at once: 16 MiB as float64


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """A paired test of a difference over images.

    Attributes:
        value: mean of own minus other over the images that count in both; None without any.
        low: lower end of its 95 % interval, or None.
        high: upper end, or None.
        p: two-sided p-value; None if not tested.
        p_holm: p-value corrected for the family, or None.
        n: number of images that count in both.
        verdict: "better" if `own` is better in the metric's direction for inpainters, "worse", "no
            difference shown", or "not tested".
        reason: why it is not tested, or "".
        metric: name of the metric.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    verdict: Conclusion
    reason: str = ""
    p_holm: float | None = None
    metric: str = ""

    @property
    def differs(self) -> bool:
        """Whether a significant difference was found."""
        return self.verdict in {"better", "worse"}


def paired_test(
    own: Values, other: Values, *, metric: str, seed: int, family: int = 1
) -> PairedTest:
    """Test whether a metric differs between two sets of values of the same images, two-sided.

    Args:
        own: (N,) value per image; NaN or infinite if it does not count.
        other: (N,) of the same images in the same order.
        metric: name of the metric, which determines direction, bounds and whether it is a share.
        seed: seed of the run, from which signs are drawn.
        family: number of tests in the family, this one included. The p-value is multiplied by it
            (Bonferroni); if all tests are available, use `corrected` (Holm).
    """
    (found,) = paired_tests(own[:, None], other[:, None], metrics=[metric], seed=seed)
    return _with_verdict(found, family, min(1.0, family * (found.p or 0.0)))


def paired_tests(
    own: NDArray[np.float64], other: NDArray[np.float64], *, metrics: Sequence[str], seed: int
) -> tuple[PairedTest, ...]:
    """Return the tests of `paired_test` for K columns at once, as families of one each.

    Args:
        own: (N, K) value per image and comparison; NaN or infinite if it does not count.
        other: (N, K) of the same images in the same order.
        metrics: K metric names, one per column.
        seed: seed of the run, from which signs are drawn.
    """
    with np.errstate(invalid="ignore"):  # two identical images: infinite minus infinite
        apart = own - other
    counts = np.isfinite(apart)
    kinds = [kind_of(metric) for metric in metrics]
    bounds = [kind.bounds.apart for kind in kinds]
    intervals = list(mean_intervals(apart, bounds, seed=seed_of("interval", seed)))
    p_values = sign_flip(apart, seed=seed_of("signs", seed))
    for column, kind in enumerate(kinds):
        if kind.share:
            here = counts[:, column]
            pair = own[here, column], other[here, column]
            intervals[column] = clipped(paired_share_interval(*pair), kind.bounds.apart)
            p_values[column] = _mcnemar(*pair)
    return tuple(
        _with_verdict(_test(apart[counts[:, column], column], intervals[column], p, metric), 1, p)
        for column, (p, metric) in enumerate(zip(map(float, p_values), metrics, strict=True))
    )


def corrected(tests: Sequence[PairedTest]) -> tuple[PairedTest, ...]:
    """Return the tests of one family with verdicts by Holm's rule.

    A test of fewer than `FEWEST` images was not made and does not count in the family.
    """
    made = [index for index, one in enumerate(tests) if one.p is not None]
    p_values = holm([tests[index].p or 0.0 for index in made])
    least = holm([_smallest(tests[index]) for index in made])
    found = list(tests)
    for index, p, best in zip(made, p_values, least, strict=True):
        found[index] = _with_verdict(tests[index], len(made), p, best)
    return tuple(found)


def against_best(tests: Sequence[PairedTest], best: int) -> PairedTest:
    """Return the test of one model against its best rival, from its tests against all rivals.

    The p-value accounts for the selection of the rival by its number. To be better than the best,
    a model must beat all: the largest p-value, without correction (Berger 1982). To be worse, any
    rival suffices: the p-value times their number (Bonferroni).

    Args:
        tests: one test per rival, from `paired_tests`.
        best: index of the best rival.
    """
    one = tests[best]
    if any(other.p is None for other in tests):
        few = next(other for other in tests if other.p is None)
        return replace(one, p=None, p_holm=None, verdict="not tested", reason=few.reason)
    p_values = [other.p or 0.0 for other in tests]
    p = max(p_values) if _is_better(one) else min(1.0, len(tests) * (one.p or 0.0))
    return _with_verdict(replace(one, p=p), 1, p)


def smallest_p(n: int, *, share: bool) -> float:
    """Return the smallest two-sided p-value that a test of `n` images can reach."""
    if share or n <= EXACT:
        return min(1.0, 2.0 ** (1 - n))
    return 1 / (DRAWS + 1)


def sign_flip(differences: NDArray[np.float64], *, seed: int, draws: int = DRAWS) -> Values:
    """Return two-sided p-values: the share of random signs with a sum at least as far from 0.

    Args:
        differences: (N, K) of N images for K comparisons; non-finite values do not count.
        seed: seed of the signs.
        draws: number of random signs if all 2**N would be more than 8,192.

    Returns:
        (K,) p-values; exact for up to 13 images, else at least 1 / (draws + 1).
    """
    usable = np.where(np.isfinite(differences), differences, 0.0)
    observed = usable.sum(axis=0)
    far = np.abs(observed) - 1e-9 * np.abs(usable).sum(axis=0)  # rounding of the sums
    reached = np.zeros(usable.shape[1], dtype=np.int64)
    tried = 0
    for bits in _bits(len(usable), seed, draws):
        flipped = observed - 2 * (bits.astype(np.float64) @ usable)  # 1 flips a sign
        reached += (np.abs(flipped) >= far).sum(axis=0)
        tried += len(bits)
    own = 0 if len(usable) <= EXACT else 1  # random signs: the observed ones count as one more
    found: Values = (reached + own) / (tried + own)
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected by Holm's step-down rule (1979), in the same order."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    found = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        found[index] = highest
    return found


class RankCorrelation(NamedTuple):
    """Agreement of two rankings of models.

    Attributes:
        tau: Kendall's rank correlation with its correction for ties (1945), in [-1, 1], or None.
        reason: why it is undefined, or "".
    """

    tau: float | None
    reason: str = ""


def kendall_tau(pairs: Sequence[tuple[float, float]]) -> RankCorrelation:
    """Return Kendall's tau-b of two numbers per model; None for fewer than `FEWEST_MODELS`."""
    if len(pairs) < FEWEST_MODELS:
        models = "1 model" if len(pairs) == 1 else f"{len(pairs)} models"
        return RankCorrelation(None, f"{models}, Kendall's tau needs {FEWEST_MODELS}")
    from scipy.stats import kendalltau

    tau = float(kendalltau(*zip(*pairs, strict=True), variant="b").statistic)
    return (
        RankCorrelation(None, "all models are equal: no order")
        if np.isnan(tau)
        else RankCorrelation(tau)
    )


def _test(values: Values, interval: Interval, p: float, metric: str) -> PairedTest:
    """Return the test of the differences that count, (N,), without a verdict."""
    n = len(values)
    known = not np.isnan(interval.low)
    return PairedTest(
        value=float(values.mean()) if n else None,
        low=interval.low if known else None,
        high=interval.high if known else None,
        p=p if n >= FEWEST else None,
        n=n,
        verdict="not tested",
        reason="" if n >= FEWEST else f"{n} image{'' if n == 1 else 's'}, a test needs {FEWEST}",
        metric=metric,
    )


def _with_verdict(
    one: PairedTest, family: int, p_holm: float, least: float | None = None
) -> PairedTest:
    """Return the test with its verdict.

    Args:
        one: the test; returned as it is without a p-value.
        family: number of tests in its family.
        p_holm: its corrected p-value.
        least: smallest corrected p-value that it can reach, by default Bonferroni's.
    """
    if one.p is None:
        return one
    if (family * _smallest(one) if least is None else least) > ALPHA:
        tests = "1 test" if family == 1 else f"{family} tests"
        reason = f"p below {ALPHA} cannot be reached with {one.n} images and {tests}"
        return replace(one, p_holm=p_holm, verdict="not tested", reason=reason)
    if p_holm > ALPHA or not one.value:
        return replace(one, p_holm=p_holm, verdict="no difference shown", reason="")
    return replace(one, p_holm=p_holm, verdict="better" if _is_better(one) else "worse", reason="")


def _smallest(one: PairedTest) -> float:
    return smallest_p(one.n, share=kind_of(one.metric).share)


def _is_better(one: PairedTest) -> bool:
    """Return whether own is better than other on average, significant or not."""
    higher = kind_of(one.metric).better == "higher"
    return bool(one.value) and ((one.value or 0.0) > 0) == higher


def _mcnemar(own: Values, other: Values) -> float:
    """Return the exact two-sided p-value of two paired shares: McNemar (1947), binomial."""
    lone, others = int((own > other).sum()), int((own < other).sum())
    if not lone + others:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(lone, lone + others).pvalue)


def _bits(samples: int, seed: int, draws: int) -> Iterator[NDArray[np.uint8]]:
    """Yield (B, N) blocks of zeros and ones: all combinations for few samples, else random."""
    if samples <= EXACT:
        yield (np.arange(2**samples)[:, None] >> np.arange(samples) & 1).astype(np.uint8)
        return
    generator = np.random.default_rng((seed, samples))
    block = max(1, _BLOCK // samples)
    for start in range(0, draws, block):
        rows = min(block, draws - start)
        octets = generator.integers(256, size=(rows, -(-samples // 8)), dtype=np.uint8)
        yield np.unpackbits(octets, axis=1, count=samples)
