"""IMDL-BenCo's two forms: folders, and lists of pairs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.core.errors import DataError
from benchmark.forgeries.item import FileBytes
from benchmark.forgeries.reading import read_forgeries
from tests.unit.forgeries.trees import make


def test_folders_are_paired_by_name_and_not_by_order(tmp_path: Path) -> None:
    make(tmp_path, ("Tp/1.jpg", "Tp/2.jpg", "Tp/3.jpg", "Au/1.jpg", "Au/9.jpg"),
         ("Gt/1.png", "Gt/3_gt.png", "Gt/7.png"))  # fmt: skip
    found = read_forgeries(tmp_path)
    assert found.layout == "benco"
    told = {item.name: item for item in found.items}
    assert list(told) == ["Au/1", "Au/9", "Tp/1", "Tp/2", "Tp/3"]
    assert told["Tp/1"].mask == FileBytes(tmp_path / "Gt/1.png")
    assert told["Tp/3"].mask == FileBytes(tmp_path / "Gt/3_gt.png")
    assert told["Tp/2"].mask is None
    assert told["Tp/1"].group == told["Tp/1"].original == told["Au/1"].group == "Au/1"
    assert told["Tp/2"].group == "Tp/2"
    assert found.groups == 4
    assert found.notes[1:] == (
        "1 of 3 forged images have no truth: Tp/2",
        "the originals of 2 forged images are not known; each counts as a photograph of its own",
        "1 left out, truths of no image: Gt/7.png",
    )
    assert [one.name for one in found.skipped] == ["Gt/7.png"]


def test_the_folders_may_lie_in_one(tmp_path: Path) -> None:
    make(tmp_path / "CASIA", ("Tp/1.jpg",), ("Gt/1.png",))
    assert [item.name for item in read_forgeries(tmp_path).items] == ["Tp/1"]


def test_two_such_folders_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make(tmp_path / name, ("Tp/1.jpg",), ("Gt/1.png",))
    with pytest.raises(DataError, match=r"IMDL-BenCo folder is there 2 times, in 'one', 'two'"):
        read_forgeries(tmp_path, "benco")


def test_names_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    make(tmp_path, ("Tp/1.jpg", "Tp/2.jpg"), ("Gt/a.png", "Gt/b.png"))
    with pytest.raises(DataError, match=r"no file of Gt/ has the name of one of Tp/ \(2 images"):
        read_forgeries(tmp_path)


def test_several_truths_are_refused(tmp_path: Path) -> None:
    make(tmp_path, ("Tp/1.jpg",), ("Gt/1_gt.png", "Gt/1_mask.png"))
    with pytest.raises(DataError, match=r"several truths in Gt/ fit '1': 1_gt, 1_mask"):
        read_forgeries(tmp_path)


def write(folder: Path, content: object) -> Path:
    make(folder, ("Tp/1.jpg", "Tp/2.jpg", "Au/8.jpg"), ("Gt/1.png", "Gt/2.png"))
    path = folder / "list.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_images_that_share_a_truth_by_name_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, ("Tp/1.jpg", "Tp/1.png", "Tp/2.jpg"), ("Gt/1.png", "Gt/2.png"))
    found = read_forgeries(tmp_path)
    assert [item.name for item in found.items] == ["Tp/2"]
    why = "the truth Gt/1.png fits Tp/1.jpg and Tp/1.png"
    assert {(one.name, one.reason) for one in found.skipped} == {
        ("Tp/1.jpg", why), ("Tp/1.png", why)
    }  # fmt: skip


def test_a_list_of_pairs(tmp_path: Path) -> None:
    pairs = [["./Tp/1.jpg", "./Gt/1.png"], ["Tp/2.jpg", "Gt/2.png"], ["./Au/8.jpg", "Negative"]]
    found = read_forgeries(write(tmp_path, pairs))
    assert found.layout == "benco-json"
    assert [(item.name, item.authentic, item.group) for item in found.items] == [
        ("Au/8", True, "Au/8"), ("Tp/1", False, "Tp/1"), ("Tp/2", False, "Tp/2")
    ]  # fmt: skip
    assert found.items[1].mask == FileBytes(tmp_path / "Gt/1.png")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[", "no list of pairs"),
        ("{}", r'expected [["image", "truth"], ["image", "Negative"], ...], got {}'),
        ([], "got []"),
        ({"Tp/1.jpg": "Gt/1.png"}, "got dict of 1"),
        ("NaN", "no list of pairs (NaN is not a JSON number)"),
        (["Tp/1.jpg"], "pair 0: expected two texts, an image and its truth, got 'Tp/1.jpg'"),
        ([["Tp/1.jpg", "Gt/1.png"], ["Tp/2.jpg"]], "pair 1: expected two texts"),
        ([["Tp/1.jpg", None]], "pair 0: expected two texts"),
        ([["Tp/x.jpg", "Negative"]], "pair 0: no such file 'Tp/x.jpg'"),
        ([["Tp/1.jpg", "negative.png"]], "pair 0: no such file 'negative.png'"),
        ([["Tp/1.jpg", "Negative"], ["Tp/1.jpg", "Gt/1.png"]],
         "pair 1: the image 'Tp/1.jpg' is there twice, first in pair 0"),
        ([["../Tp/1.jpg", "Negative"]], "pair 0: '../Tp/1.jpg' is no path below the folder"),
        ("[" * 100_000, "no list of pairs (nested too deeply)"),
    ],
)  # fmt: skip
def test_a_list_of_another_form_is_refused(tmp_path: Path, content: object, said: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(DataError) as wrong:
        read_forgeries(path)
    assert str(wrong.value).startswith(f"{path}: ")
    assert said in str(wrong.value)


def test_absolute_paths_are_read_if_asked_for(tmp_path: Path) -> None:
    make(tmp_path, ("x.png",))
    path = write(tmp_path / "set", [[str(tmp_path / "x.png"), "Negative"]])
    with pytest.raises(DataError, match="is no path below"):
        read_forgeries(path)
    assert read_forgeries(path, outside=True).authentic == 1
