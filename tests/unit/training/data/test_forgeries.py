"""Forgeries: 8-bit rounding, pasting, retouching and post-processing as the recipe sets them."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.core.errors import UnknownName
from benchmark.training.data.forgeries import ForgeryData, ForgeryPool, forge, paste
from benchmark.training.data.images import TrainingImages, read_training_images
from benchmark.training.data.masks import Masks
from benchmark.training.data.options import Retouching
from benchmark.training.recipe import Recipe
from inpainters.baselines import MeanFill
from tests.unit.training.conftest import recipe

LEVELS = (0.0, 0.49, 0.5, 1.5, 100.4, 100.7, 126.5, 127.5, 254.5, 255.0)
NEAREST = [0, 0, 0, 2, 100, 101, 126, 128, 254, 255]  # halves to the even level
GRAIN = {"share": 1.0, "match": 0, "blur": 0, "sharpen": 0, "median": 0}


@pytest.fixture
def read(photographs: Path) -> TrainingImages:
    return read_training_images(photographs, sides=(64,), minimum=1)


def chosen(names: Sequence[str], **changes: Any) -> Recipe:
    forgers = [{"name": name, "pool": 3} for name in names]
    stage = {"steps": 40, "batch": 4, "crop": 64, "sides": [64], "forgers": forgers}
    return recipe("trufor", **{"postprocessing": {}, "stages": [stage]} | changes)


def data_of(recipe: Recipe, read: TrainingImages) -> ForgeryData:
    return ForgeryData(recipe, read, Masks(recipe.holes, seed=recipe.seed), device="cpu")


@pytest.mark.parametrize("rounding", ["round", "cut"])
def test_forgeries_are_rounded_as_the_bench_rounds_not_as_their_authors(
    monkeypatch: pytest.MonkeyPatch, rounding: str
) -> None:
    def fill(self: MeanFill, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        row = torch.tensor(LEVELS) / 255
        return row.expand(1, 3, images.shape[2], len(LEVELS))

    monkeypatch.setattr(MeanFill, "_fill", fill)
    monkeypatch.setattr(MeanFill, "card", replace(MeanFill.card, rounding=rounding))
    pixels = np.full((8, len(LEVELS), 3), 77, np.uint8)
    mask = np.zeros((8, len(LEVELS)), np.bool_)
    mask[2:6] = True
    forgery = forge(MeanFill(), pixels, mask)
    assert (forgery.pixels[2:6] == np.array(NEAREST)[:, None]).all()
    assert (forgery.pixels[~mask] == 77).all()
    assert np.array_equal(forgery.truth, mask)


def test_the_seed_reaches_the_forger(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []

    def fill(self: MeanFill, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        seeds.append(seed)
        return images

    monkeypatch.setattr(MeanFill, "_fill", fill)
    mask = np.zeros((8, 8), np.bool_)
    mask[2:6] = True
    forge(MeanFill(), np.zeros((8, 8, 3), np.uint8), mask, seed=31)
    assert seeds == [31]


def test_forgeries_that_need_no_inpainter_are_made_anew_for_every_step(
    read: TrainingImages,
) -> None:
    data = data_of(chosen(["splice", "copy-move", "flat", "retouched"]), read)
    images, truths = data.batch(0)
    assert (truths.flatten(1).mean(dim=1) > 0.01).all()
    assert torch.equal(images, data.batch(0)[0])
    assert torch.equal(images, data_of(chosen(["splice", "copy-move", "flat", "retouched"]), read)
                       .batch(0)[0])  # fmt: skip
    many = [data.batch(step)[0] for step in range(10)]
    assert len({image.numpy().tobytes() for batch in many for image in batch}) == 40


def test_forgers_are_drawn_by_their_shares(read: TrainingImages) -> None:
    forgers = [{"name": "flat", "share": 3.0}, {"name": "original", "pool": 3, "share": 1.0}]
    stage = {"steps": 40, "batch": 4, "crop": 64, "sides": [64], "forgers": forgers}
    data = data_of(chosen([], stages=[stage]), read)
    seen = Counter(one.by for step in range(40) for one in data.plan(step))
    assert 0.65 < seen["flat"] / 160 < 0.85


def test_an_order_is_made_ready_elsewhere(read: TrainingImages) -> None:
    """Workers get it pickled, with the other image of a splice and the state of its draws."""
    data = data_of(chosen(["splice", "telea"], retouching=GRAIN), read)
    for step in range(4):
        ordered = pickle.loads(pickle.dumps(data.plan(step)))  # noqa: S301 (our own)
        build = pickle.loads(pickle.dumps(data.build))  # noqa: S301
        for (pixels, truth, _), image, mask in zip(build(ordered), *data.batch(step), strict=True):
            assert np.array_equal(np.rint(255 * image.permute(1, 2, 0).numpy()), pixels)
            assert np.array_equal(mask[0].numpy() > 0, truth)


def test_holes_of_inpainters_are_retouched_and_untouched_images_are_not(
    read: TrainingImages,
) -> None:
    untouched = chosen(["original"])
    images, _ = data_of(untouched, read).batch(0)
    again, _ = data_of(chosen(["original"], retouching=GRAIN), read).batch(0)
    assert torch.equal(images, again)
    for step in range(3):
        for retouching, grainy in (({}, False), (GRAIN, True)):
            batch = data_of(chosen(["meanfill"], retouching=retouching), read).batch(step)
            for image, truth in zip(*batch, strict=True):
                colors = image[:, truth[0] > 0].unique(dim=1)
                assert (colors.shape[1] > 1) is grainy  # else the one color of a mean


def test_history_is_behind_the_forgery_and_laundering_is_on_it(read: TrainingImages) -> None:
    """A flat hole stays flat whatever the image went through before, not if it does after."""
    noise = {"noise": (1.0, 20.0)}

    def spread(**changes: Any) -> float:
        flat = [{"name": "flat", "pool": 1}]
        stage = {"steps": 9, "batch": 4, "crop": 64, "sides": [64], "forgers": flat}
        images, truths = data_of(chosen([], stages=[stage], **changes), read).batch(0)
        steps = images.diff(dim=3).abs()
        inside = (truths[..., 1:] > 0) & (truths[..., :-1] > 0)
        return float(steps.masked_select(inside).mean())

    plain = spread()
    assert spread(history=noise) == pytest.approx(plain, abs=1e-3)
    assert spread(postprocessing=noise) > plain + 0.005


def test_what_an_inpainter_sees_has_its_history(read: TrainingImages) -> None:
    def known(**changes: Any) -> np.ndarray:
        pool = _pool(chosen(["meanfill"], **changes), read)
        return pool[0].pixels[~pool[0].truth]

    assert not np.array_equal(known(), known(history={"noise": (1.0, 20.0)}))


def _pool(recipe: Recipe, read: TrainingImages) -> ForgeryPool:
    stage = recipe.stages[0]
    masks = Masks(recipe.holes, seed=recipe.seed)
    return ForgeryPool(
        stage.forgers[0], recipe=recipe, stage=stage, images=read, masks=masks, device="cpu"
    )


def test_a_forger_there_is_not_is_named(read: TrainingImages) -> None:
    with pytest.raises(UnknownName, match="splize"):
        data_of(chosen(["splize"]), read)


def test_pasting_without_a_retouching_leaves_content_as_it_is() -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    mask = np.zeros((32, 32), np.bool_)
    mask[8:24, 8:24] = True
    kept = paste("retouched", pixels, mask, draw)
    assert np.array_equal(kept.pixels, pixels)
    assert np.array_equal(kept.truth, mask)
    assert Retouching().share == 0
