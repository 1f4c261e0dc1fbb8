"""Significance tests against scipy and enumeration, families, and untested cases."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from benchmark.results.significance import (
    ALPHA,
    PairedTest,
    against_best,
    corrected,
    holm,
    kendall_tau,
    paired_test,
    paired_tests,
    sign_flip,
    smallest_p,
)


def draw(samples: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(samples, columns))


def apart(n: int, by: float = 1.0, metric: str = "psnr") -> PairedTest:
    """Return the test of a metric that is higher by about `by` on each of `n` images."""
    other = np.linspace(0, 0.3, n)
    return paired_test(other + by + 0.01 * np.arange(n), other, metric=metric, seed=0)


def shares(lone: int, others: int, same: int = 3) -> tuple[np.ndarray, np.ndarray]:
    own = np.array([1.0] * lone + [0.0] * others + [1.0] * same)
    return own, np.array([0.0] * lone + [1.0] * others + [1.0] * same)


def test_a_mean_s_difference_has_its_value_interval_and_number() -> None:
    own, other = draw(12, 1)[:, 0], draw(12, 1, seed=1)[:, 0]
    own[3], other[7] = np.nan, np.inf
    values = (own - other)[np.isfinite(own - other)]
    found = paired_test(own, other, metric="psnr", seed=5)
    expected = stats.t.interval(0.95, 9, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert found.value == pytest.approx(values.mean())
    assert found.n == 10


def test_signs_are_counted_exactly_for_few_images_and_in_both_directions() -> None:
    differences = draw(6, 2)
    differences[2, 1] = np.nan
    usable = np.nan_to_num(differences)
    signs = np.array(list(product((-1, 1), repeat=6)))
    expected = [(np.abs(signs @ one) >= abs(one.sum()) - 1e-12).mean() for one in usable.T]
    assert sign_flip(differences, seed=0) == pytest.approx(expected, abs=1e-15)
    assert sign_flip(-differences, seed=0) == pytest.approx(expected, abs=1e-15)


def test_signs_are_drawn_for_many_images_and_agree_with_scipy() -> None:
    differences = draw(60, 1) - 0.2
    found = sign_flip(differences, seed=0)[0]
    expected = stats.permutation_test(
        (differences[:, 0],), lambda one: one.mean(), permutation_type="samples",
        alternative="two-sided", n_resamples=9999, rng=np.random.default_rng(1),
    ).pvalue  # fmt: skip
    assert found == pytest.approx(expected, abs=0.015)
    assert sign_flip(differences, seed=0)[0] == found
    assert sign_flip(-np.ones((60, 1)), seed=0)[0] == 1 / 10_001


@pytest.mark.parametrize("samples", [5, 13, 14, 200])
def test_signs_are_fair_where_nothing_differs(samples: int) -> None:
    assert sign_flip(np.zeros((samples, 2)), seed=0) == pytest.approx([1, 1])
    p_values = sign_flip(draw(samples, 400), seed=0)
    assert np.mean(p_values <= 0.25) == pytest.approx(0.25, abs=0.08)


@pytest.mark.parametrize(("lone", "others"), [(0, 0), (0, 6), (3, 9), (9, 3), (700, 800)])
def test_shares_are_tested_by_mcnemars_exact_test(lone: int, others: int) -> None:
    found = paired_test(*shares(lone, others, same=6), metric="acc", seed=0)
    fewer, total = min(lone, others), lone + others
    expected = min(1.0, 2 * stats.binom.cdf(fewer, total, 0.5)) if total else 1.0
    assert found.p == pytest.approx(expected, rel=1e-9)


def test_fpr_and_known_drift_share_are_shares() -> None:
    own, other = shares(1, 9)
    for metric in ("fpr", "known_drift_share"):
        found = paired_test(own, other, metric=metric, seed=0)
        assert found.p == pytest.approx(22 / 1024)
        assert found.verdict == "better"


def test_better_follows_the_metric_s_direction() -> None:
    assert apart(8).verdict == "better"
    assert apart(8, metric="auc").verdict == "worse"
    assert apart(8, by=-1, metric="auc").verdict == "better"
    assert apart(8, by=-1).verdict == "worse"
    nothing = paired_test(draw(9, 1)[:, 0], -draw(9, 1)[::-1, 0], metric="psnr", seed=0)
    assert (nothing.verdict, nothing.differs) == ("no difference shown", False)


def test_intervals_of_differences_are_clipped() -> None:
    own, other = np.array([1, 1, 1, 1, 1, 0.9]), np.array([0, 0, 0, 0, 0, 0.1])
    assert paired_test(own, other, metric="auc", seed=0).high == 1.0
    assert paired_test(own, other, metric="psnr", seed=0).high > 1.0
    assert paired_test(np.ones(9), np.zeros(9), metric="acc", seed=0).high == 1.0


@pytest.mark.parametrize("n", [0, 1, 5])
def test_nothing_is_tested_of_fewer_than_six_images(n: int) -> None:
    for metric in ("auc", "acc"):
        found = paired_test(np.zeros(n), np.ones(n), metric=metric, seed=0)
        assert (found.p, found.p_holm, found.verdict) == (None, None, "not tested")
        assert found.reason == f"{n} image{'s' * (n != 1)}, a test needs 6"


def test_six_images_are_enough_for_one_test_and_not_for_two() -> None:
    assert apart(6).p == 2 / 64
    assert apart(6).verdict == "better"
    found = paired_test(np.arange(1.0, 7), np.zeros(6), metric="psnr", seed=0, family=2)
    assert found.verdict == "not tested"
    assert found.reason == "p below 0.05 cannot be reached with 6 images and 2 tests"
    assert found.p_holm == 4 / 64


def test_what_can_be_reached_depends_on_images_and_family_alone() -> None:
    """The reason does not depend on the data."""
    same = paired_test(np.zeros(7), np.zeros(7), metric="acc", seed=0, family=9)
    assert same.reason == "p below 0.05 cannot be reached with 7 images and 9 tests"
    assert paired_test(np.zeros(7), np.zeros(7), metric="acc", seed=0, family=3).reason == ""
    assert smallest_p(7, share=False) == 1 / 64
    assert smallest_p(14, share=False) == 1 / 10_001
    assert smallest_p(14, share=True) == 1 / 8192
    best = apart(7)
    assert best.p == smallest_p(7, share=False)


def test_a_family_is_corrected_by_holm() -> None:
    tests = [apart(7), apart(7), apart(7)]
    assert [one.p_holm for one in corrected(tests)] == pytest.approx([3 / 64] * 3)
    assert {one.verdict for one in corrected(tests)} == {"better"}
    four = corrected([*tests, apart(7)])
    assert {one.verdict for one in four} == {"not tested"}
    assert four[0].reason == "p below 0.05 cannot be reached with 7 images and 4 tests"


def test_a_test_that_was_not_made_is_not_in_the_family() -> None:
    few = apart(4)
    found = corrected([apart(7), few, apart(7), apart(7)])
    assert found[1] == few
    assert {found[index].verdict for index in (0, 2, 3)} == {"better"}


def test_a_test_after_larger_ones_can_be_reached_though_not_first() -> None:
    found = corrected([*[apart(40) for _ in range(3)], apart(7)])  # Holm: 4, 3, 2, then 1
    assert found[3].p_holm == pytest.approx(1 / 64)
    assert found[3].verdict == "better"


def test_to_beat_the_best_all_must_be_beaten() -> None:
    clear, close = replace(apart(9), p=0.01), replace(apart(9), p=0.2)
    assert against_best([clear, close], 0).p == 0.2
    assert against_best([clear, clear], 1).verdict == "better"
    assert against_best([clear, close], 0).verdict == "no difference shown"


def test_selecting_the_best_rival_is_corrected() -> None:
    behind = replace(apart(9, by=-1), p=0.02)
    assert against_best([behind, apart(9)], 0).p == 0.04
    assert against_best([behind] * 3, 0).p == pytest.approx(0.06)
    assert against_best([behind] * 3, 0).verdict == "no difference shown"


def test_no_verdict_if_a_rival_is_not_tested() -> None:
    found = against_best([apart(9), apart(5)], 0)
    assert (found.verdict, found.reason, found.p) == (
        "not tested",
        "5 images, a test needs 6",
        None,
    )


@pytest.mark.parametrize(("n", "tests"), [(3, 1), (7, 1), (7, 3), (30, 9)])
def test_the_family_wise_error_rate_is_at_most_5_percent(n: int, tests: int) -> None:
    generator = np.random.default_rng((n, tests))
    found = 0
    for seed in range(300):
        own, other = generator.normal(size=(2, n, tests))
        made = paired_tests(own, other, metrics=["psnr"] * tests, seed=seed)
        found += any(one.differs for one in corrected(made))
    assert found / 300 <= ALPHA + 2.5 * (0.05 * 0.95 / 300) ** 0.5  # tolerance of the simulation


def test_columns_are_tested_independently() -> None:
    own, other = draw(20, 2), draw(20, 2, seed=1)
    own, other = (np.column_stack((side, side[:, 0] > 0)) for side in (own, other))
    metrics = ["psnr", "auc", "acc"]
    for found, one, two, metric in zip(
        paired_tests(own, other, metrics=metrics, seed=3), own.T, other.T, metrics, strict=True
    ):
        alone = paired_test(one, two, metric=metric, seed=3)
        assert (found.verdict, found.n) == (alone.verdict, alone.n)
        assert (found.p, found.low, found.high) == pytest.approx((alone.p, alone.low, alone.high))


def test_holm_steps_down() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_kendalls_tau_b_with_ties() -> None:
    pairs = [(1.0, 2.0), (2.0, 1.0), (3.0, 3.0), (3.0, 4.0)]  # 4 agree, 1 does not, 1 tie
    assert kendall_tau(pairs).tau == pytest.approx((4 - 1) / (6 * 5) ** 0.5)


@pytest.mark.parametrize("models", [1, 2, 3])
def test_kendalls_tau_needs_four_models(models: int) -> None:
    noun = "model" if models == 1 else "models"
    said = f"{models} {noun}, Kendall's tau needs 4"
    assert kendall_tau([(one, one) for one in range(models)]) == (None, said)


def test_kendalls_tau_without_an_order_is_a_gap() -> None:
    assert kendall_tau([(1.0, one) for one in range(5)]).reason == "all models are equal: no order"
