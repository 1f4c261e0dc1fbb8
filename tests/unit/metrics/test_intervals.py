"""Intervals against scipy, published examples and simulation: coverage, bounds, few images."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from benchmark.metrics.intervals import (
    FEW,
    UNBOUNDED,
    UNIT,
    Bounds,
    bootstrap_means,
    bootstrap_ratio,
    mean_interval,
    mean_intervals,
    mixed_share_interval,
    paired_share_interval,
    share_interval,
    share_intervals,
)


def ones(hits: int, n: int) -> np.ndarray:
    return (np.arange(n) < hits).astype(np.float64)


def pairs(both: int, own: int, other: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = [both, own, other, neither]
    return np.repeat([1.0, 1, 0, 0], counts), np.repeat([1.0, 0, 1, 0], counts)


@pytest.mark.parametrize("n", [2, 3, 7, 30, 49])
def test_a_mean_of_few_images_has_students_interval(n: int) -> None:
    values = np.random.default_rng(n).normal(10, 2, n)
    expected = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
    assert mean_interval(values, seed=1) == pytest.approx(tuple(expected), abs=1e-9)


def test_a_mean_of_50_images_has_the_plain_bootstraps_interval() -> None:
    values = np.random.default_rng(0).beta(8, 2, 50)
    drawn = np.random.default_rng((7, 50)).integers(50, size=(10_000, 50))
    expected = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5))
    assert mean_interval(values, seed=7) == pytest.approx(tuple(expected))
    values[0] = np.nan  # 49 count
    expected = stats.t.interval(0.95, 48, values[1:].mean(), stats.sem(values[1:]))
    assert mean_interval(values, seed=7) == pytest.approx(tuple(expected))


@pytest.mark.parametrize("n", [2, 3, 5, 7, 10, 20, 30, 49])
@pytest.mark.parametrize("skewed", [False, True])
def test_coverage_of_the_interval_of_a_mean(n: int, skewed: bool) -> None:
    generator, size = np.random.default_rng((n, skewed)), (n, 20_000)
    values = generator.beta(8, 2, size) if skewed else generator.normal(size=size)
    ends = np.array(mean_intervals(values, seed=0))
    truth = 0.8 if skewed else 0.0
    held = ((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean()
    assert held >= (0.92 if n <= 7 else 0.93)
    assert held <= 0.96


@pytest.mark.parametrize(("hits", "n"), [(7, 7), (0, 7), (6, 7), (1, 2), (3, 3), (83, 5000)])
def test_a_share_has_clopper_and_pearsons_interval(hits: int, n: int) -> None:
    expected = stats.binomtest(hits, n).proportion_ci(method="exact")
    assert share_interval(ones(hits, n)) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_seven_of_seven_has_the_published_interval() -> None:
    assert share_interval(np.ones(7)) == pytest.approx((0.5904, 1), abs=5e-5)


@pytest.mark.parametrize("n", [3, 5, 7, 10, 20, 30, 100])
@pytest.mark.parametrize("p", [0.05, 0.5, 0.86, 0.95])
def test_coverage_of_the_interval_of_a_share_is_at_least_95_percent(n: int, p: float) -> None:
    ends = np.array(
        share_intervals(ones(0, n)[:, None] + (np.arange(n)[:, None] < np.arange(n + 1)))
    )
    held = (ends[:, 0] <= p) & (p <= ends[:, 1])
    assert stats.binom.pmf(np.arange(n + 1), n, p) @ held >= 0.95


def test_nan_does_not_count_in_a_share() -> None:
    expected = stats.binomtest(2, 3).proportion_ci(method="exact")
    found = share_interval(np.array([1.0, np.nan, 0.0, 1.0]))
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((59, 6, 16, 80), (-0.1186, -0.0046)),  # contingencytables (Fagerland et al. 2017), ch. 8
        ((20, 12, 2, 16), (0.0562, 0.3292)),  # Newcombe 1998, method 10
        ((1, 1, 7, 12), (-0.507, -0.026)),  # Fagerland, Lydersen and Laake 2014
    ],
)
def test_paired_shares_have_newcombes_interval(
    cells: tuple[int, int, int, int], expected: tuple[float, float]
) -> None:
    assert paired_share_interval(*pairs(*cells)) == pytest.approx(expected, abs=5.1e-4)


def test_equal_paired_shares_have_a_wide_interval() -> None:
    low, high = paired_share_interval(np.ones(7), np.ones(7))
    assert low == pytest.approx(-high)
    assert high > 0.3
    assert np.isnan(paired_share_interval(np.ones(1), np.zeros(1))).all()


def test_a_mixture_of_one_count_is_clopper_and_pearsons() -> None:
    for hits in (0, 3, 7):
        expected = stats.binomtest(hits, 7).proportion_ci(method="exact")
        found = mixed_share_interval(*[np.array([hits, hits])] * 2, np.array([0.25, 0.75]), 7)
        assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_mixture_equals_simulated_quantiles() -> None:
    hits, more, weights = np.array([4, 9]), np.array([5, 9]), np.array([0.3, 0.7])
    generator = np.random.default_rng(0)
    at = generator.choice(2, 200_000, p=weights)
    low = np.quantile(generator.beta(hits[at], 10 - hits[at] + 1), 0.025)
    high = np.quantile(generator.beta(more[at] + 1, 10 - more[at]), 0.975)
    assert mixed_share_interval(hits, more, weights, 10) == pytest.approx((low, high), abs=3e-3)


def test_intervals_are_clipped_to_bounds() -> None:
    values = np.array([0.9, 1.0, 1.0, 0.99])
    low, high = mean_interval(values, seed=0)
    assert high > 1
    assert mean_interval(values, seed=0, bounds=UNIT) == (low, 1)
    assert mean_interval(-values, seed=0, bounds=Bounds(-1, 0)) == (-1, -low)
    assert UNIT.apart == (-1, 1)
    assert UNBOUNDED.apart == UNBOUNDED


@pytest.mark.parametrize("values", [[], [1.0], [1.0, np.nan], [np.inf, np.nan, 1.0]])
def test_a_single_image_has_no_interval(values: list[float]) -> None:
    assert np.isnan(mean_interval(np.array(values), seed=0)).all()
    assert np.isnan(share_interval(np.array([one for one in values if one == 1.0][:1]))).all()


def test_equal_values_have_an_interval_from_six_images_on() -> None:
    third = 0.1 + 0.2  # not the nearest number to 0.3: sums of it are not exact
    assert np.isnan(mean_interval(np.full(5, third), seed=0)).all()
    assert mean_interval(np.full(6, third), seed=0) == pytest.approx((0.3, 0.3))
    apart = np.array([0.1, 0.4, 0.7, 20.3, 5.5]) + 0.01 - np.array([0.1, 0.4, 0.7, 20.3, 5.5])
    assert np.isnan(mean_interval(apart, seed=0)).all()  # equal up to rounding errors


def test_columns_are_independent() -> None:
    generator = np.random.default_rng(3)
    values = generator.normal(size=(60, 4))
    values[:20, 1] = np.nan  # 40 count: Student's t beside three bootstraps
    values[5, 2] = np.inf
    found = mean_intervals(values, [UNBOUNDED, UNBOUNDED, Bounds(-0.01, 0.01), UNBOUNDED], seed=4)
    for column in (0, 1, 3):
        assert found[column] == pytest.approx(mean_interval(values[:, column], seed=4), abs=1e-12)
    assert found[2] == (-0.01, 0.01)
    shares = generator.integers(0, 2, (9, 3)).astype(np.float64)
    assert share_intervals(shares) == tuple(share_interval(column) for column in shares.T)


def test_draws_depend_only_on_the_seed_and_the_number_of_samples() -> None:
    values = np.random.default_rng(1).normal(size=FEW)
    assert mean_interval(values, seed=3) == mean_interval(values, seed=3)
    assert mean_interval(values, seed=3) != mean_interval(values, seed=4)
    low, high = mean_interval(values, seed=3)
    assert mean_interval(2 * values + 5, seed=3) == pytest.approx((2 * low + 5, 2 * high + 5))


def test_a_sample_that_does_not_count_does_not_change_the_draws() -> None:
    values = np.array([1.0, 4.0, np.nan, 2.0, np.inf, 8.0])
    counts = np.isfinite(values)
    drawn = np.random.default_rng((7, 6)).integers(6, size=(500, 6))
    means = [values[d][counts[d]].mean() for d in drawn if counts[d].any()]
    expected = np.percentile(means, (2.5, 97.5))
    (found,) = bootstrap_means(values[:, None], seed=7, draws=500)
    assert found == pytest.approx(tuple(expected))


def test_a_ratio_is_that_of_sums() -> None:
    above, below = np.array([1.0, 3.0, 0.0]), np.array([2.0, 3.0, 5.0])
    drawn = np.random.default_rng((5, 3)).integers(3, size=(400, 3))
    expected = np.percentile(above[drawn].sum(axis=1) / below[drawn].sum(axis=1), (2.5, 97.5))
    assert bootstrap_ratio(above, below, seed=5, draws=400) == pytest.approx(tuple(expected))


def test_results_do_not_depend_on_blocks() -> None:
    values = np.random.default_rng(2).normal(size=(300_000, 1))  # three draws a block
    ((low, high),) = bootstrap_means(values, seed=1, draws=10)
    assert low < values.mean() < high


def test_memory_is_bounded_by_blocks() -> None:
    values = np.random.default_rng(3).random(5000)
    mean_interval(values[:9], seed=1)  # imports scipy
    tracemalloc.start()
    bootstrap_ratio(values, np.ones(5000), seed=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 48 << 20  # all draws at once are 400 MB


def test_scipy_is_imported_by_the_first_interval() -> None:
    code = (
        "import sys; import numpy as np;"
        "import benchmark.metrics.detection, benchmark.results.aggregate;"
        "import benchmark.results.csv, benchmark.results.table, benchmark.results.significance;"
        "assert not any(name.split('.')[0] == 'scipy' for name in sys.modules);"
        "from benchmark.metrics.intervals import mean_interval, share_interval;"
        "mean_interval(np.arange(5.0), seed=0); share_interval(np.ones(4));"
        "sys.exit('scipy.stats' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
