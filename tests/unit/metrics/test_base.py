"""What every metric promises, over the registry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.core.errors import BadInput
from benchmark.core.types import Case, Verdict
from benchmark.metrics import METRICS
from tests.unit.metrics.cases import draw_case

NAMES = [name for name in METRICS if not name.startswith("lpips")]  # they need a file
POOLED = ("auc_pooled", "f1_pooled", "auc_photoholmes", "f1_photoholmes")  # other rows
SIDE = 72  # below it TruFor's border rule leaves nothing of the hole


def part(case: Case, at: int) -> Case:
    one = slice(at, at + 1)
    verdict = case.verdict
    return Case(
        image=case.image[one],
        mask=case.mask[one],
        truth=case.truth[one],
        filled=case.filled[one],
        verdict=Verdict(
            logits=verdict.logits[one], score=verdict.score[one], threshold=verdict.threshold
        ),
    )


@pytest.mark.parametrize("name", METRICS)
def test_the_class_says_what_tables_and_plans_need(name: str) -> None:
    kind = METRICS.load(name)
    assert kind.name == name
    assert kind.title
    assert kind.better == ("higher" if name in {"psnr", "psnr_hole", "ssim"} else "lower")
    assert kind.needs in {"filled", "verdict"}
    assert kind.revision >= 1
    assert kind.decimals >= 0
    assert not kind.note or (kind.note.startswith(kind.title) and kind.note.endswith("."))


@pytest.mark.parametrize("name", NAMES)
def test_a_row_does_not_depend_on_its_neighbours(name: str) -> None:
    metric, case = METRICS.load(name)(), draw_case(3, side=SIDE)
    assert metric.unavailable() is None
    rows = metric.measure(case)
    assert rows.dtype == np.float64
    alone = np.concatenate([metric.measure(part(case, at)) for at in range(3)])
    np.testing.assert_array_equal(rows, alone)


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_is_a_finite_number_between_the_ends_of_its_interval(name: str) -> None:
    metric = METRICS.load(name)()
    rows = metric.measure(draw_case(6, side=SIDE))
    assert metric.counted(rows).tolist() == [True] * 6
    value = metric.reduce(rows)
    assert isinstance(value, float)
    assert np.isfinite(value)
    low, high = metric.interval(rows, seed=0)
    assert name == "known_drift" or low <= value <= high


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


@pytest.mark.parametrize("name", [name for name in NAMES if METRICS.load(name).needs == "verdict"])
def test_a_metric_of_a_verdict_refuses_a_case_without_one(name: str) -> None:
    with pytest.raises(BadInput, match=f"{name}: expected a case with a detector's verdict"):
        METRICS.load(name)().measure(replace(draw_case(), verdict=None))
