"""Inpainting of single images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import DataError
from benchmark.core.tensors import to_images, to_masks, to_pixels
from benchmark.single.cache import open_cache
from benchmark.single.inpainting import inpaint_image
from benchmark.single.models import Loaded, choose_models
from benchmark.store.store import Store
from inpainters import create_inpainter


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_cache(tmp_path / "store") as opened:
        yield opened


def sample(height: int = 50, width: int = 70) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), bool)
    mask[10:30, 20:45] = True
    return pixels, mask


def test_a_model_of_any_size_paints_as_in_a_run(store: Store) -> None:
    pixels, mask = sample()
    (telea,) = choose_models(inpainters=["telea"]).inpainters
    made = inpaint_image(telea, pixels, mask, loaded=Loaded("cpu"), store=store)
    plain = create_inpainter("telea").inpaint(to_images(pixels[None]), to_masks(mask[None]))
    assert np.array_equal(made.pixels, to_pixels(plain)[0])
    assert np.array_equal(made.pixels[~mask], pixels[~mask])
    assert not np.array_equal(made.pixels, pixels)
    assert made.crop.text == "the whole image"


def test_the_output_is_stored_by_image_mask_and_model(store: Store) -> None:
    pixels, mask = sample()
    telea, mean = choose_models(inpainters=["telea,meanfill"]).inpainters
    loaded = Loaded("cpu")
    assert not inpaint_image(telea, pixels, mask, loaded=loaded, store=store).stored
    assert inpaint_image(telea, pixels, mask, loaded=loaded, store=store, name="other").stored
    assert not inpaint_image(mean, pixels, mask, loaded=loaded, store=store).stored
    other = mask.copy()
    other[0, 0] = True
    assert not inpaint_image(telea, pixels, other, loaded=loaded, store=store).stored
    changed = pixels.copy()
    changed[0, 0] = 255 - changed[0, 0]
    assert not inpaint_image(telea, changed, mask, loaded=loaded, store=store).stored


def test_a_model_that_draws_goes_by_seed_and_name(store: Store) -> None:
    from benchmark.runner.jobs import ResolvedModel
    from benchmark.single.cache import inpaint_key
    from benchmark.single.crop import plan_crop

    pixels, mask = sample()
    fcf, telea = choose_models(inpainters=["fcf,telea"], weights={"fcf": "mini"}).inpainters

    def key(one: ResolvedModel, seed: int, name: str) -> str:
        crop = plan_crop(one.card, mask)
        return inpaint_key(one, pixels, mask, crop=crop, seed=seed, name=name)

    assert len({key(fcf, 0, "a"), key(fcf, 1, "a"), key(fcf, 0, "b")}) == 3
    assert len({key(telea, 0, "a"), key(telea, 1, "a"), key(telea, 0, "b")}) == 1


def test_a_small_image_or_another_mask_is_refused(store: Store) -> None:
    pixels, mask = sample()
    (lama,) = choose_models(inpainters=["lama"], weights={"lama": "mini"}).inpainters
    small = np.zeros((8, 8), bool)
    small[0, 0] = True
    with pytest.raises(DataError, match="lama takes images of at least 9 pixels a side"):
        inpaint_image(lama, pixels[:8, :8], small, loaded=Loaded("cpu"), store=store)
    for bad in (mask[:5], np.zeros_like(mask), np.ones_like(mask)):
        with pytest.raises(DataError, match="expected a mask"):
            inpaint_image(lama, pixels, bad, loaded=Loaded("cpu"), store=store)


def test_python_calls(tmp_path: Path) -> None:
    from benchmark.single import Box, detect, inpaint

    pixels, mask = sample()
    store = tmp_path / "python"
    filled = inpaint(pixels, Box(20, 10, 25, 20), inpainter="telea", store=store)
    assert np.array_equal(filled.pixels[~mask], pixels[~mask])
    found = detect(filled.pixels, detector="flatness", truth=mask, store=store)
    assert found.truth is not None
    assert found.truth.auc is not None
    assert found.truth.auc > 0.9
