"""Image-level detection metrics against scikit-learn and by hand."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from benchmark.core.errors import BadInput
from benchmark.core.types import Verdict
from benchmark.metrics import METRICS
from benchmark.metrics.detection import (
    ACC,
    acc_at_5,
    acc_at_5_interval,
    area_interval,
    balanced_accuracy,
    image_auc,
)
from benchmark.metrics.intervals import share_interval
from tests.unit.metrics.cases import draw_case


def with_scores(scores: list[float], threshold: float):
    verdict = Verdict(
        logits=np.zeros((len(scores), 24, 24), np.float16),
        score=np.array(scores, np.float32),
        threshold=threshold,
    )
    return replace(draw_case(len(scores)), verdict=verdict)


def test_acc_is_the_share_strictly_above_the_detector_s_threshold() -> None:
    rows = ACC().measure(with_scores([0.3, 0.31, 0.29, 0.9], 0.3))
    assert rows[:, 1].tolist() == [0, 1, 0, 1]
    np.testing.assert_array_equal(rows[:, 0], np.array([0.3, 0.31, 0.29, 0.9], np.float32))
    assert ACC().reduce(rows) == 0.5
    assert ACC().counted(rows).all()


def test_a_score_equal_to_the_threshold_in_float32_is_not_above_it() -> None:
    for threshold in (0.02, 0.1, 0.3, 0.5, 0.7):
        assert ACC().measure(with_scores([threshold], threshold))[0, 1] == 0


def test_acc_of_no_rows_is_undefined() -> None:
    assert np.isnan(ACC().reduce(np.empty((0, 2))))
    assert len(ACC().counted(np.empty((0, 2)))) == 0


def test_a_nan_score_raises() -> None:
    with pytest.raises(BadInput, match="NaN"):
        ACC().measure(with_scores([np.nan], 0.5))
    nan, good = np.array([np.nan]), np.array([0.5])
    with pytest.raises(BadInput, match="NaN"):
        image_auc(good, nan)
    with pytest.raises(BadInput, match="NaN"):
        acc_at_5(nan, good)


def test_a_case_without_detector_output_raises() -> None:
    with pytest.raises(BadInput, match="acc: expected a case with a detector's output"):
        ACC().measure(replace(draw_case(), verdict=None))


@pytest.mark.parametrize(("authentic", "alarms"), [(19, 0), (20, 1), (40, 2), (59, 2), (100, 5)])
def test_at_most_5_percent_of_authentic_images_exceed_the_threshold(
    authentic: int, alarms: int
) -> None:
    scores = np.arange(authentic) / authentic
    assert acc_at_5(scores, scores) == alarms / authentic
    assert acc_at_5(scores + 1, scores) == 1
    assert acc_at_5(scores - 1, scores) == 0


def test_ties_never_raise_the_false_positive_rate() -> None:
    authentic = np.array([0.9] * 10 + [0.1] * 90)
    assert acc_at_5(np.array([0.9, 0.95]), authentic) == 0.5


def test_the_interval_of_acc_at_5_estimates_the_threshold_again_in_each_draw() -> None:
    generator = np.random.default_rng(0)
    authentic, forged = generator.normal(size=40), generator.normal(1.5, 1, 30)
    drawn = authentic[generator.integers(40, size=(20_000, 40))]
    thresholds = np.sort(drawn, axis=1)[:, ::-1][:, 40 // 20]
    scores = np.sort(authentic)
    places = np.searchsorted(scores, thresholds)
    higher, lower = scores[np.minimum(places + 1, 39)], scores[np.maximum(places - 1, 0)]
    least, most = ((forged > side[:, None]).sum(axis=1) for side in (higher, lower))
    low = np.quantile(generator.beta(np.maximum(least, 1e-9), 30 - least + 1), 0.025)
    high = np.quantile(generator.beta(most + 1, np.maximum(30 - most, 1e-9)), 0.975)
    found = acc_at_5_interval(forged, authentic)
    assert found == pytest.approx((low, high), abs=0.01)
    fixed = share_interval((forged > np.sort(authentic)[-3]).astype(np.float64))
    assert found.high - found.low > 1.1 * (fixed.high - fixed.low)


def test_the_interval_of_a_certain_threshold_is_clopper_and_pearsons() -> None:
    forged = np.array([0.9] * 4 + [0.1] * 6)
    expected = share_interval((forged > 0.5).astype(np.float64))
    assert acc_at_5_interval(forged, np.full(25, 0.5)) == pytest.approx(tuple(expected), abs=1e-9)


def test_fewer_than_20_authentic_images_have_no_interval() -> None:
    forged = np.linspace(0, 1, 30)
    assert np.isnan(acc_at_5_interval(forged, np.linspace(0, 1, 19))).all()
    assert np.isfinite(acc_at_5_interval(forged, np.linspace(0, 1, 20))).all()
    assert np.isnan(acc_at_5_interval(forged[:1], forged)).all()


@pytest.mark.parametrize("levels", [3, 1000])
def test_two_sets_of_scores_are_scikit_learns(levels: int) -> None:
    generator = np.random.default_rng(levels)
    forged = (generator.integers(0, levels, 70) / levels).astype(np.float32)
    authentic = (generator.integers(0, levels, 50) / levels / 2).astype(np.float32)
    labels = np.repeat([1, 0], [70, 50])
    scores = np.concatenate((forged, authentic))
    assert image_auc(forged, authentic) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    expected = balanced_accuracy_score(labels, scores > 0.4)
    assert balanced_accuracy(forged, authentic, threshold=0.4) == pytest.approx(expected)


def test_a_detector_that_never_or_always_fires_has_a_balanced_accuracy_of_one_half() -> None:
    scores = np.full(4, 0.5)
    assert balanced_accuracy(scores, scores, threshold=0.5) == 0.5
    assert balanced_accuracy(scores, scores, threshold=0.4) == 0.5


def test_an_empty_set_is_undefined() -> None:
    some, none = np.array([0.5]), np.array([])
    for forged, authentic in ((some, none), (none, some)):
        assert np.isnan(image_auc(forged, authentic))
        assert np.isnan(acc_at_5(forged, authentic))
        assert np.isnan(balanced_accuracy(forged, authentic, threshold=0.5))


def test_scores_of_two_inpainters_are_compared_without_torch() -> None:
    code = (
        "import sys; import numpy as np;"
        "from benchmark.metrics.detection import acc_at_5, balanced_accuracy, image_auc;"
        "a, b = np.array([0.9, 0.2]), np.array([0.1, 0.3]);"
        "assert image_auc(a, b) == 0.75;"
        "assert acc_at_5(a, b) == 0.5;"
        "assert balanced_accuracy(a, b, threshold=0.5) == 0.75;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_image_auc_is_the_share_of_pairs_and_the_mean_of_its_values() -> None:
    draw = np.random.default_rng(2)
    score = np.round(draw.random(40), 1)  # with ties
    forged = (draw.random(40) > 0.6).astype(np.float64)
    metric = METRICS.load("image_auc")()
    rows = np.stack((score, forged), axis=1)
    own, others = score[forged > 0][:, None], score[forged == 0][None]
    area = ((own > others) + 0.5 * (own == others)).mean()
    assert metric.reduce(rows) == pytest.approx(area, abs=1e-12)
    low, high = metric.interval(rows, seed=0)
    assert low < area < high
    assert np.isnan(metric.reduce(rows[forged > 0]))  # images of one kind
    apart = np.stack((forged, forged), axis=1)
    assert metric.reduce(apart) == 1
    sizes = int(forged.sum()), int(len(forged) - forged.sum())
    assert metric.interval(apart, seed=0) == area_interval(1.0, *sizes)
    one = np.array([[0.9, 1.0], [0.1, 0.0], [0.2, 0.0]])  # a single forged image
    assert np.isnan(metric.interval(one, seed=0)).all()


@pytest.mark.parametrize(("area", "count"), [(1.0, 4), (0.6, 5), (0.75, 4), (0.5, 2), (0.0, 6)])
def test_an_area_alone_has_newcombes_interval(area: float, count: int) -> None:
    for end in (found := area_interval(area, count, count)):
        if end in {0.0, 1.0}:
            assert end == pytest.approx(area, abs=1e-9)
            continue
        worse, better = end / (2 - end), 2 * end**2 / (1 + end)  # Hanley and McNeil's Q1 and Q2
        variance = end * (1 - end) + (count - 1) * (worse + better - 2 * end**2)
        assert abs(area - end) == pytest.approx(1.959964 * np.sqrt(variance) / count, rel=1e-6)
    assert 0 <= found.low <= area <= found.high <= 1
    assert found.high - found.low > 0.3
