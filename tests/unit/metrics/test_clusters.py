"""Intervals over originals: images of one original are not independent."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
from scipy.stats import beta

from benchmark.core.types import Case, Rows
from benchmark.metrics import METRICS
from benchmark.metrics.base import Metric
from benchmark.metrics.clusters import (
    clustered_interval,
    count_groups,
    share_interval,
    shares_of_groups,
)
from benchmark.metrics.intervals import UNIT, Interval

ORIGINALS = 20
ALONE = np.arange(ORIGINALS)


def rows_of(name: str) -> Rows:
    """Draw a row for each original."""
    draw = np.random.default_rng(0)
    values = draw.random(ORIGINALS)
    if name == "image_auc":
        return np.stack((values, ALONE % 2), axis=1).astype(np.float64)
    if name == "acc":
        return np.stack((values, values > 0.4), axis=1).astype(np.float64)
    if name == "f1_pooled":
        return draw.integers(1, 50, (ORIGINALS, 3)).astype(np.float64)
    return values[:, None]


def interval(name: str, rows: Rows, groups: np.ndarray) -> Interval:
    return clustered_interval(METRICS.load(name)(), rows, groups, seed=0)


def width(found: Interval) -> float:
    return found.high - found.low


@pytest.mark.parametrize("name", ["auc", "acc", "f1_pooled", "image_auc"])
def test_three_forgeries_of_one_photo_do_not_narrow_it_as_three_photos_do(name: str) -> None:
    rows = rows_of(name)
    once = interval(name, rows, ALONE)
    same = interval(name, np.repeat(rows, 3, axis=0), np.repeat(ALONE, 3))
    photos = interval(name, np.repeat(rows, 3, axis=0), np.arange(3 * ORIGINALS))
    assert width(same) == pytest.approx(width(once), rel=0.1)
    assert width(photos) < 0.7 * width(same)
    assert METRICS.load(name)().interval(rows, seed=0) == once  # nothing shared: as over images


def test_a_mean_is_the_ratio_estimator_of_cluster_samples() -> None:
    groups = np.array([0, 0, 0, 1, 2, 2])
    values = np.array([0.54, 0.53, 0.52, 0.47, 0.49, 0.51])
    mean, sizes = values.mean(), np.array([3, 1, 2])
    sums = np.array([1.59, 0.47, 1.0])
    spread = ((sums - mean * sizes) ** 2).sum() / 2  # Cochran, Sampling Techniques, 6.13
    error = np.sqrt(spread / 3) / (6 / 3)
    found = interval("auc", values[:, None], groups)
    assert (found.low + found.high) / 2 == pytest.approx(mean)
    assert width(found) / 2 == pytest.approx(4.302653 * error, rel=1e-5)  # t of 2 degrees
    assert shares_of_groups(values, groups).mean() == pytest.approx(mean)


def test_fewer_than_two_originals_have_none() -> None:
    rows = np.array([[0.1], [0.2], [np.nan]])
    assert np.isnan(interval("auc", rows, np.array([0, 0, 1]))).all()
    assert count_groups(METRICS.load("auc")(), rows, np.array([0, 0, 1])) == 1


@pytest.mark.parametrize(("name", "originals"), [("acc", 12), ("auc", 12), ("image_auc", 20)])
def test_it_contains_the_true_value_as_often_as_it_says(name: str, originals: int) -> None:
    """Originals differ, their images hardly do; 200 draws have a standard error of 1.5 %."""
    truth = {"acc": 0.5, "auc": 0.5, "image_auc": 0.7545}[name]
    hits = [truth_is_within(name, originals, seed, truth) for seed in range(200)]
    assert np.mean(hits) > 0.9
    assert np.mean(hits) < 0.995


def truth_is_within(name: str, originals: int, seed: int, truth: float) -> bool:
    draw = np.random.default_rng(seed)
    own = draw.normal(size=originals)
    if name == "image_auc":  # three forgeries and the authentic image of each original
        score = np.repeat(own, 4) + 0.3 * draw.normal(size=4 * originals)
        forged = np.tile([1.0, 1.0, 1.0, 0.0], originals)
        rows, sizes = np.stack((score + forged, forged), axis=1), np.full(originals, 4)
    else:
        sizes = draw.integers(1, 5, originals)
        level = np.repeat(own, sizes)
        value = 0.5 + 0.1 * level + 0.03 * draw.normal(size=len(level))
        called = (level + 0.2 * draw.normal(size=len(level)) > 0).astype(np.float64)
        rows = value[:, None] if name == "auc" else np.stack((called, called), axis=1)
    low, high = interval(name, rows, np.repeat(np.arange(originals), sizes))
    return low <= truth <= high


def test_pairs_that_all_fare_alike_still_have_an_interval_of_the_area() -> None:
    """Each forgery scores just above its own original: every original has the same share."""
    own = np.array([0.1, 0.3, 0.5, 0.7])
    rows = np.stack((np.r_[own + 0.01, own], np.repeat([1.0, 0.0], 4)), axis=1)
    low, high = interval("image_auc", rows, np.tile(np.arange(4), 2))
    assert METRICS.load("image_auc")().reduce(rows) == 0.625
    assert (low, high) == pytest.approx((0.2595, 0.8839), abs=1e-4)
    assert np.isnan(interval("image_auc", rows[[0, 4, 5, 6]], np.array([0, 0, 1, 2]))).all()


def test_all_or_none_of_the_images_still_has_an_interval_of_the_originals() -> None:
    rows = np.ones((30, 2))
    low, high = interval("acc", rows, np.repeat(np.arange(10), 3))
    assert high == 1
    assert low == pytest.approx(0.025 ** (1 / 10))  # Clopper-Pearson of 10 out of 10, not of 30


def test_a_plug_in_that_is_no_mean_is_drawn_by_original() -> None:
    class Largest(Metric):
        name, title, better, needs = "largest", "Largest", "lower", "verdict"
        bounds: ClassVar = UNIT

        def measure(self, case: Case) -> Rows:
            raise NotImplementedError

        def reduce(self, rows: Rows) -> float:
            return float(rows.max())

    rows = np.repeat(rows_of("auc"), 3, axis=0)
    found = clustered_interval(Largest(), rows, np.repeat(ALONE, 3), seed=0)
    assert 0.5 < found.low <= found.high == rows.max()


@pytest.mark.parametrize("found", [(1, 0, 0), (1, 0, 0, 0, 0), (1, 1, 0, 0, 0), (1, 1, 0)])
@pytest.mark.parametrize("originals", [6, 7, 12])
def test_more_forgeries_of_the_same_originals_narrow_no_share(
    found: tuple[int, ...], originals: int
) -> None:
    """Whether the originals agree exactly or to rounding, each counts once."""
    values = np.tile(np.array(found, dtype=np.float64), originals)
    groups = np.repeat(np.arange(originals), len(found))
    once = share_interval(values, groups)
    hits = float(values.mean()) * originals
    assert once.low == pytest.approx(beta.ppf(0.025, hits, originals - hits + 1))
    assert once.high == pytest.approx(beta.ppf(0.975, hits + 1, originals - hits))
    copies = share_interval(np.repeat(values, 3), np.repeat(groups, 3))
    assert copies == pytest.approx(once)
    values[0] = 1 - values[0]  # they nearly agree
    near, thrice = share_interval(values, groups), np.repeat(values, 3)
    assert share_interval(thrice, np.repeat(groups, 3)) == pytest.approx(near, rel=0.02)
