"""Which files the commands work on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import BadInput, DataError, OutputError
from benchmark.single.files import find_items, output_path, prepare_folder
from benchmark.single.masks import Box


def image(path: Path, *, black: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    value = 0 if black else 120
    Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(path)
    return path


def test_images_of_folders_and_files_have_unique_names(tmp_path: Path) -> None:
    one = image(tmp_path / "one" / "a.png")
    other = image(tmp_path / "two" / "a.png")
    items = find_items([tmp_path / "one", other, one], None).items
    assert [item.path for item in items] == [one, other]
    assert len({item.name for item in items}) == 2
    assert len({item.stem for item in items}) == 2


def test_masks_are_paired_by_name_and_images_without_one_are_left_out(tmp_path: Path) -> None:
    image(tmp_path / "photos" / "a.png")
    image(tmp_path / "photos" / "b.png")
    mask = image(tmp_path / "masks" / "a_mask.png")
    found = find_items([tmp_path / "photos"], tmp_path / "masks")
    assert [(item.name, item.mask) for item in found.items] == [("a", mask)]
    assert found.notes == ("left out, no mask of the same name for 1 images: b",)
    kept = find_items([tmp_path / "photos"], tmp_path / "masks", partly=True)
    assert [(item.name, item.mask) for item in kept.items] == [("a", mask), ("b", None)]


def test_no_pair_at_all_is_refused(tmp_path: Path) -> None:
    image(tmp_path / "photos" / "a.png")
    image(tmp_path / "masks" / "z.png")
    with pytest.raises(DataError, match="no mask has the name of an image, such as 'a'"):
        find_items([tmp_path / "photos"], tmp_path / "masks")


def test_results_and_masks_below_the_images_are_no_images(tmp_path: Path) -> None:
    image(tmp_path / "photos" / "a.png")
    image(tmp_path / "photos" / "out" / "a.telea.png")
    mask = image(tmp_path / "photos" / "masks" / "a.png")
    found = find_items(
        [tmp_path / "photos"], tmp_path / "photos" / "masks", out=tmp_path / "photos" / "out"
    )
    assert [(item.name, item.mask) for item in found.items] == [("a", mask)]


def test_one_box_is_of_all_images(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    (item,) = find_items([tmp_path / "a.png"], Box(0, 0, 2, 2)).items
    assert item.mask == Box(0, 0, 2, 2)


def test_an_image_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nope\.png: no such image or folder"):
        find_items([tmp_path / "nope.png"], None)


def test_no_input_is_overwritten(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    mask = image(tmp_path / "a.telea.png")
    items = find_items([tmp_path / "a.png"], mask).items
    target = output_path(tmp_path, items[0], "telea", "png")
    assert target == mask
    with pytest.raises(BadInput, match="would overwrite an input"):
        prepare_folder(tmp_path, items, [target])


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    items = find_items([tmp_path / "a.png"], None).items
    with pytest.raises(OutputError, match="is no folder"):
        prepare_folder(tmp_path / "a.png", items, [])
