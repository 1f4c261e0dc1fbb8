"""The bootstrap: coverage, pairing, what does not count, and size."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.stats import binom, norm

from benchmark.metrics.intervals import bootstrap_mean, bootstrap_ratio


def test_a_mean_has_the_normal_interval_of_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(10, 2, 400)
    low, high = bootstrap_mean(values, seed=1)
    error = values.std() / np.sqrt(len(values))
    expected = norm.interval(0.95, values.mean(), error)
    assert (low, high) == pytest.approx(expected, abs=0.05 * error)


def test_a_share_has_the_quantiles_of_its_binomial_distribution() -> None:
    values = np.arange(5000) < 83  # an ACC of 0.0166
    found = bootstrap_mean(values.astype(np.float64), seed=2)
    expected = binom.ppf((0.025, 0.975), 5000, 83 / 5000) / 5000
    assert found == pytest.approx(tuple(expected), abs=1.01 / 5000)  # of a picture at most


def test_the_interval_is_the_plain_bootstraps() -> None:
    values = np.array([1.0, 4.0, 2.0, 8.0])
    drawn = np.random.default_rng((7, 4)).integers(4, size=(500, 4))
    expected = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5))
    assert bootstrap_mean(values, seed=7, draws=500) == pytest.approx(tuple(expected))


def test_the_draws_depend_on_the_seed_and_the_number_of_samples_alone() -> None:
    values = np.random.default_rng(1).normal(size=30)
    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)
    low, high = bootstrap_mean(values, seed=3)
    assert bootstrap_mean(2 * values + 5, seed=3) == pytest.approx((2 * low + 5, 2 * high + 5))


def test_a_sample_that_does_not_count_leaves_the_others_draws_alone() -> None:
    values = np.array([1.0, 4.0, np.nan, 2.0, np.inf, 8.0])
    counts = np.isfinite(values)
    drawn = np.random.default_rng((7, 6)).integers(6, size=(500, 6))
    means = [values[d][counts[d]].mean() for d in drawn if counts[d].any()]
    expected = np.percentile(means, (2.5, 97.5))
    assert bootstrap_mean(values, seed=7, draws=500) == pytest.approx(tuple(expected))


@pytest.mark.parametrize("values", [[], [1.0], [1.0, np.nan], [np.inf, np.nan, 3.0]])
def test_fewer_than_two_samples_have_no_interval(values: list[float]) -> None:
    assert np.isnan(bootstrap_mean(np.array(values), seed=0)).all()


def test_two_of_many_samples_that_count_still_have_one() -> None:
    values = np.full(200, np.nan)
    values[[5, 90]] = 1.0, 3.0
    assert bootstrap_mean(values, seed=0) == (1, 3)


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert bootstrap_mean(np.full(9, 0.25), seed=0) == (0.25, 0.25)


def test_a_ratio_is_of_the_sums() -> None:
    above, below = np.array([1.0, 3.0, 0.0]), np.array([2.0, 3.0, 5.0])
    drawn = np.random.default_rng((5, 3)).integers(3, size=(400, 3))
    expected = np.percentile(above[drawn].sum(axis=1) / below[drawn].sum(axis=1), (2.5, 97.5))
    assert bootstrap_ratio(above, below, seed=5, draws=400) == pytest.approx(tuple(expected))


def test_blocks_do_not_show() -> None:
    values = np.random.default_rng(2).normal(size=300_000)  # three draws a block
    low, high = bootstrap_mean(values, seed=1, draws=10)
    assert low < values.mean() < high


def test_memory_is_bounded_by_blocks() -> None:
    values = np.random.default_rng(3).random(5000)
    tracemalloc.start()
    bootstrap_mean(values, seed=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 48 << 20  # all draws at once are 400 MB
