"""Images, masks and forgeries: pure functions of the seed and the number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.training.data.batches import InpaintingData, image_index
from benchmark.training.data.forgeries import ForgeryData, forge
from benchmark.training.data.images import TrainingImages, divide, read_training_images
from benchmark.training.data.masks import Masks
from benchmark.training.data.options import Postprocessing
from benchmark.training.data.postprocess import Forgery, postprocess
from benchmark.training.recipe import Recipe
from benchmark.training.recipe_tables import Holes, Stage
from inpainters import create_inpainter
from tests.unit.training.conftest import recipe


@pytest.fixture
def read(photographs: Path) -> TrainingImages:
    return read_training_images(photographs, sides=(64, 72), minimum=1)


def inpainting(chosen: Recipe, read: TrainingImages) -> InpaintingData:
    return InpaintingData(chosen, read, Masks(chosen.holes, seed=chosen.seed))


def forgeries(chosen: Recipe, read: TrainingImages) -> ForgeryData:
    return ForgeryData(chosen, read, Masks(chosen.holes, seed=chosen.seed), device="cpu")


def test_images_are_shrunk_to_each_side(read: TrainingImages) -> None:
    assert len(read) == 8
    assert {picture.shape for picture in read.shrunk[64]} == {(64, 77, 3)}
    assert {picture.shape for picture in read.shrunk[72]} == {(72, 86, 3)}


def test_held_out_images_are_not_trained_on(read: TrainingImages) -> None:
    train, held = divide(read, 3)
    assert len(held) == 3
    assert not set(train.names) & set(held.names)
    assert set(train.names) | set(held.names) == set(read.names)
    with pytest.raises(DataError, match="8 of 8"):
        divide(read, 8)


def test_each_epoch_shows_every_image_once() -> None:
    first = [image_index(10, 7, position) for position in range(7)]
    second = [image_index(10, 7, position) for position in range(7, 14)]
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second


@pytest.mark.parametrize("kind", [inpainting, forgeries])
def test_a_batch_depends_on_its_step_alone(kind: type, read: TrainingImages) -> None:
    chosen = recipe("safepaint" if kind is inpainting else "trufor")
    source = kind(chosen, read)
    in_order = [source.batch(step) for step in range(3)]
    images, masks = kind(chosen, read).batch(2)
    assert torch.equal(images, in_order[2][0])
    assert torch.equal(masks, in_order[2][1])
    assert not torch.equal(images, in_order[1][0])


@pytest.mark.parametrize("kind", [inpainting, forgeries])
def test_batches_are_8_bit_images_and_binary_masks(kind: type, read: TrainingImages) -> None:
    chosen = recipe("safepaint" if kind is inpainting else "trufor")
    images, masks = kind(chosen, read).batch(0)
    side = chosen.stages[0].crop
    assert images.shape == (2, 3, side, side)
    assert masks.shape == (2, 1, side, side)
    assert torch.equal(images, (images * 255).round() / 255)
    assert set(masks.unique().tolist()) <= {0.0, 1.0}


def test_held_out_images_are_the_same_at_every_call(read: TrainingImages) -> None:
    source = inpainting(recipe(), read)
    first, second = source.held_out(0, 6), source.held_out(3, 6)
    assert len(first[0]) == 2
    assert torch.equal(first[0], second[0])


def test_masks_keep_to_the_band() -> None:
    masks = Masks(Holes(low=20, high=30, pool=5), seed=1)
    shares = [masks.mask(64, np.random.default_rng(number)).mean() for number in range(20)]
    assert 0.2 < min(shares) <= max(shares) <= 0.3
    assert len({round(float(share), 6) for share in shares}) <= 5


def test_masks_from_a_folder_are_read_white_as_hole(tmp_path: Path) -> None:
    white = np.zeros((128, 128), dtype=np.uint8)
    white[:64] = 255
    Image.fromarray(white).save(tmp_path / "half.png")
    mask = Masks(Holes(), seed=1, folder=tmp_path).mask(64, np.random.default_rng(0))
    assert mask.shape == (64, 64)
    assert mask.mean() == 0.5


def test_masks_outside_the_band_are_left_out(tmp_path: Path) -> None:
    for name, share in (("nothing", 0.0), ("half", 0.5), ("all", 1.0)):
        save_mask(tmp_path / f"{name}.png", share)
    masks = Masks(Holes(low=5, high=60), seed=1, folder=tmp_path)
    assert [file.name for file in masks.files] == ["half.png"]
    assert masks.left_out == (
        "all.png: its hole (white) covers 100%, expected 5 to 60 %",
        "nothing.png: its hole (white) covers 0%, expected 5 to 60 %",
    )
    shares = {masks.mask(64, np.random.default_rng(number)).mean() for number in range(9)}
    assert shares == {0.5}


def test_masks_that_never_fall_in_the_band_are_refused(tmp_path: Path) -> None:
    for number in range(3):
        save_mask(tmp_path / f"{number}.png", 0.7 + number / 10)
    told = r"none of 3 masks can be used; 0\.png: its hole \(white\) covers 70%, expected 5 to 60 %"
    with pytest.raises(DataError, match=told):
        Masks(Holes(low=5, high=60), seed=1, folder=tmp_path)


def test_a_mask_too_fine_for_the_training_size_is_named(tmp_path: Path) -> None:
    white = np.zeros((640, 640), dtype=np.uint8)
    white[::10] = 255  # every tenth row: none of them is met at 64x64
    Image.fromarray(white).save(tmp_path / "lines.png")
    masks = Masks(Holes(), seed=1, folder=tmp_path)
    with pytest.raises(DataError, match=r"lines\.png.*empty at 64x64"):
        masks.mask(64, np.random.default_rng(0))
    with pytest.raises(DataError, match=r"lines\.png.*empty at 64x64"):
        Masks(Holes(), seed=1, folder=tmp_path, sizes=(64,))
    save_mask(tmp_path / "half.png", 0.5)
    kept = Masks(Holes(), seed=1, folder=tmp_path, sizes=(64, 640))
    assert [file.name for file in kept.files] == ["half.png"]
    assert "empty at 64x64" in kept.left_out[0]


def save_mask(path: Path, share: float) -> None:
    """An image of 100x100 whose upper part is hole."""
    white = np.zeros((100, 100), dtype=np.uint8)
    white[: round(100 * share)] = 255
    Image.fromarray(white).save(path)


def test_a_folder_without_masks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no images.*leave out --masks"):
        Masks(Holes(), seed=1, folder=tmp_path)


def test_a_forgery_keeps_known_pixels_bit_for_bit(read: TrainingImages) -> None:
    pixels = read.shrunk[64][0]
    mask = np.zeros(pixels.shape[:2], dtype=np.bool_)
    mask[20:40, 10:50] = True
    forgery = forge(create_inpainter("telea"), pixels, mask)
    assert np.array_equal(forgery.pixels[~mask], pixels[~mask])
    assert not np.array_equal(forgery.pixels[mask], pixels[mask])
    assert np.array_equal(forgery.truth, mask)


def test_originals_are_untouched_and_true_nowhere(read: TrainingImages) -> None:
    stage = {"steps": 1, "batch": 6, "crop": 64, "sides": [64], "forgers": [{"name": "original"}]}
    images, masks = forgeries(recipe("trufor", postprocessing={}, stages=[stage]), read).batch(0)
    assert not masks.any()
    known = {picture.tobytes() for picture in map(sorted_pixels, squares(read))}
    found = (images * 255).round().byte().permute(0, 2, 3, 1).numpy()
    assert all(sorted_pixels(picture).tobytes() in known for picture in found)


def squares(read: TrainingImages) -> list[np.ndarray]:
    """Every 64x64 square of the images at side 64."""
    wide = [picture[:, left : left + 64] for picture in read.shrunk[64] for left in range(14)]
    return [np.ascontiguousarray(square) for square in wide]


def sorted_pixels(picture: np.ndarray) -> np.ndarray:
    """The pixels in an order that flips and turns do not change."""
    flat = picture.reshape(-1, 3)
    return flat[np.lexsort(flat.T)]


@pytest.mark.parametrize(
    "laundering",
    [
        Postprocessing(jpeg=(1, 30, 40)),
        Postprocessing(noise=(1, 8)),
        Postprocessing(blur=(1, 2)),
        Postprocessing(median=1),
        Postprocessing(sharpen=(1, 2)),
    ],
    ids=["jpeg", "noise", "blur", "median", "sharpen"],
)
def test_laundering_changes_the_whole_image(
    laundering: Postprocessing, read: TrainingImages
) -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    truth = np.zeros((64, 64), dtype=np.bool_)
    truth[:10] = True
    washed = postprocess(Forgery(pixels=pixels, truth=truth), laundering, draw, min_side=32)
    changed = (washed.pixels != pixels).any(axis=2)
    assert changed[truth].mean() > 0.5
    assert changed[~truth].mean() > 0.5
    assert np.array_equal(washed.truth, truth)


@pytest.mark.parametrize("gray", [0.0, 1.0])
def test_noise_is_gray_or_another_in_each_channel(gray: float) -> None:
    pixels = np.full((64, 64, 3), 128, np.uint8)
    plain = Forgery(pixels=pixels, truth=np.zeros((64, 64), dtype=np.bool_))
    draw = np.random.default_rng(2)
    noisy = postprocess(plain, Postprocessing(noise=(1, 8), grey=gray), draw, min_side=32).pixels
    same = bool((noisy[..., 0] == noisy[..., 1]).all() and (noisy[..., 0] == noisy[..., 2]).all())
    assert same is (gray == 1)
    assert noisy.std() > 1


def test_resizing_takes_the_truth_along() -> None:
    truth = np.zeros((80, 80), dtype=np.bool_)
    truth[:40] = True
    pixels = np.where(truth[..., None], 255, 0).astype(np.uint8).repeat(3, axis=2)
    forgery = Forgery(pixels=pixels, truth=truth)
    draw = np.random.default_rng(0)
    washed = postprocess(forgery, Postprocessing(resize=(1, 0.5, 0.5)), draw, min_side=48)
    assert washed.truth.shape == (48, 48)  # not below what a crop needs
    assert np.array_equal(washed.pixels[..., 0] > 127, washed.truth)


def test_nothing_drawn_changes_nothing() -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    forgery = Forgery(pixels=pixels, truth=np.zeros((32, 32), dtype=np.bool_))
    assert np.array_equal(postprocess(forgery, Postprocessing(), draw, min_side=32).pixels, pixels)


def test_center_crops_come_from_the_center(read: TrainingImages) -> None:
    stage = Stage(steps=1, batch=1, crop=64, sides=(64,), place="centre")
    square = read.cut(0, stage, 64, np.random.default_rng(0))
    middle = read.shrunk[64][0][:, 6:70]
    assert np.array_equal(square, middle) or np.array_equal(square[:, ::-1], middle)
