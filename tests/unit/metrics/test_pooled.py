"""Pooled AUC from small rows, and pooled F1, against scikit-learn over all pixels together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t
from sklearn.metrics import f1_score, roc_auc_score

from benchmark.core.errors import BadInput
from benchmark.core.types import Case
from benchmark.metrics import METRICS
from benchmark.metrics.intervals import bootstrap_ratio, mean_interval
from benchmark.metrics.pooled import GROUPS, AUCPooled, pooled_shares
from benchmark.metrics.ranking import count_values, half_values
from tests.unit.metrics.cases import draw_case
from tests.unit.metrics.maps import KINDS, draw_maps


def exact(case: Case) -> float:
    assert case.verdict is not None
    return float(roc_auc_score(case.truth.ravel(), case.verdict.logits.astype(float).ravel()))


@pytest.mark.parametrize("bucket", ["10-20", "50-60"])
@pytest.mark.parametrize("kind", KINDS)
def test_pooled_auc_is_exact_within_the_stated_error(kind: str, bucket: str) -> None:
    case = draw_maps(kind, n=5, side=128, bucket=bucket)
    rows = AUCPooled().measure(case)
    assert rows.shape == (5, 3 * GROUPS)
    assert AUCPooled().reduce(rows) == pytest.approx(exact(case), abs=1e-4)


@pytest.mark.parametrize("kind", ["few", "constant", "nothing", "all"])
def test_a_heatmap_of_few_values_is_exact(kind: str) -> None:
    case = draw_maps(kind, n=4)
    assert AUCPooled().reduce(AUCPooled().measure(case)) == pytest.approx(exact(case), abs=1e-12)


def test_the_worst_heatmap_is_within_the_error_bound() -> None:
    """Within every group all authentic pixels are below the manipulated ones."""
    share, per_group = 0.5, 64
    steps = np.arange(GROUPS * per_group)
    labels = (steps % per_group) >= per_group * (1 - share)
    values = half_values()[20_000 + steps].astype(np.float16)
    case = draw_maps("few", n=1)
    assert case.verdict is not None
    case = replace(
        case,
        truth=labels[None, None],
        verdict=replace(case.verdict, logits=values[None, None]),
    )
    apart = exact(case) - AUCPooled().reduce(AUCPooled().measure(case))
    bound = 1 / (8 * GROUPS * share * (1 - share))
    assert 0.9 * bound < apart <= bound * 1.001


def test_each_row_counts_all_pixels_of_its_image() -> None:
    case = draw_maps("smooth", n=3)
    _, positives, negatives = AUCPooled().measure(case).reshape(3, 3, GROUPS).transpose(1, 0, 2)
    np.testing.assert_array_equal(positives.sum(axis=1), case.truth.sum(axis=(1, 2)))
    np.testing.assert_array_equal(negatives.sum(axis=1), (~case.truth).sum(axis=(1, 2)))


def test_an_authentic_image_adds_authentic_pixels() -> None:
    case = draw_maps("smooth", n=4)
    truth = case.truth.copy()
    truth[1] = False
    case = replace(case, truth=truth)
    rows = AUCPooled().measure(case)
    assert AUCPooled().counted(rows).all()
    assert AUCPooled().reduce(rows) == pytest.approx(exact(case), abs=1e-4)


def test_the_interval_is_close_to_the_bootstrap_over_images() -> None:
    case = draw_maps("smooth", n=40, side=48)
    rows = AUCPooled().measure(case)
    low, high = AUCPooled().interval(rows, seed=1)
    generator = np.random.default_rng(1)
    drawn = [AUCPooled().reduce(rows[generator.integers(40, size=40)]) for _ in range(400)]
    theirs = np.percentile(drawn, (2.5, 97.5))
    assert (low, high) == pytest.approx(tuple(theirs), abs=0.2 * (high - low))
    assert (low, high) == mean_interval(AUCPooled().values(rows), seed=1)


def test_shares_are_the_derivative_of_the_area_by_an_image_s_weight() -> None:
    generator = np.random.default_rng(0)
    places = np.tile(np.arange(6), (5, 1))
    positives, negatives = generator.integers(1, 9, (2, 5, 6)).astype(float)
    ties = np.full(6, 0.5)
    shares = pooled_shares(places, positives, negatives, ties=ties)
    step = 1e-6
    for at in range(5):
        weights = np.ones((5, 1))
        weights[at] += step
        moved = pooled_shares(places, weights * positives, weights * negatives, ties=ties).mean()
        slope = (moved - shares.mean()) / step
        assert shares[at] == pytest.approx(shares.mean() + 5 * slope, abs=1e-4)


def test_one_class_alone_is_undefined() -> None:
    case = draw_maps("smooth")
    for truth in (np.zeros_like(case.truth), np.ones_like(case.truth)):
        rows = AUCPooled().measure(replace(case, truth=truth))
        assert not AUCPooled().counted(rows).any()
        assert np.isnan(AUCPooled().reduce(rows))


def test_nan_raises() -> None:
    case = draw_maps("smooth")
    assert case.verdict is not None
    logits = case.verdict.logits.copy()
    logits[1, 2, 3] = np.nan
    with pytest.raises(BadInput, match="NaN"):
        AUCPooled().measure(replace(case, verdict=replace(case.verdict, logits=logits)))


def test_half_values_match_the_counts() -> None:
    values = half_values()
    assert len(values) == len(count_values(np.zeros(1, np.float16), np.ones(1, np.bool_)).positives)
    numbers = values[~np.isnan(values)]
    assert (np.diff(numbers) > 0).all()
    for value in (-30.0, -0.0, 6e-8, 1.5, np.inf):
        counts = count_values(np.array([value], np.float16), np.ones(1, np.bool_))
        assert values[counts.positives.argmax()] == np.float16(value)


def test_pooled_f1_is_the_f1_of_all_pixels_together() -> None:
    case = draw_case(5)
    metric = METRICS.load("f1_pooled")()
    rows = metric.measure(case)
    called = case.verdict.logits > 0
    assert rows.shape == (5, 3)
    assert metric.counted(rows).all()
    expected = f1_score(case.truth.ravel(), called.ravel())
    assert metric.reduce(rows) == pytest.approx(expected, abs=1e-12)
    low, high = metric.interval(rows, seed=1)
    assert low < metric.reduce(rows) < high


def test_pooled_f1_has_a_mean_s_interval_over_its_samples_shares() -> None:
    metric, generator = METRICS.load("f1_pooled")(), np.random.default_rng(0)
    rows = generator.integers(1, 50, (49, 3)).astype(np.float64)

    def ratio(weights: np.ndarray) -> float:
        tp, fp, fn = weights @ rows
        return 2 * tp / (2 * tp + fp + fn)

    step = 1e-6  # the ratio's derivative by a sample's weight, by hand
    slopes = [(ratio(np.ones(49) + step * (np.arange(49) == at)) - ratio(np.ones(49))) / step
              for at in range(49)]  # fmt: skip
    error = np.std(slopes, ddof=1) * 49**0.5
    expected = t.interval(0.95, 48, ratio(np.ones(49)), error)
    assert metric.interval(rows, seed=1) == pytest.approx(tuple(expected), abs=1e-5)
    many = np.concatenate((rows, rows[:1]))  # 50: the bootstrap of the ratio itself
    doubled = 2 * many[:, 0]
    whole = bootstrap_ratio(doubled, doubled + many[:, 1] + many[:, 2], seed=1)
    assert metric.interval(many, seed=1) == whole
    assert np.isnan(metric.interval(np.repeat(rows[:1], 5, axis=0), seed=1)).all()
    assert np.isnan(metric.interval(rows[:1], seed=1)).all()


@pytest.mark.parametrize("name", ["f1_pooled", "f1_photoholmes"])
def test_pooled_f1_without_a_hit_is_zero_and_counts(name: str) -> None:
    metric = METRICS.load(name)()
    missed = np.array([[0.0, 5, 7], [0, 3, 2], [0, 0, 4]])  # tp, fp, fn
    assert metric.counted(missed).tolist() == [True, True, True]
    assert metric.reduce(missed) == 0


def test_pooled_f1_of_a_cell_without_a_hole_is_undefined() -> None:
    metric = METRICS.load("f1_pooled")()
    nowhere = np.array([[0.0, 5, 0], [0, 0, 0]])
    assert metric.counted(nowhere).tolist() == [False, False]
    assert np.isnan(metric.reduce(nowhere))
    some = np.array([[0.0, 5, 0], [2, 0, 1]])
    assert metric.counted(some).tolist() == [True, True]  # authentic images count
    assert metric.reduce(some) == 4 / (4 + 5 + 1)
