"""Localization metrics against scikit-learn, by hand, and at edge cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import (
    f1_score,
    jaccard_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
    roc_auc_score,
)

from benchmark.core.errors import BadInput
from benchmark.core.types import Verdict
from benchmark.metrics import METRICS
from benchmark.metrics.localization import (
    area,
    confusion,
    iou,
    mcc,
    pixel_auc,
    pixel_f1,
    pixel_f1_oracle,
    precision,
    recall,
)
from tests.unit.metrics.cases import draw_case

COUNTED = {"iou": iou, "precision": precision, "recall": recall, "mcc": mcc}
THEIRS = {
    "f1": f1_score,
    "iou": jaccard_score,
    "precision": precision_score,
    "recall": recall_score,
    "mcc": matthews_corrcoef,
}


def draw(seed: int, shift: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    mask = generator.random((20, 30)) < 0.3
    logits = generator.normal(size=mask.shape) + shift * mask - 0.5
    return logits, mask


@pytest.mark.parametrize("shift", [-3.0, 0.0, 2.0])
@pytest.mark.parametrize("name", THEIRS)
def test_counted_metrics_equal_scikit_learn(name: str, shift: float) -> None:
    heatmap, mask = draw(1, shift)
    called = (heatmap > 0).ravel()
    if name == "f1":
        ours = pixel_f1(heatmap, mask, threshold=0)
    else:
        ours = COUNTED[name](confusion(heatmap, mask, threshold=0))
    assert ours == pytest.approx(THEIRS[name](mask.ravel(), called), abs=1e-12)


def test_mcc_keeps_its_sign() -> None:
    mask = np.array([[True, False]])
    assert mcc(confusion(mask * 1.0, mask)) == 1
    assert mcc(confusion(1.0 - mask, mask)) == -1


def test_exactly_one_half_is_not_called() -> None:
    mask = np.array([[True, True, False, False]])
    heatmap = np.array([[0.5, 0.6, 0.5, 0.1]], dtype=np.float32)
    assert confusion(heatmap, mask) == (1, 0, 1, 2)
    assert pixel_f1(heatmap, mask) == 2 / 3
    logits = np.array([[0.0, 6e-8, -0.0, -1.0]], dtype=np.float16)
    assert confusion(logits, mask, threshold=0) == (1, 0, 1, 2)


def test_nothing_called_on_a_hole_is_zero() -> None:
    _, mask = draw(2)
    nothing = np.zeros(mask.shape, dtype=np.float32)
    assert pixel_auc(nothing, mask) == 0.5
    assert pixel_f1(nothing, mask) == 0
    assert [measure(confusion(nothing, mask)) for measure in COUNTED.values()] == [0, 0, 0, 0]
    assert area(confusion(nothing, mask)) == 0


def test_everything_called() -> None:
    _, mask = draw(2)
    share = mask.mean()
    counts = confusion(np.ones(mask.shape), mask)
    assert pixel_f1(np.ones(mask.shape), mask) == pytest.approx(2 * share / (1 + share))
    assert pixel_f1_oracle(np.ones(mask.shape), mask) == pytest.approx(2 * share / (1 + share))
    assert precision(counts) == iou(counts) == pytest.approx(share)
    assert recall(counts) == area(counts) == 1
    assert mcc(counts) == 0


def test_an_empty_mask_is_undefined() -> None:
    heatmap, mask = draw(3)
    empty = np.zeros_like(mask)
    counts = confusion(heatmap, empty)
    values = [measure(counts) for measure in COUNTED.values()]
    values += [measure(heatmap, empty) for measure in (pixel_auc, pixel_f1, pixel_f1_oracle)]
    assert np.isnan(values).all()
    assert area(counts) == (heatmap > 0.5).mean()


def test_a_full_mask_has_no_auc_and_no_mcc_but_an_f1() -> None:
    heatmap, mask = draw(4)
    full = np.ones_like(mask)
    assert np.isnan(pixel_auc(heatmap, full))
    assert np.isnan(mcc(confusion(heatmap, full)))
    assert pixel_f1_oracle(heatmap, full) == 1
    called = (heatmap > 0.5).mean()
    assert pixel_f1(heatmap, full) == pytest.approx(2 * called / (1 + called))


def test_the_best_threshold_is_at_least_as_good_as_any() -> None:
    heatmap, mask = draw(5)
    best = pixel_f1_oracle(heatmap, mask)
    every = [pixel_f1(heatmap, mask, threshold=t) for t in np.append(heatmap, heatmap.min() - 1)]
    assert best == pytest.approx(max(every), abs=1e-12)


@pytest.mark.parametrize("measure", [pixel_auc, pixel_f1, pixel_f1_oracle, confusion])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_bad_input_raises(measure: object, dtype: type) -> None:
    heatmap, mask = np.full((4, 4), 0.5, dtype=dtype), np.eye(4, dtype=bool)
    with pytest.raises(BadInput, match="expected bool"):
        measure(heatmap, mask.astype(np.float32))
    with pytest.raises(BadInput, match="expected shape"):
        measure(heatmap, mask[:3])
    heatmap[1, 2] = np.nan
    with pytest.raises(BadInput, match="NaN"):
        measure(heatmap, mask)


def test_rows_are_the_functions_on_the_kept_logits() -> None:
    case = draw_case(4)
    logits = case.verdict.logits
    for at, (heatmap, mask) in enumerate(zip(logits, case.truth, strict=True)):
        flat, called = mask.ravel(), (heatmap > 0).ravel()
        expected = {name: theirs(flat, called) for name, theirs in THEIRS.items()}
        expected["auc"] = roc_auc_score(flat, heatmap.ravel().astype(np.float64))
        expected["area"] = called.mean()
        for name, value in expected.items():
            rows = METRICS.load(name)().measure(case)
            assert rows.shape == (4, 1)
            assert rows.dtype == np.float64
            assert rows[at, 0] == pytest.approx(value, abs=1e-12), name


def test_original_has_no_localisation_but_an_area() -> None:
    case = draw_case()
    case = replace(case, truth=np.zeros_like(case.truth))
    for name in (
        "auc",
        "f1",
        "auc_pooled",
        "f1_pooled",
        "f1_oracle",
        "iou",
        "precision",
        "recall",
        "mcc",
    ):
        metric = METRICS.load(name)()
        rows = metric.measure(case)
        assert not metric.counted(rows).any(), name
        assert np.isnan(metric.reduce(rows)), name
        assert np.isnan(metric.interval(rows, seed=0)).all(), name
    assert METRICS.load("area")().counted(METRICS.load("area")().measure(case)).all()


def test_float16_logits_keep_what_is_above_one_half() -> None:
    above = np.nextafter(np.float32(0.5), np.float32(1))
    logit = np.log(np.float64(above) / (1 - np.float64(above))).astype(np.float16)
    verdict = Verdict(logits=np.array([[[logit, 0]]]), score=np.zeros(1, np.float32), threshold=0.5)
    case = replace(draw_case(1), truth=np.array([[[True, False]]]), verdict=verdict)
    assert METRICS.load("f1")().measure(case)[0, 0] == 1
