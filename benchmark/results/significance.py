"""Whether two things differ: the one place that decides it (docs/statistics.md).

Tables, `bench table stats`, `--compare` and the page all ask here. Everything compared is paired,
image by image, and every test is two-sided: p is how often a difference at least as large, in
either direction, would arise if there were none.

- Of a mean: the sign-flip permutation test. If nothing differed, each image's difference would be
  as likely with either sign. It needs no normal distribution, which few images do not give.
- Of a share, such as ACC: McNemar's exact test (1947), a binomial test over the images on which the
  two disagree.

Several tests are one family, stated before anything is measured; Holm's step-down rule (1979) keeps
the chance of a single false finding in it at 5 %. Where a test could not reach 5 % whatever came
out, for want of images or for the family's size, it says so and gives no verdict.
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
FEWEST_MODELS = 4  # below, Kendall's tau takes too few values to say anything
EXACT = 13  # images up to which all 2**N signs are tried: fewer than DRAWS of them
_BLOCK = 1 << 21  # signs held at once: 16 MiB as numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """A paired difference over images, and whether it is one.

    Attributes:
        value: the mean of own minus other over the images that count in both; None where none does.
        low: lower end of its 95 % interval, or None.
        high: upper end, or None.
        p: two-sided p-value; None where nothing is tested.
        p_holm: that p-value corrected for the family, or None.
        n: images that count in both.
        verdict: "better" if `own` is, as the metric counts it for an inpainter that wants to hide
            and paint well; "worse", "no difference shown", or "not tested".
        reason: why nothing is tested, or "".
        metric: the metric's name.
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
        """Whether a difference was shown."""
        return self.verdict in {"better", "worse"}


def paired_test(
    own: Values, other: Values, *, metric: str, seed: int, family: int = 1
) -> PairedTest:
    """Test whether a metric differs between two sets of values of the same images, two-sided.

    Args:
        own: (N,) one value an image; NaN or infinite where it does not count.
        other: (N,) of the same images in the same order.
        metric: the metric's name, which says what is better, how it is bounded and whether it is a
            share.
        seed: the run's; the draws come from it.
        family: how many tests stand beside this one, itself included. The p-value is multiplied by
            it (Bonferroni); of a family whose tests are at hand, `corrected` takes Holm's rule.
    """
    (found,) = paired_tests(own[:, None], other[:, None], metrics=[metric], seed=seed)
    return _judged(found, family, min(1.0, family * (found.p or 0.0)))


