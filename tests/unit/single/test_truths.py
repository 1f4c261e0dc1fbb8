"""Which truth belongs to which image."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.single.truths import Truths, find_truths


def found(images: list[str], truths: list[str]) -> Truths:
    return find_truths(Path("masks"), images, {name: Path(f"{name}.png") for name in truths})


def test_an_output_has_the_truth_of_its_image() -> None:
    told = found(["a", "a.telea", "b.lama", "x/c.mine"], ["a_mask", "b", "b_lama", "c"])
    assert told.files == {
        "a": Path("a_mask.png"),
        "a.telea": Path("a_mask.png"),
        "b.lama": Path("b.png"),
        "x/c.mine": Path("c.png"),
    }
    assert told.reasons == {}
    (note,) = told.notes
    assert note == "truth of a used for a.telea, b used for b.lama, x/c used for x/c.mine"


def test_a_truth_of_the_outputs_own_name_comes_first() -> None:
    told = found(["a.telea", "a.lama"], ["a", "a.telea"])
    assert told.files == {"a.telea": Path("a.telea.png"), "a.lama": Path("a.png")}
    assert told.notes == ("truth of a used for a.lama",)


def test_only_what_stands_behind_the_last_dot_is_left_away() -> None:
    told = found(["a.b.telea", "c.d.e"], ["a", "c"])
    assert told.files == {}
    assert told.reasons["a.b.telea"] == "no truth of its name in masks"
    assert told.notes == ("no truth of the same name for 2 images: a.b.telea, c.d.e",)
    assert found(["a.b.telea"], ["a.b_mask"]).files == {"a.b.telea": Path("a.b_mask.png")}


@pytest.mark.parametrize("images", [["a.png", "a.tif"], ["a.png.telea", "a.tif.telea"]])
def test_one_truth_for_two_images_of_a_name_is_of_none(images: list[str]) -> None:
    told = found([*images, "b"], ["a_mask", "b"])
    assert told.files == {"b": Path("b.png")}
    assert told.reasons == dict.fromkeys(images, "the truth a_mask fits a.png and a.tif")
    assert told.notes == ()


def test_several_truths_of_an_image_are_none() -> None:
    told = found(["a", "a.telea"], ["a_gt", "a_mask"])
    assert told.files == {}
    assert told.reasons == dict.fromkeys(["a", "a.telea"], "several truths fit: a_gt, a_mask")
