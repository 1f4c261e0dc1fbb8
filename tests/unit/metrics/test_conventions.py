"""Evaluation conventions against naive implementations of their definitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmark.core.errors import BadInput
from benchmark.core.types import Case
from benchmark.masks.bucket import Bucket
from benchmark.masks.generator import irregular_mask
from benchmark.metrics import CONVENTIONS, METRICS, paper_convention, under_convention
from benchmark.metrics.conventions import without_border
from tests.unit.metrics.maps import KINDS, draw_maps

THEIRS = [name for own in CONVENTIONS.values() for name in own.values()]
Map = np.ndarray


def probabilities(case: Case) -> Map:
    """Return float32 probabilities, as other programs keep them."""
    assert case.verdict is not None
    return (1 / (1 + np.exp(-case.verdict.logits.astype(np.float64)))).astype(np.float32)


def measured(name: str, case: Case) -> np.ndarray:
    return METRICS.load(name)().measure(case)


def cell(name: str, case: Case) -> float:
    return METRICS.load(name)().reduce(measured(name, case))


def plain_f1(called: Map, truth: Map) -> float:
    hits, wrong = (called & truth).sum(), (called != truth).sum()
    return 2 * hits / (2 * hits + wrong)


def extreme(truth: Map, side: int, *, largest: bool) -> Map:
    """Apply a minimum or maximum filter of odd size, pixel by pixel, within the image."""
    reach, found = side // 2, np.empty_like(truth)
    for row, column in np.ndindex(truth.shape):
        window = truth[
            max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1
        ]
        found[row, column] = window.any() if largest else window.all()
    return found


def plain_trufor(probability: Map, truth: Map, thresholds: Map | None = None) -> float:
    positives = extreme(truth, 15, largest=False)
    kept = positives | ~extreme(truth, 11, largest=True)
    found, truth = probability[kept], positives[kept]
    if truth.all() or not truth.any():
        return float("nan")
    if thresholds is None:
        return max(plain_f1(found > 0.5, truth), plain_f1(~(found > 0.5), truth))
    calls = [found >= threshold for threshold in np.unique(found)]
    calls += [found <= threshold for threshold in np.unique(found)]
    return max(plain_f1(call, truth) for call in calls)


def plain_imdlbenco_auc(probability: Map, truth: Map) -> float:
    """Integrate the curve pixel by pixel in descending order, ties in raster order."""
    if not truth.any():
        return 0.0
    order = np.argsort(-probability.ravel(), kind="stable")
    found = truth.ravel()[order]
    rising, across = found.cumsum() / found.sum(), (~found).cumsum() / (~found).sum()
    return float(np.trapezoid(rising, across))


def plain_imdlbenco_f1(probability: Map, truth: Map) -> float:
    called = probability > 0.5
    hits = float((called & truth).sum())
    precision = hits / (called.sum() + 1e-8)
    recall = hits / (truth.sum() + 1e-8)
    return 2 * precision * recall / (precision + recall + 1e-8)


def plain_photoholmes_auc(probability: Map, truth: Map) -> float:
    """Integrate over 100 thresholds from 0 to 1 without the point (0, 0); empty rates are 0."""
    thresholds = np.linspace(0, 1, 100).astype(np.float32)[::-1]
    rising = [(probability >= at)[truth].sum() / max(1, truth.sum()) for at in thresholds]
    across = [(probability >= at)[~truth].sum() / max(1, (~truth).sum()) for at in thresholds]
    return float(np.trapezoid(rising, across))


def plain_photoholmes_f1(probability: Map, truth: Map) -> float:
    called = probability > 0.5
    wrong = (called != truth).sum()
    return plain_f1(called, truth) if wrong or (called & truth).any() else 0.0


PER_IMAGE: dict[str, Callable[[Map, Map], float]] = {
    "f1_trufor": plain_trufor,
    "f1_oracle_trufor": lambda found, truth: plain_trufor(found, truth, found),
    "auc_imdlbenco": plain_imdlbenco_auc,
    "f1_imdlbenco": plain_imdlbenco_f1,
    "f1_tgif": lambda found, truth: plain_f1(found > 0.5, truth),
}
POOLED = {"auc_photoholmes": plain_photoholmes_auc, "f1_photoholmes": plain_photoholmes_f1}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PER_IMAGE)
def test_values_per_image_equal_the_definition(name: str, kind: str) -> None:
    case = draw_maps(kind, n=2, side=160 if "trufor" in name else 64, bucket="50-60")
    if name == "f1_oracle_trufor":  # on logits: float32 probabilities have more ties
        assert case.verdict is not None
        maps = case.verdict.logits
    else:
        maps = probabilities(case)
    expected = [PER_IMAGE[name](*pair) for pair in zip(maps, case.truth, strict=True)]
    assert np.isfinite(expected).all()
    assert measured(name, case)[:, 0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", POOLED)
def test_pooled_values_equal_the_definition(name: str, kind: str) -> None:
    case = draw_maps(kind, n=5)
    expected = POOLED[name](probabilities(case), case.truth)
    assert cell(name, case) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kind", ["smooth", "confident", "constant", "nothing", "all"])
def test_an_image_without_a_hole(kind: str) -> None:
    case = draw_maps(kind)
    case = replace(case, truth=np.zeros_like(case.truth))
    found = {name: cell(name, case) for name in THEIRS}
    assert np.isnan([found.pop("f1_trufor"), found.pop("f1_oracle_trufor")]).all()
    called = bool((probabilities(case) > 0.5).any())
    assert found.pop("f1_tgif") == (0.0 if called else 1.0)  # both empty is 1
    assert set(found.values()) == {0.0}
    assert METRICS.load("auc_imdlbenco")().counted(measured("auc_imdlbenco", case)).all()


@pytest.mark.parametrize("kind", ["smooth", "nothing", "all"])
def test_an_image_that_is_all_hole(kind: str) -> None:
    case = draw_maps(kind)
    case = replace(case, truth=np.ones_like(case.truth))
    assert np.isnan([cell(n, case) for n in ("f1_trufor", "f1_oracle_trufor")]).all()
    assert np.isnan(cell("auc_imdlbenco", case))
    assert cell("auc_photoholmes", case) == 0
    everything, found = np.ones_like(case.truth[0]), probabilities(case)
    expected = np.mean([plain_imdlbenco_f1(one, everything) for one in found])
    assert cell("f1_imdlbenco", case) == pytest.approx(expected, abs=1e-12)
    assert cell("f1_photoholmes", case) == pytest.approx(
        plain_photoholmes_f1(found, case.truth), abs=1e-12
    )


def test_the_image_edge_is_not_a_mask_border() -> None:
    truth = np.zeros((60, 80), dtype=bool)
    truth[:30] = True
    positives, negatives = without_border(truth)
    assert (positives.any(axis=1) == (np.arange(60) < 23)).all()
    assert (negatives.any(axis=1) == (np.arange(60) >= 35)).all()
    assert positives[:23].all()
    assert negatives[35:].all()


def test_the_border_rule_drops_most_of_an_irregular_mask() -> None:
    dropped = {}
    for label in ("10-20", "30-40", "50-60"):
        bucket = Bucket.parse(label)
        masks = [irregular_mask(height=256, width=256, bucket=bucket, seed=at) for at in range(20)]
        kept = [without_border(mask).positives.sum() / mask.sum() for mask in masks]
        dropped[label] = 1 - float(np.mean(kept))
    assert 0.60 < dropped["10-20"] < 0.72
    assert 0.53 < dropped["30-40"] < 0.64
    assert 0.44 < dropped["50-60"] < 0.55
    strokes = np.zeros((256, 256), dtype=bool)
    strokes[8::30] = strokes[:, 8::30] = True  # thin strokes vanish
    assert not without_border(strokes).positives.any()
    assert "drops half to two thirds of the hole" in METRICS.load("f1_trufor").note


def test_ties_are_ranked_by_raster_order() -> None:
    case = draw_maps("constant", n=1)
    turned = replace(case, truth=case.truth[:, ::-1, ::-1].copy())
    here, there = cell("auc_imdlbenco", case), cell("auc_imdlbenco", turned)
    assert here + there == pytest.approx(1)
    assert abs(here - 0.5) > 0.01
    assert cell("auc", case) == 0.5


def test_a_confident_heatmap_loses_the_first_segment_of_its_curve() -> None:
    case = draw_maps("confident")
    assert cell("auc_pooled", case) - cell("auc_photoholmes", case) > 0.02
    smooth = draw_maps("smooth")
    assert cell("auc_pooled", smooth) == pytest.approx(cell("auc_photoholmes", smooth), abs=2e-3)


@pytest.mark.parametrize("name", THEIRS)
def test_nan_raises(name: str) -> None:
    case = draw_maps("smooth")
    assert case.verdict is not None
    logits = case.verdict.logits.copy()
    logits[:, 31, 31] = np.nan
    logits[:, ::5, ::5] = np.nan  # some of them outside of all borders
    with pytest.raises(BadInput, match="NaN"):
        measured(name, replace(case, verdict=replace(case.verdict, logits=logits)))


def test_a_convention_replaces_only_auc_and_f1_and_can_be_inverted() -> None:
    names = ("auc", "f1", "acc", "psnr")
    assert under_convention("paper", names) == names
    for convention, own in CONVENTIONS.items():
        theirs = under_convention(convention, names)
        assert theirs[2:] == names[2:]
        assert all(name in METRICS for name in theirs)
        assert paper_convention(convention, theirs) == names
        assert len(own) in (0, 1, 2)
