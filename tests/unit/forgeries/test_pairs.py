"""Images and truths by name: side by side, or in folders of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.core.errors import DataError
from benchmark.forgeries.item import FileBytes
from benchmark.forgeries.reading import read_forgeries
from tests.unit.forgeries.trees import make


def test_side_by_side(tmp_path: Path) -> None:
    make(
        tmp_path, ("cat.jpg", "dog.jpg", "cat_orig.jpg", "bird.jpg"), ("cat_mask.png", "dog_gt.png")
    )
    found = read_forgeries(tmp_path)
    assert found.layout == "pairs"
    told = {item.name: item for item in found.items}
    assert list(told) == ["cat", "cat_orig", "dog"]
    assert told["cat"].mask == FileBytes(tmp_path / "cat_mask.png")
    assert told["cat_orig"].authentic
    assert told["cat"].group == told["cat"].original == "cat_orig"
    assert told["dog"].group == "dog"
    assert [(one.name, one.reason) for one in found.skipped] == [
        ("bird", "no truth of their name, and nothing says that they are authentic")
    ]


def test_folders_of_their_own(tmp_path: Path) -> None:
    make(tmp_path, ("tampered/1.jpg", "tampered/2.jpg", "authentic/1.jpg", "authentic/7.jpg"),
         ("masks/1.png", "masks/2.png", "masks/5.png"))  # fmt: skip
    found = read_forgeries(tmp_path)
    told = {item.name: item for item in found.items}
    assert list(told) == ["authentic/1", "authentic/7", "tampered/1", "tampered/2"]
    assert told["tampered/1"].group == "authentic/1" == told["authentic/1"].group
    assert told["tampered/2"].mask == FileBytes(tmp_path / "masks/2.png")
    assert "1 left out, truths of no image: masks/5" in found.notes


def test_a_folder_without_any_truth_is_refused(tmp_path: Path) -> None:
    make(tmp_path, ("a.jpg", "b.jpg"))
    with pytest.raises(DataError, match=r"no known layout of forgeries; there are a\.jpg, b\.jpg"):
        read_forgeries(tmp_path)
    with pytest.raises(DataError, match="no truth has the name of an image; expected"):
        read_forgeries(tmp_path, "pairs")


def test_several_truths_are_refused(tmp_path: Path) -> None:
    make(tmp_path, ("a.jpg",), ("a_mask.png", "a_gt.png"))
    with pytest.raises(DataError, match="several truths fit 'a': a_gt, a_mask"):
        read_forgeries(tmp_path)


def test_images_that_share_a_truth_by_name_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, ("a.png", "a.tif"), ("a_mask.png",))
    why = "the truth a_mask fits a.png and a.tif"
    with pytest.raises(DataError, match=f"no images; a.png left out: {why}"):
        read_forgeries(tmp_path)
    make(tmp_path, ("b.png",), ("b_mask.png",))
    found = read_forgeries(tmp_path)
    assert [item.name for item in found.items] == ["b"]
    assert [(one.name, one.reason) for one in found.skipped] == [("a.png", why), ("a.tif", why)]
    assert f"2 left out, one truth fits several images: {why}" in found.notes
    make(tmp_path, (), ("a.tif_mask.png", "a.png_mask.png"))  # each its own
    (tmp_path / "a_mask.png").unlink()
    assert [item.name for item in read_forgeries(tmp_path).items] == ["a.png", "a.tif", "b"]
