"""Null metrics: heatmaps of authentic images scored against masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from benchmark.core.types import Case
from benchmark.metrics import METRICS, NULLS, nulls_of
from benchmark.testing.metrics import draw_case


def authentic_case(count: int = 4) -> Case:
    """Return the input of `original`: masks, but no manipulated pixel."""
    case = draw_case(count)
    return replace(case, truth=np.zeros_like(case.mask), filled=case.image)


def column(name: str, case: Case) -> list[float]:
    return [float(one) for one in METRICS.load(name)().measure(case)[:, 0]]


def test_nulls_are_scored_against_the_mask() -> None:
    case = authentic_case()
    assert case.verdict is not None
    pairs = list(zip(case.mask, case.verdict.logits.astype(np.float64), strict=True))
    auc = [roc_auc_score(mask.ravel(), one.ravel()) for mask, one in pairs]
    f1 = [f1_score(mask.ravel(), one.ravel() > 0) for mask, one in pairs]
    assert column("auc_null", case) == pytest.approx(auc)
    assert column("f1_null", case) == pytest.approx(f1)
    assert column("area_null", case) == pytest.approx([(one > 0).mean() for _, one in pairs])
    two_sided = [max(one, 1 - one) for one in auc]
    assert column("auc_two_sided_null", case) == pytest.approx(two_sided)
    assert np.isnan(column("auc", case)).all()


@pytest.mark.parametrize(("name", "null"), NULLS.items())
def test_a_null_equals_its_metric_with_the_mask_as_truth(name: str, null: str) -> None:
    assert METRICS.load(null).null_of == name
    assert column(null, authentic_case()) == column(name, draw_case(4))


def test_two_sided_auc_is_per_image() -> None:
    case = draw_case(2)
    assert case.verdict is not None
    logits = np.stack([case.mask[0], ~case.mask[1]]).astype(np.float16)
    case = replace(case, verdict=replace(case.verdict, logits=logits))
    assert column("auc", case) == [1.0, 0.0]  # 0.5 on average
    assert column("auc_two_sided", case) == [1.0, 1.0]


def test_two_sided_auc_of_one_class_is_undefined() -> None:
    assert np.isnan(column("auc_two_sided", authentic_case())).all()


def test_which_nulls_are_measured() -> None:
    three = ("auc_null", "f1_null", "area_null")
    assert nulls_of(["acc", "psnr"]) == three
    assert nulls_of(["auc_two_sided"]) == (*three, "auc_two_sided_null")
    assert nulls_of(["psnr", "gmsd"]) == ()
