"""Sets of forgeries to train on: what is left out or refused, and the split by original."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.datasets import open_dataset
from benchmark.training.data.sets import (
    SetOptions,
    TrainingForgeries,
    divide_by_original,
    read_training_forgeries,
)


def read(place: Path, **options: int | bool) -> TrainingForgeries:
    return read_training_forgeries(SetOptions(place=place), **{"least": 1} | options)


def test_every_image_counts_and_the_order_of_threads_does_not(forgeries: Path) -> None:
    found = read(forgeries)
    assert (found.forged, found.authentic, found.groups) == (20, 10, 10)
    assert found.methods == ("flat", "lama")
    assert read(forgeries, workers=3) == found


def test_a_set_is_known_by_its_images_and_truths_not_by_names(
    forgeries: Path, tmp_path: Path
) -> None:
    first = read(forgeries).digest
    moved = tmp_path / "moved"
    forgeries.rename(moved)
    assert read(moved).digest == first
    Image.fromarray(np.full((72, 80), 255, np.uint8)).save(moved / "0-truth.png")
    assert read(moved).digest != first


def test_what_cannot_be_used_is_left_out_with_its_reason(forgeries: Path) -> None:
    Image.new("L", (80, 72)).save(forgeries / "0-truth.png")
    Image.new("L", (40, 40), 255).save(forgeries / "1-truth.png")
    (forgeries / "2-flat.png").write_bytes((forgeries / "2-flat.png").read_bytes()[:90])
    text = (forgeries / "manifest.csv").read_text().replace("3-truth.png,3-au", "unknown,3-au")
    (forgeries / "manifest.csv").write_text(text)
    found = read(forgeries)
    assert (found.forged, found.authentic) == (20 - 7, 10)
    told = "\n".join(found.left_out)
    for reason in ("empty truth", "80x72 pixels, the truth 40x40", "2-flat", "3-lama: no truth"):
        assert reason in told


def test_a_forged_image_with_the_pixels_of_an_authentic_one_is_left_out(forgeries: Path) -> None:
    (forgeries / "1-flat.png").write_bytes((forgeries / "1-au.png").read_bytes())
    found = read(forgeries)
    assert (found.forged, found.authentic) == (19, 10)
    assert found.left_out == (
        "1-flat: called forged, but its pixels are those of the authentic image 1-au",
    )


def test_small_images_are_left_out(forgeries: Path) -> None:
    Image.new("RGB", (80, 60)).save(forgeries / "0-au.png")
    found = read(forgeries, least=64)
    assert found.left_out == ("0-au: 80x60 pixels, expected sides of 64 or more",)


def test_a_set_without_a_usable_forged_image_is_refused(forgeries: Path) -> None:
    for number in range(10):
        Image.new("L", (80, 72)).save(forgeries / f"{number}-truth.png")
    with pytest.raises(DataError, match=r"none of 20 forged .*0-flat.*empty truth.*; \.\.\.;"):
        read(forgeries)


def test_test_images_are_refused_unless_allowed(forgeries: Path) -> None:
    samples = open_dataset("samples", images=None, size=None)
    Image.fromarray(samples.load("chelsea")).save(forgeries / "0-au.png")
    with pytest.raises(DataError, match=r"1 of 30 are test images, such as 0-au \(chelsea of"):
        read(forgeries)
    assert read(forgeries, allow_test=True).test == ("0-au",)


@pytest.mark.parametrize(("wanted", "held"), [(0, 0), (1, 1), (2, 2), (9, 2)])
def test_no_original_is_on_both_sides(forgeries: Path, wanted: int, held: int) -> None:
    found = read(forgeries)
    train, kept = divide_by_original(found, wanted)
    assert kept.groups == held  # at most a fifth
    assert len(train.items) + len(kept.items) == 30
    assert not {one.item.group for one in train.items} & {one.item.group for one in kept.items}
    assert kept.authentic == held


def test_an_original_among_the_other_images_stays_on_its_side(forgeries: Path) -> None:
    found = read(forgeries)
    own = {one.item.name: one.pixels for one in found.items}
    trained = {own[f"{number}-au"] for number in range(8)}
    train, kept = divide_by_original(found, 1, trained=trained, kept={own["9-au"]})
    assert {one.item.group for one in kept.items} == {
        one.item.group for one in found.items if one.item.name.startswith("9-")
    }
    assert len(train.items) == 27


def test_a_split_leaves_forged_images_to_train_on(forgeries: Path) -> None:
    found = read(forgeries)
    only = found.part(one for one in found.items if one.item.name.startswith("0-"))
    with pytest.raises(DataError, match=r"no forged image is left .* 1 of 1 originals"):
        divide_by_original(only, 5)
