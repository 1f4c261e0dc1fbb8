"""Paired differences, tests and rank correlation against scipy and against plain counting."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from benchmark.metrics.intervals import bootstrap_mean
from reports.inference import holm, kendall_tau_b, mcnemar, paired_differences, sign_flip


def draw(samples: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(samples, columns))


def test_differences_have_the_bootstraps_own_intervals() -> None:
    own, others = draw(40, 1)[:, 0], draw(40, 3, seed=1)
    others[3, 1] = np.nan
    others[7, 2] = np.inf
    for one, other in zip(paired_differences(own, others, seed=5), others.T, strict=True):
        apart = own - other
        expected = bootstrap_mean(apart, seed=5)
        assert one.interval == pytest.approx(expected, abs=1e-12)
        assert one.value == pytest.approx(apart[np.isfinite(apart)].mean(), abs=1e-12)
        assert one.n == np.isfinite(apart).sum()


def test_pairing_narrows_the_interval() -> None:
    easy = draw(60, 1)[:, 0]
    (apart,) = paired_differences(easy + 0.1, easy[:, None], seed=0)
    assert apart.interval == pytest.approx((0.1, 0.1), abs=1e-12)
    alone = bootstrap_mean(easy, seed=0)
    assert alone.high - alone.low > 0.3


def test_nothing_to_compare_is_undefined() -> None:
    same = np.full(4, np.inf)  # identical pictures on both sides
    (apart,) = paired_differences(same, same[:, None], seed=0)
    assert np.isnan(apart.value)
    assert np.isnan(apart.interval.low)
    assert apart.n == 0


def test_signs_are_counted_exactly_for_few_pictures() -> None:
    differences = draw(6, 2)
    differences[2, 1] = np.nan
    usable = np.nan_to_num(differences)
    signs = np.array(list(product((-1, 1), repeat=6)))
    expected = [(signs @ column <= column.sum() + 1e-12).mean() for column in usable.T]
    assert sign_flip(differences, seed=0) == pytest.approx(expected, abs=1e-15)


def test_signs_are_drawn_for_many_pictures_and_agree_with_scipy() -> None:
    differences = draw(60, 1) - 0.2
    found = sign_flip(differences, seed=0)[0]
    expected = stats.permutation_test(
        (differences[:, 0],), lambda one: one.mean(), permutation_type="samples",
        alternative="less", n_resamples=9999, rng=np.random.default_rng(1),
    ).pvalue  # fmt: skip
    assert found == pytest.approx(expected, abs=0.01)
    assert sign_flip(differences, seed=0)[0] == found
    assert sign_flip(-np.ones((60, 1)), seed=0)[0] == 1 / 10_001


@pytest.mark.parametrize("samples", [5, 13, 14, 200])
def test_signs_are_fair_where_nothing_differs(samples: int) -> None:
    assert sign_flip(np.zeros((samples, 2)), seed=0) == pytest.approx([1, 1])
    p_values = sign_flip(draw(samples, 400), seed=0)
    assert np.mean(p_values <= 0.25) == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize(("lone", "other"), [(0, 0), (0, 5), (3, 9), (9, 3), (700, 800)])
def test_mcnemar_is_the_binomial_test(lone: int, other: int) -> None:
    first = np.array([1] * lone + [0] * other + [1, 0, np.nan])
    second = np.array([0] * lone + [1] * other + [1, 0, 1])
    total = lone + other
    expected = stats.binomtest(lone, total, alternative="less").pvalue if total else 1.0
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_is_the_sign_flip_of_zeros_and_ones() -> None:
    first = np.array([0, 0, 1, 1, 0, 0, 1, 0.0])
    second = np.array([1, 0, 1, 0, 1, 1, 1, 1.0])
    flipped = sign_flip((first - second)[:, None], seed=0)[0]
    assert mcnemar(first, second) == pytest.approx(flipped, abs=1e-15)


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("seed", range(5))
def test_kendall_is_scipys_with_ties(seed: int) -> None:
    generator = np.random.default_rng(seed)
    one, other = generator.integers(0, 5, 7), generator.integers(0, 5, 7)
    expected = stats.kendalltau(one, other, variant="b").statistic
    assert kendall_tau_b(list(one), list(other)) == pytest.approx(expected, abs=1e-12)


def test_kendall_without_an_order_is_undefined() -> None:
    assert np.isnan(kendall_tau_b([1.0], [2.0]))
    assert np.isnan(kendall_tau_b([], []))
    assert np.isnan(kendall_tau_b([1.0, 1.0], [1.0, 2.0]))
