"""The contract of metrics, for every registered metric."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics import METRICS
from benchmark.testing import check_metric
from benchmark.testing.metrics import class_attributes_are_valid, draw_case

NAMES = [  # lpips needs a weights file, image_auc images of both kinds
    name for name in METRICS if not name.startswith("lpips") and name != "image_auc"
]
POOLED = ("auc_pooled", "f1_pooled", "auc_photoholmes", "f1_photoholmes")  # rows differ


@pytest.mark.parametrize("name", METRICS)
def test_the_class_says_what_tables_and_plans_need(name: str) -> None:
    kind = METRICS.load(name)
    class_attributes_are_valid(kind)
    assert kind.name == name
    assert kind.better == ("higher" if name in {"psnr", "psnr_hole", "ssim"} else "lower")
    assert kind.decimals >= 0
    assert not kind.note or (kind.note.startswith(kind.title) and kind.note.endswith("."))


@pytest.mark.parametrize("name", NAMES)
def test_every_metric_passes_the_plugin_checks(name: str) -> None:
    check_metric(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_is_a_finite_number_between_the_ends_of_its_interval(name: str) -> None:
    metric = METRICS.load(name)()
    rows = metric.measure(draw_case(6))
    assert metric.counted(rows).tolist() == [True] * 6
    value = metric.reduce(rows)
    assert isinstance(value, float)
    assert np.isfinite(value)
    low, high = metric.interval(rows, seed=0)
    assert name == "known_drift" or low <= value <= high


@pytest.mark.parametrize("name", NAMES)
def test_values_lie_within_the_bounds_that_the_class_declares(name: str) -> None:
    metric = METRICS.load(name)()
    values = metric.values(metric.measure(draw_case(6)))
    low, high = metric.bounds
    assert name in POOLED or (values >= low).all()
    assert name in POOLED or (values <= high).all()
    assert metric.share == (name in {"acc", "fpr", "known_drift_share"})
    assert not metric.share or set(values) <= {0.0, 1.0}


def test_bounds_are_those_of_the_definitions() -> None:
    found = {name: tuple(METRICS.load(name).bounds) for name in METRICS}
    assert found.pop("psnr") == found.pop("psnr_hole") == (0, np.inf)  # of 8 bits
    assert found.pop("auc_two_sided") == found.pop("auc_two_sided_null") == (0.5, 1)
    assert found.pop("ssim") == found.pop("mcc") == (-1, 1)
    assert found.pop("gmsd") == (0, 0.5)
    assert found.pop("known_drift") == found.pop("known_mae") == (0, 255)
    assert found.pop("lpips") == found.pop("lpips_vgg") == (0, np.inf)
    assert found.pop("residual_kl") == (0, np.inf)
    assert set(found.values()) == {(0, 1)}


@pytest.mark.parametrize("name", METRICS)
def test_no_rows_reduce_to_nothing(name: str) -> None:
    metric, rows = METRICS.load(name)(), np.empty((0, 1))
    assert metric.counted(rows).shape == (0,)
    assert np.isnan(metric.reduce(rows))
    assert np.isnan(metric.interval(rows, seed=0)).all()


@pytest.mark.parametrize("name", METRICS)
def test_nan_rows_are_left_out_and_seen(name: str) -> None:
    metric = METRICS.load(name)()
    if name in POOLED:
        return
    rows = np.array([[0.5, 1.0], [np.nan, np.nan], [0.25, 0.0]])
    assert metric.counted(rows).tolist() == [True, False, True]
    assert np.isfinite(metric.reduce(rows))
