"""Intervals and tests over training seeds and images: coverage, limits, small samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmark.metrics.intervals import UNIT
from benchmark.results import training_seeds
from benchmark.results.significance import corrected
from benchmark.results.training_seeds import seeded_interval, seeded_test
from benchmarks.coverage import of_seeds

DRAW = np.random.default_rng(0)


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_seeds, "DRAWS", 400)


@pytest.mark.parametrize("spreads", [(0.0, 0.1, 0.0), (0.05, 0.1, 0.0), (0.05, 0.02, 0.1)])
def test_coverage_and_false_positive_rate(
    spreads: tuple[float, float, float], few_draws: None
) -> None:
    held, found, _ = of_seeds(spreads, 30, 300)
    assert held >= 0.92  # 95 % less two and a half standard errors of 300 runs
    assert found <= 0.08
    held, _, _ = of_seeds(spreads, 30, 300, apart=0.3)
    assert held >= 0.92


def test_intervals_over_images_alone_mistake_seeds_for_models(
    few_draws: None,
) -> None:
    _, found, alone = of_seeds((0.05, 0.02, 0.0), 30, 200)
    assert alone > 0.5
    assert found < 0.1


def test_a_difference_larger_than_the_seeds_is_found(few_draws: None) -> None:
    _, found, _ = of_seeds((0.01, 0.02, 0.02), 30, 50, apart=0.3)
    assert found > 0.95


def test_where_only_images_differ_it_is_student_s_t_over_images() -> None:
    images = DRAW.normal(0.02, 0.1, 40)
    own, other = np.tile(images, (3, 1)), np.zeros((3, 40))
    found = seeded_test(own, other, metric="psnr", seed=0)
    exact = stats.ttest_1samp(images, 0.0)
    low, high = exact.confidence_interval(0.95)
    assert found.value == pytest.approx(images.mean())
    assert (found.low, found.high) == (pytest.approx(low, abs=2e-3), pytest.approx(high, abs=2e-3))
    assert found.p == pytest.approx(exact.pvalue, abs=0.02)


def test_where_only_seeds_differ_it_is_welch_s_t_over_seeds() -> None:
    one, two = np.array([0.1, 0.4, 0.3]), np.array([0.9, 0.2, 0.6])
    own, other = (np.repeat(seeds[:, None], 20, axis=1) for seeds in (one, two))
    found = seeded_test(own, other, metric="psnr", seed=0)
    exact = stats.ttest_ind(one, two, equal_var=False)
    low, high = exact.confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(low, rel=0.03), pytest.approx(high, rel=0.03))
    assert found.p == pytest.approx(exact.pvalue, rel=0.05)


def test_an_untrained_model_has_no_seeds() -> None:
    own = np.repeat(np.array([0.1, 0.4, 0.3])[:, None], 20, axis=1)
    found = seeded_test(own, np.full((1, 20), 0.2), metric="psnr", seed=0)
    exact = stats.ttest_1samp([0.1, 0.4, 0.3], 0.2)
    assert found.verdict == "not tested"  # verdicts are set for families
    assert found.p == pytest.approx(exact.pvalue, rel=0.05)


def test_a_mean_s_interval_counts_seeds_and_stays_within_the_metric_s_bounds() -> None:
    values = np.repeat(np.array([0.9, 0.95, 1.0])[:, None], 10, axis=1)
    low, high = seeded_interval(values, seed=0, bounds=UNIT)
    exact = stats.t.interval(0.95, 2, 0.95, 0.05 / 3**0.5)
    assert low == pytest.approx(exact[0], rel=0.02)
    assert high == 1.0


@pytest.mark.parametrize(
    ("own", "other", "reason"),
    [
        ((2, 30), (3, 30), "2 training seeds, a test over seeds needs 3"),
        ((3, 30), (2, 30), "2 training seeds, a test over seeds needs 3"),
        ((3, 5), (3, 5), "5 images, a test needs 6"),
    ],
)
def test_too_few_are_not_tested(own: tuple[int, int], other: tuple[int, int], reason: str) -> None:
    found = seeded_test(DRAW.normal(size=own), DRAW.normal(size=other), metric="auc", seed=0)
    assert (found.p, found.low, found.verdict, found.reason) == (None, None, "not tested", reason)
    assert np.isnan(seeded_interval(DRAW.normal(size=(2, 30)), seed=0).low)


def test_an_image_with_a_gap_in_any_training_does_not_count() -> None:
    own, other = DRAW.normal(size=(3, 30)), DRAW.normal(size=(3, 30))
    gaps = own.copy()
    gaps[1, 7] = np.nan
    found = seeded_test(gaps, other, metric="psnr", seed=0)
    without = seeded_test(np.delete(own, 7, 1), np.delete(other, 7, 1), metric="psnr", seed=0)
    assert found == without
    assert found.n == 29


def test_families_over_seeds_are_corrected_by_holm() -> None:
    lower = DRAW.normal(0.5, 0.01, (3, 50))
    tests = [seeded_test(lower, lower[::-1] + shift, metric="auc", seed=0) for shift in (0.2, 0)]
    found = corrected(tests)
    assert [one.verdict for one in found] == ["better", "no difference shown"]
    assert found[0].p_holm == pytest.approx(2 * (tests[0].p or 0))
    again = seeded_test(lower, lower[::-1] + 0.2, metric="auc", seed=0)
    assert again == tests[0]  # the same draws
