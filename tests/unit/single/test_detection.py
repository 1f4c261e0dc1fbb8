"""Detections of single images: score, verdict, tiles and truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import Weights
from benchmark.core.errors import BadInput, DataError
from benchmark.core.tiles import Tiling
from benchmark.core.types import Detection
from benchmark.metrics.localization import pixel_auc, pixel_f1
from benchmark.runner.jobs import ResolvedModel
from benchmark.single.cache import open_cache
from benchmark.single.detection import (
    EMPTY_TRUTH,
    FULL_TRUTH,
    detect_image,
    localize,
    probabilities,
    tiling_for,
)
from benchmark.single.models import (
    NO_EVIDENCE,
    Loaded,
    choose_models,
    evidence_note,
    false_positives,
)
from benchmark.single.tiles import TileOptions
from benchmark.store.store import Store
from detectors.base import Detector


class Brightness(Detector):
    """Works pixel by pixel, so tiles must not matter; the score is the largest probability."""

    card = Card(name="brightness", title="brightness", sizes="any", min_side=4)
    calls = 0

    def _detect(self, images: torch.Tensor) -> Detection:
        type(self).calls += 1
        heatmap = images.mean(dim=1)
        return Detection(heatmap=heatmap, score=heatmap.amax(dim=(1, 2)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_cache(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """Loads `Brightness` whatever is wanted."""
    monkeypatch.setattr(Brightness, "calls", 0)
    one = Loaded("cpu")
    monkeypatch.setattr(one, "detector", lambda _: Brightness())
    return one


def chosen(**changes: Any) -> ResolvedModel:
    card = replace(Brightness.card, **changes)
    return ResolvedModel(
        name=card.name, card=card, weights=Weights(edition="none"), word="flatness"
    )


def photo(height: int = 70, width: int = 90) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 250, (height, width, 3), dtype=np.uint8)


def test_tiles_of_a_pixelwise_detector_give_the_whole_images_heatmap(
    store: Store, loaded: Loaded
) -> None:
    pixels = photo()
    whole = detect_image(chosen(), pixels, loaded=loaded, store=store)
    tiled = detect_image(
        chosen(), pixels, loaded=loaded, store=store, tiling=Tiling(side=32, overlap=8)
    )
    assert tiled.tiles is not None
    assert tiled.tiles.count == 3 * 4
    np.testing.assert_allclose(tiled.heatmap(), whole.heatmap(), atol=1e-3)
    assert tiled.score == pytest.approx(whole.score)  # the highest of the tiles
    assert Brightness.calls == 1 + 12


def test_the_score_by_area_is_of_the_blended_map(store: Store, loaded: Loaded) -> None:
    pixels = photo()
    pixels[:40, :40] = 255
    one = chosen(score_from="area", threshold=0.02)
    tiled = detect_image(one, pixels, loaded=loaded, store=store, tiling=Tiling(side=32, overlap=8))
    assert tiled.score == pytest.approx(float((tiled.heatmap() > 0.5).mean()), abs=1e-3)
    assert "share of the map blended from 12 tiles" in tiled.verdict


def test_what_is_stored_is_not_computed_again(store: Store, loaded: Loaded) -> None:
    first = detect_image(
        chosen(), photo(), loaded=loaded, store=store, tiling=Tiling(side=32, overlap=8)
    )
    calls = Brightness.calls
    again = detect_image(
        chosen(), photo(), loaded=loaded, store=store, tiling=Tiling(side=32, overlap=8)
    )
    assert Brightness.calls == calls
    assert (first.stored, again.stored) == (False, True)
    assert again.verdict == first.verdict
    assert np.array_equal(again.logits, first.logits)


@pytest.mark.parametrize(
    "other", [None, Tiling(side=48, overlap=8), Tiling(side=32, overlap=4)], ids=str
)
def test_tile_and_overlap_are_part_of_the_key(
    store: Store, loaded: Loaded, other: Tiling | None
) -> None:
    detect_image(chosen(), photo(), loaded=loaded, store=store, tiling=Tiling(side=32, overlap=8))
    found = detect_image(chosen(), photo(), loaded=loaded, store=store, tiling=other)
    assert not found.stored


def test_another_pixel_or_revision_is_computed_anew(store: Store, loaded: Loaded) -> None:
    pixels = photo()
    detect_image(chosen(), pixels, loaded=loaded, store=store)
    changed = pixels.copy()
    changed[0, 0, 0] ^= 1
    assert not detect_image(chosen(), changed, loaded=loaded, store=store).stored
    assert not detect_image(chosen(revision=2), pixels, loaded=loaded, store=store).stored
    assert detect_image(chosen(), pixels, loaded=loaded, store=store).stored


def test_verdict_and_tiles_above_the_operating_point(store: Store, loaded: Loaded) -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:16, :16] = 200
    found = detect_image(
        chosen(), pixels, loaded=loaded, store=store, tiling=Tiling(side=32, overlap=0)
    )
    assert found.forged
    assert found.verdict == "forged at 0.5 (highest of 4 tiles, 1 of them above)"
    whole = detect_image(chosen(threshold=0.9), pixels, loaded=loaded, store=store)
    assert whole.verdict == "not forged at 0.9"


def test_an_image_that_is_too_small_is_refused(store: Store, loaded: Loaded) -> None:
    with pytest.raises(DataError, match="at least 4 pixels a side, this one has 3"):
        detect_image(chosen(), photo(3, 9), loaded=loaded, store=store)


def test_truth_gives_the_benchmarks_auc_and_f1(store: Store, loaded: Loaded) -> None:
    pixels = photo()
    truth = np.zeros((70, 90), bool)
    truth[10:30, 10:50] = True
    pixels[truth] //= 2
    found = localize(detect_image(chosen(), pixels, loaded=loaded, store=store), truth, pixels)
    assert found.truth is not None
    assert found.truth.auc == pytest.approx(pixel_auc(found.logits, truth))
    assert found.truth.f1 == pytest.approx(pixel_f1(found.logits, truth, threshold=0))


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        (np.zeros((70, 90), bool), EMPTY_TRUTH),
        (np.ones((70, 90), bool), FULL_TRUTH),
        (np.ones((7, 9), bool), "the truth has 9x7 pixels"),
    ],
    ids=["empty", "full", "other shape"],
)
def test_a_truth_that_gives_no_number_says_why(
    store: Store, loaded: Loaded, truth: np.ndarray, said: str
) -> None:
    found = localize(detect_image(chosen(), photo(), loaded=loaded, store=store), truth, photo())
    assert found.truth is not None
    assert (found.truth.auc, found.truth.f1, found.truth.reason) == (None, None, said)


def test_when_images_are_tiled() -> None:
    large, small = (3000, 4000), (500, 700)
    assert tiling_for(chosen(), small) is None
    assert tiling_for(chosen(), large) == Tiling(side=512, overlap=64)
    assert tiling_for(chosen(), large, TileOptions(tile=0)) is None
    assert tiling_for(chosen(), small, TileOptions(tile=128)) == Tiling(side=128, overlap=16)
    assert tiling_for(chosen(), (100, 120), TileOptions(tile=128)) is None
    assert tiling_for(chosen(), large, TileOptions(overlap=9)) == Tiling(side=512, overlap=9)
    with pytest.raises(BadInput, match="--tile 32: brightness takes images of at least 40"):
        tiling_for(chosen(min_side=40), large, TileOptions(tile=32))


def test_probabilities_are_those_of_the_logits() -> None:
    logits = np.array([[-30, -1, 0, 2, 30]], np.float16)
    np.testing.assert_allclose(
        probabilities(logits), 1 / (1 + np.exp(-logits.astype(np.float64))), rtol=1e-6
    )


@pytest.mark.parametrize("name", ["trufor", "psccnet", "iidnet"])
def test_mini_weights_say_that_they_are_no_evidence_and_what_was_measured(name: str) -> None:
    (one,) = choose_models(detectors=[name], weights={name: "mini"}).detectors
    note = evidence_note(one)
    assert note.startswith(f"{NO_EVIDENCE}: ")
    assert note.endswith(" of the 120 authentic images that set the threshold are called forged")


def test_weights_that_say_nothing_were_not_measured(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    weights = Weights(edition="mini", path=tmp_path / "x.safetensors", sha256="0")
    one = replace(chosen(), weights=weights)
    assert false_positives(one) == ""
    assert evidence_note(one) == f"{NO_EVIDENCE}: false positives not measured"


def test_all_are_those_with_weights_and_no_controls() -> None:
    models = choose_models(inpainters=["all"], detectors=["all"])
    names = {one.name for one in models.detectors}
    assert {"trufor", "psccnet", "iidnet"} <= names
    assert not names & {"flatness", "chance"}
    painters = [one.name for one in models.inpainters]
    assert "telea" in painters
    assert "original" not in painters


def test_folders_of_finished_results_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 4), np.float32))
    with pytest.raises(BadInput, match="only 'bench run' reads it"):
        choose_models(detectors=[f"heatmaps:{tmp_path}"])
