"""What an inpainter sees of an image, and what comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.core.card import Card
from benchmark.single.crop import WHOLE_PIXELS, cut, paste, plan_crop

FIXED = Card(name="fixed", title="fixed", side=64, mini="x:y")
ANY = Card(name="any", title="any", mini="x:y", multiple=8)
CLASSICAL = Card(name="classical", title="classical")


def mask_of(shape: tuple[int, int], top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros(shape, np.bool_)
    mask[top : top + height, left : left + width] = True
    return mask


def test_an_image_of_the_models_size_is_seen_whole() -> None:
    crop = plan_crop(FIXED, mask_of((64, 64), 5, 5, 10, 10))
    assert crop.text == "the whole image"
    assert (crop.extend, crop.size) == ((0, 0), None)


def test_a_small_hole_is_seen_in_a_crop_of_the_models_size() -> None:
    card = Card(name="fixed", title="fixed", side=256, mini="x:y")
    crop = plan_crop(card, mask_of((500, 700), 100, 300, 20, 30))
    assert (crop.height, crop.width, crop.size, crop.extend) == (256, 256, None, (0, 0))
    assert crop.text == "a crop of 256x256 at 187,0 around the hole, the hole pasted back"


def test_a_large_hole_is_seen_in_a_larger_square_that_is_resized() -> None:
    crop = plan_crop(FIXED, mask_of((500, 700), 100, 200, 100, 200))
    assert (crop.height, crop.width) == (400, 400)
    assert crop.size == (64, 64)
    assert "resized to 64x64 and back" in crop.text


def test_an_image_that_is_smaller_is_extended() -> None:
    crop = plan_crop(FIXED, mask_of((40, 50), 10, 10, 5, 5))
    assert (crop.height, crop.width, crop.extend, crop.size) == (40, 50, (24, 14), None)
    assert crop.text == ("the whole image, extended by reflection to 64x64, the hole pasted back")


def test_a_flat_image_is_extended_to_a_square_and_not_squeezed() -> None:
    crop = plan_crop(FIXED, mask_of((50, 600), 0, 100, 50, 400))
    assert crop.height + crop.extend[0] == crop.width + crop.extend[1]
    assert crop.size == (64, 64)


@pytest.mark.parametrize("card", [CLASSICAL, ANY])
def test_other_models_see_the_whole_image(card: Card) -> None:
    assert plan_crop(card, mask_of((304, 400), 5, 5, 9, 9)).text == "the whole image"


def test_what_a_model_adds_by_itself_is_said() -> None:
    text = plan_crop(ANY, mask_of((300, 400), 5, 5, 9, 9)).text
    assert text == "the whole image, extended by reflection to multiples of 8"


def test_a_network_sees_a_part_of_a_large_image_and_a_classical_method_all_of_it() -> None:
    mask = mask_of((3000, 4000), 1500, 2000, 100, 100)
    assert plan_crop(CLASSICAL, mask).whole
    crop = plan_crop(ANY, mask)
    assert not crop.whole
    assert crop.size is None
    assert crop.height % 8 == crop.width % 8 == 0
    wide = plan_crop(ANY, mask_of((3000, 4000), 10, 10, 2900, 3900))
    assert wide.size is not None
    assert wide.size[0] * wide.size[1] <= WHOLE_PIXELS


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(20, 200), st.integers(20, 200)),
    place=st.tuples(st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.01, 1), st.floats(0.01, 1)),
)
def test_only_the_hole_changes_and_all_of_it(
    shape: tuple[int, int], place: tuple[float, float, float, float]
) -> None:
    height, width = shape
    top, left = int(place[0] * height), int(place[1] * width)
    mask = mask_of(shape, top, left, max(1, int(place[2] * height)), max(1, int(place[3] * width)))
    pixels = np.random.default_rng(0).integers(0, 200, (*shape, 3), dtype=np.uint8)
    crop = plan_crop(FIXED, mask)
    part, hole = cut(pixels, mask, crop)
    assert part.shape == (64, 64, 3)
    assert hole.shape == (64, 64)
    assert hole.any()
    result = paste(pixels, mask, crop, np.full_like(part, 255))
    assert np.array_equal(result[~mask], pixels[~mask])
    assert (result[mask] == 255).all()


def test_what_was_cut_comes_back_where_it_was() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (90, 130, 3), dtype=np.uint8)
    mask = mask_of((90, 130), 60, 100, 8, 8)
    crop = plan_crop(FIXED, mask)
    part, hole = cut(pixels, mask, crop)
    assert int(hole.sum()) == int(mask.sum())
    assert np.array_equal(paste(pixels, mask, crop, part), pixels)


@pytest.mark.parametrize("place", [(101, 101, 157, 157), (0, 3, 99, 250), (200, 77, 64, 131)])
def test_no_known_pixel_shows_what_the_hole_holds(place: tuple[int, int, int, int]) -> None:
    pixels = np.zeros((400, 400, 3), np.uint8)
    mask = mask_of((400, 400), *place)
    pixels[mask] = 255
    part, hole = cut(pixels, mask, plan_crop(FIXED, mask))
    assert not hole.all()
    assert (part[~hole] == 0).all()
