"""Boxes and mask files of single images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import BadInput, DataError
from benchmark.single.masks import Box, read_hole, read_truth


def test_a_box_is_read_and_drawn() -> None:
    box = Box.parse(" 3, 2,4,1 ")
    assert box == Box(3, 2, 4, 1)
    mask = box.mask(5, 9)
    assert mask.sum() == 4
    assert mask[2, 3:7].all()


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "1,2,0,4", "-1,2,3,4", "1.5,2,3,4", ""])
def test_a_box_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--box"):
        Box.parse(text)


def test_a_box_outside_the_image_is_refused() -> None:
    with pytest.raises(DataError, match="outside the image, which has 9x5 pixels"):
        read_hole(Box(6, 0, 4, 1), (5, 9))


def test_a_box_scales_with_its_image() -> None:
    assert Box(10, 20, 30, 40).scaled((200, 100), (100, 50)) == Box(5, 10, 15, 20)
    assert Box(99, 199, 1, 1).scaled((200, 100), (20, 10)) == Box(9, 19, 1, 1)
    assert Box.centered(30, 60) == Box(20, 10, 20, 10)
    assert Box.centered(1, 1) == Box(0, 0, 1, 1)


def save(path: Path, mask: np.ndarray) -> Path:
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    return path


def test_a_mask_of_the_images_proportions_is_resized_and_said(tmp_path: Path) -> None:
    mask = np.zeros((20, 40), bool)
    mask[:10, :10] = True
    read = read_hole(save(tmp_path / "m.png", mask), (40, 80))
    assert read.mask.sum() == 400
    assert read.notes == ("mask resized from 40x20 to 80x40",)


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    mask = np.zeros((20, 20), bool)
    mask[:5] = True
    path = save(tmp_path / "m.png", mask)
    with pytest.raises(DataError, match=r"m\.png: image and mask of different shape"):
        read_hole(path, (20, 40))


@pytest.mark.parametrize(("value", "said"), [(False, "empty"), (True, "covers the whole image")])
def test_a_mask_without_a_hole_or_a_known_pixel_is_refused(
    tmp_path: Path, value: bool, said: str
) -> None:
    path = save(tmp_path / "m.png", np.full((8, 8), value))
    with pytest.raises(DataError, match=said):
        read_hole(path, (8, 8), polarity="white-hole")
    assert read_truth(path, (8, 8), polarity="white-hole").mask.all() == value


def test_a_mask_that_may_be_inverted_asks_for_its_polarity(tmp_path: Path) -> None:
    mask = np.ones((10, 10), bool)
    mask[0] = False
    path = save(tmp_path / "m.png", mask)
    with pytest.raises(DataError, match="--mask-polarity"):
        read_hole(path, (10, 10))
    read = read_hole(path, (10, 10), polarity="black-hole")
    assert read.mask.sum() == 10
    assert read.notes == ("black read as the hole",)
