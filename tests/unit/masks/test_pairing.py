"""Pairing of masks and images by name."""

from __future__ import annotations

import unicodedata

import pytest

from benchmark.masks.pairing import marked, pair, pair_some


@pytest.mark.parametrize(
    ("picture", "mask"),
    [
        ("a", "a"),
        ("IMG_1", "img_1"),
        ("a", "a_mask"),
        ("a", "A-Mask"),
        ("a", "a_gt"),
        ("a", "a_m"),
        ("a", "a.mask"),
        ("a", "a_masks"),
        ("a", "a_mask001"),
        ("a", "mask_a"),
        ("image_a", "mask_a"),
        ("a_image", "a_mask"),
        ("a.rgb", "a.gt"),
        ("a.v2", "a.v2_mask"),
        ("a.png", "a"),  # a twin of a.jpg keeps its ending
        ("a", "a.png"),
        ("a", "a.jpg_mask"),
        ("set/a", "set/a_mask"),
        ("set/images/a", "set/masks/a"),
        ("images/a", "masks/a_mask"),
        ("a", "some/folder/a"),
        ("some/folder/a", "a_gt"),
        ("z/set/a", "set/a"),
        (unicodedata.normalize("NFD", "Köln"), unicodedata.normalize("NFC", "köln_mask")),
    ],
)
def test_names_that_fit(picture: str, mask: str) -> None:
    pairs = pair([picture, "another"], [mask, "third"])
    assert pairs.masks == {picture: (mask,)}
    assert pairs.without == ("another",)
    assert pairs.spare == ("third",)


@pytest.mark.parametrize(
    ("picture", "mask"), [("a", "b"), ("a", "ab"), ("a", "a1"), ("x/a", "y/a"), ("am", "a")]
)
def test_names_that_do_not(picture: str, mask: str) -> None:
    assert pair([picture], [mask]).without == (picture,)


def test_a_closer_name_goes_first_and_its_mask_to_no_other() -> None:
    pairs = pair(["a", "a_m", "A"], ["a_m", "a", "A_mask"])
    assert pairs.masks == {"a": ("a",), "a_m": ("a_m",)}
    assert pairs.without == ("A",)  # A_mask may be of a as well


def test_a_mask_that_fits_two_images_is_of_none() -> None:
    assert pair(["x/a", "y/a"], ["a"]).masks == {}
    assert pair(["x/a", "y/a"], ["x/a", "z/a"]).masks == {"x/a": ("x/a",)}
    assert pair(["a.jpg", "a.png"], ["a"]).masks == {"a.jpg": ("a",), "a.png": ("a",)}


def test_an_image_may_have_several() -> None:
    assert pair(["a"], ["10-20/a", "30-40/a"]).masks == {"a": ("10-20/a", "30-40/a")}


def test_images_beyond_a_limit_keep_their_masks() -> None:
    assert pair_some(["x/a"], ["y/a"], ["y/a"]).masks == {}
    found = pair_some(["a"], ["b"], ["a", "b", "c"])
    assert (found.masks, found.spare) == ({"a": ("a",)}, ("c",))


def test_masks_among_images_are_told_by_their_mark() -> None:
    assert marked(["a", "a_mask", "b", "B-gt", "c_mask"]) == {"a_mask", "B-gt"}


def test_masks_of_twins_go_by_the_ending_before_their_mark() -> None:
    pairs = pair(["a.bmp", "a.png", "b"], ["a.bmp_mask", "a.png_mask", "b.png_mask"])
    assert pairs.masks == {
        "a.bmp": ("a.bmp_mask",), "a.png": ("a.png_mask",), "b": ("b.png_mask",)
    }  # fmt: skip


def test_a_number_alone_is_no_mask_of_an_image_of_that_number() -> None:
    """NVIDIA's masks are called 00001.png, as no camera's images are."""
    assert not pair(["img_00001", "img_00002"], ["00001", "00002"]).masks