def paired_tests(
    own: NDArray[np.float64], other: NDArray[np.float64], *, metrics: Sequence[str], seed: int
) -> tuple[PairedTest, ...]:
    """The tests that `paired_test` makes, of K columns at once, as families of one each.

    Args:
        own: (N, K) one value an image and comparison; NaN or infinite where it does not count.
        other: (N, K) of the same images in the same order.
        metrics: the metric of each column, K.
        seed: the run's; the draws come from it.
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
        _judged(_test(apart[counts[:, column], column], intervals[column], p, metric), 1, p)
        for column, (p, metric) in enumerate(zip(map(float, p_values), metrics, strict=True))
    )


def corrected(tests: Sequence[PairedTest]) -> tuple[PairedTest, ...]:
    """The tests of one family with verdicts by Holm's rule.

    A test of fewer than `FEWEST` images was never made and does not count in the family.
    """
    made = [index for index, one in enumerate(tests) if one.p is not None]
    p_values = holm([tests[index].p or 0.0 for index in made])
    least = holm([_smallest(tests[index]) for index in made])
    found = list(tests)
    for index, p, best in zip(made, p_values, least, strict=True):
        found[index] = _judged(tests[index], len(made), p, best)
    return tuple(found)


def against_best(tests: Sequence[PairedTest], best: int) -> PairedTest:
    """The test of one model against its best rival, from its tests against every rival.

    The rival was picked for its number, which the p-value has to pay for. To be better than the
    best, all must be beaten: the largest p-value of all, without correction (Berger 1982). To be
    worse, any rival would have served: its p-value times their number (Bonferroni).

    Args:
        tests: one a rival, of `paired_tests`.
        best: which of them is the best rival.
    """
    one = tests[best]
    if any(other.p is None for other in tests):
        few = next(other for other in tests if other.p is None)
        return replace(one, p=None, p_holm=None, verdict="not tested", reason=few.reason)
    p_values = [other.p or 0.0 for other in tests]
    p = max(p_values) if _ahead(one) else min(1.0, len(tests) * (one.p or 0.0))
    return _judged(replace(one, p=p), 1, p)


def smallest_p(n: int, *, share: bool) -> float:
    """The smallest two-sided p-value that a test of `n` images can give, whatever comes out."""
    if share or n <= EXACT:
        return min(1.0, 2.0 ** (1 - n))
    return 1 / (DRAWS + 1)


def sign_flip(differences: NDArray[np.float64], *, seed: int, draws: int = DRAWS) -> Values:
    """Two-sided p-values: the share of random signs that reach a sum as far from 0.

    Args:
        differences: (N, K) of N images for K comparisons; what is not finite does not count.
        seed: where the signs come from.
        draws: how many signs are tried where all 2**N would be more than 8,192.

    Returns:
        (K,) p-values; exact for up to 13 images, else at least 1 / (draws + 1).
    """
    usable = np.where(np.isfinite(differences), differences, 0.0)
    observed = usable.sum(axis=0)
    far = np.abs(observed) - 1e-9 * np.abs(usable).sum(axis=0)  # sums in another order
    reached = np.zeros(usable.shape[1], dtype=np.int64)
    tried = 0
    for bits in _bits(len(usable), seed, draws):
        flipped = observed - 2 * (bits.astype(np.float64) @ usable)  # 1 turns a sign
        reached += (np.abs(flipped) >= far).sum(axis=0)
        tried += len(bits)
    own = 0 if len(usable) <= EXACT else 1  # of drawn signs the observed ones are one more
    found: Values = (reached + own) / (tried + own)
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number by Holm's step-down rule (1979), in the same order."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    found = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        found[index] = highest
    return found


class RankCorrelation(NamedTuple):
    """How far two orders of models agree.

    Attributes:
        tau: Kendall's rank correlation with its correction for ties (1945), in [-1, 1], or None.
        reason: why there is none, or "".
    """

    tau: float | None
    reason: str = ""


def kendall_tau(pairs: Sequence[tuple[float, float]]) -> RankCorrelation:
    """Kendall's tau-b of two numbers a model; none of fewer than `FEWEST_MODELS` models."""
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
    """A test without its verdict, of the differences that count."""
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


def _judged(one: PairedTest, family: int, p_holm: float, least: float | None = None) -> PairedTest:
    """The test with its verdict.

    Args:
        one: the test; without a p-value it stays as it is.
        family: the tests of its family.
        p_holm: its corrected p-value.
        least: the smallest corrected p-value that could come out, by default Bonferroni's.
    """
    if one.p is None:
        return one
    if (family * _smallest(one) if least is None else least) > ALPHA:
        tests = "1 test" if family == 1 else f"{family} tests"
        reason = f"p below {ALPHA} cannot be reached with {one.n} images and {tests}"
        return replace(one, p_holm=p_holm, verdict="not tested", reason=reason)
    if p_holm > ALPHA or not one.value:
        return replace(one, p_holm=p_holm, verdict="no difference shown", reason="")
    return replace(one, p_holm=p_holm, verdict="better" if _ahead(one) else "worse", reason="")


def _smallest(one: PairedTest) -> float:
    return smallest_p(one.n, share=kind_of(one.metric).share)


def _ahead(one: PairedTest) -> bool:
    """Whether own is better than the other on average, be it noise or not."""
    higher = kind_of(one.metric).better == "higher"
    return bool(one.value) and ((one.value or 0.0) > 0) == higher


def _mcnemar(own: Values, other: Values) -> float:
    """Exact two-sided p-value that two paired shares are equal: McNemar (1947), binomial."""
    lone, others = int((own > other).sum()), int((own < other).sum())
    if not lone + others:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(lone, lone + others).pvalue)


def _bits(samples: int, seed: int, draws: int) -> Iterator[NDArray[np.uint8]]:
    """Blocks of (B, N) zeros and ones: all there are for few samples, else drawn."""
    if samples <= EXACT:
        yield (np.arange(2**samples)[:, None] >> np.arange(samples) & 1).astype(np.uint8)
        return
    generator = np.random.default_rng((seed, samples))
    block = max(1, _BLOCK // samples)
    for start in range(0, draws, block):
        rows = min(block, draws - start)
        octets = generator.integers(256, size=(rows, -(-samples // 8)), dtype=np.uint8)
        yield np.unpackbits(octets, axis=1, count=samples)
