"""Intervals and tests over training seeds and images together (docs/statistics.md).

A model trained with another seed gives other numbers, so an interval over images alone is too
narrow for the effect of a component of a network. Both are resampled here: a two-level bootstrap
draws training seeds of each model, then images, with replacement; all models share the images.
Three seeds drawn from three have too little spread, by (S - 1) / S of the variance, so deviations
from the mean are scaled up accordingly (Rao and Wu 1988). The standard deviation of the draws is
used in Student's t, whose degrees of freedom account for the few seeds (Satterthwaite 1946), as the
draws' own percentiles have far too low a coverage. The interaction of seed and image is counted
three times (Owen 2007), so with one the interval is wider than necessary;
benchmarks/coverage.py has the coverage.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.core.seeds import seed_of
from benchmark.metrics.intervals import (
    DRAWS,
    FEWEST,
    LEVEL,
    UNBOUNDED,
    UNDEFINED,
    Bounds,
    Interval,
    Values,
    clipped,
)
from benchmark.results.rounding import kind_of
from benchmark.results.significance import PairedTest

FEWEST_SEEDS = 3  # trainings of a model that an interval over seeds needs
CONTROL = 1  # number of value sets of an untrained model, whose seed is not resampled


class Spread(NamedTuple):
    """Uncertainty of a mean over seeds and images.

    Attributes:
        error: standard error.
        freedom: degrees of freedom of Student's t.
    """

    error: float
    freedom: float


def seeded_interval(values: Values, *, seed: int, bounds: Bounds = UNBOUNDED) -> Interval:
    """Return the 95 % interval of a model's mean over training seeds and images.

    Args:
        values: (S, N) of S trainings on N images; images with a gap in any training do not count.
        seed: seed of the draws.
        bounds: bounds of the mean.

    Returns:
        The interval; NaN for fewer than `FEWEST_SEEDS` trainings or `FEWEST` images.
    """
    counted = values[:, np.isfinite(values).all(axis=0)]
    if len(values) < FEWEST_SEEDS or counted.shape[1] < FEWEST:
        return UNDEFINED
    middle, spread = float(counted.mean()), _spread([counted], [1.0], seed)
    return clipped(_around(middle, spread), bounds)


def seeded_test(own: Values, other: Values, *, metric: str, seed: int) -> PairedTest:
    """Test whether a metric differs between two models, each trained several times, two-sided.

    Args:
        own: (S, N) of S trainings on N images; NaN if an image does not count.
        other: (T, N) of T trainings on the same images, or (1, N) of an untrained model.
        metric: name of the metric, which determines direction and bounds.
        seed: seed of the draws.

    Returns:
        The test as a family of one, with `n` the images that count in all trainings; for larger
        families see `significance.corrected`. Not tested with fewer than `FEWEST_SEEDS` trainings
        of either model, or `FEWEST` images.
    """
    counts = np.isfinite(own).all(axis=0) & np.isfinite(other).all(axis=0)
    own, other = own[:, counts], other[:, counts]
    n, few = int(counts.sum()), _too_few(own, other)
    one = PairedTest(
        value=float(own.mean() - other.mean()) if n else None,
        low=None,
        high=None,
        p=None,
        n=n,
        verdict="not tested",
        reason=few,
        metric=metric,
    )
    if few or one.value is None:
        return one
    spread = _spread([own, other], [1.0, -1.0], seed)
    low, high = clipped(_around(one.value, spread), kind_of(metric).bounds.apart)
    return replace(one, low=low, high=high, p=_p_value(one.value, spread))


def _too_few(own: Values, other: Values) -> str:
    trained = [len(own)] + ([len(other)] if len(other) > CONTROL else [])
    if min(trained) < FEWEST_SEEDS:
        return f"{min(trained)} training seeds, a test over seeds needs {FEWEST_SEEDS}"
    n = own.shape[1]
    return "" if n >= FEWEST else f"{n} images, a test needs {FEWEST}"


def _spread(models: list[Values], signs: list[float], seed: int) -> Spread:
    """Return the uncertainty of the signed sum of the models' means; `models` are (S, N) each."""
    n = models[0].shape[1]
    images = sum(sign * one.mean(axis=0) for sign, one in zip(signs, models, strict=True))
    parts = [(float(np.var(images, ddof=1)) / n, n - 1)]
    for one in models:
        if len(one) > CONTROL:
            parts.append((float(np.var(one.mean(axis=1), ddof=1)) / len(one), len(one) - 1))
    error = float(np.std(_draws(models, signs, seed), ddof=1))
    below = sum(part**2 / freedom for part, freedom in parts)
    whole = sum(part for part, _ in parts)
    return Spread(error, whole**2 / below if below else n - 1.0)


def _draws(models: list[Values], signs: list[float], seed: int) -> Values:
    """Return the (DRAWS,) signed sums of the models' means over drawn seeds and images."""
    generator = np.random.default_rng(seed_of("training seeds", seed))
    n = models[0].shape[1]
    images = _weights(generator, n)  # (DRAWS, N), the same for all models
    total = np.zeros(DRAWS)
    for sign, one in zip(signs, models, strict=True):
        seeds = _weights(generator, len(one)) if len(one) > CONTROL else np.ones((DRAWS, 1))
        total += sign * ((images @ one.T) * seeds).sum(axis=1)
    return total


def _weights(generator: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Return (DRAWS, count) bootstrap weights, with deviations scaled up for a small `count`."""
    often = generator.multinomial(count, np.full(count, 1 / count), size=DRAWS) / count
    widened: Values = 1 / count + (often - 1 / count) * np.sqrt(count / (count - 1))
    return widened


def _around(middle: float, spread: Spread) -> Interval:
    from scipy.special import stdtrit

    half = float(stdtrit(spread.freedom, (1 + LEVEL) / 2)) * spread.error
    return Interval(middle - half, middle + half)


def _p_value(value: float, spread: Spread) -> float:
    from scipy.special import stdtr

    if not spread.error:
        return 1.0 if not value else 0.0
    return float(2 * stdtr(spread.freedom, -abs(value) / spread.error))
