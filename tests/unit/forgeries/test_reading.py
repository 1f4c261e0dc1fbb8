"""Which layout a folder has; what cannot be told is refused or said."""

from __future__ import annotations

import os
import pickle
import re
from pathlib import Path

import pytest

from benchmark.core.errors import DataError, UnknownName
from benchmark.forgeries import LAYOUTS
from benchmark.forgeries.reading import read_forgeries
from benchmark.forgeries.truth import read_truth
from tests.unit.forgeries.trees import make

COMMIT = re.compile(r"[0-9a-f]{40}")
OWN = {"manifest", "pairs"}  # forms of this project


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_cites_the_reader_that_it_follows(name: str) -> None:
    kind = LAYOUTS.load(name)
    module = __import__(kind.__module__, fromlist=["_"]).__doc__ or ""
    text = re.sub(r"\s+", " ", module)
    assert text.startswith(f"`{name}`: ")
    assert bool(kind.facts.readers) is (name not in OWN)
    for reader in kind.facts.readers:
        assert COMMIT.fullmatch(reader.commit)
        assert reader.commit in text
        assert reader.repository.removeprefix("huggingface.co/datasets/") in text
    assert bool(kind.facts.url) is bool(kind.facts.terms) is (name not in OWN)


def test_a_folder_of_nothing_known_says_what_is_known(tmp_path: Path) -> None:
    make(tmp_path, ("holiday/1.jpg",))
    with pytest.raises(DataError) as wrong:
        read_forgeries(tmp_path)
    text = str(wrong.value)
    assert text.startswith(f"{tmp_path}: no known layout of forgeries; there are holiday here. ")
    assert "a manifest.csv in its folder: image, mask and" in text
    assert text.endswith(f"docs/howto/forgeries.md): {', '.join(LAYOUTS)}")
    assert len(text) - len(str(tmp_path)) < 450


def test_an_empty_or_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are no files here"):
        read_forgeries(tmp_path)
    with pytest.raises(DataError, match="no such file or folder"):
        read_forgeries(tmp_path / "gone")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "set.txt").write_text("a b")
    with pytest.raises(DataError, match=r"no file that lists or holds forgeries; known: \.json \("):
        read_forgeries(tmp_path / "set.txt")
    with pytest.raises(DataError, match="no CocoGlide, a single file; expected fake/"):
        read_forgeries(tmp_path / "set.txt", "cocoglide")


def test_an_unknown_layout(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"no layout named 'casia'. Did you mean 'casia2'"):
        read_forgeries(tmp_path, "casia")


def test_what_is_hidden_or_leads_nowhere_is_left_out_and_noted(tmp_path: Path) -> None:
    make(tmp_path, ("Tp/1.jpg", ".trash/Tp/2.jpg", "Tp/.hidden.jpg"), ("Gt/1.png",))
    (tmp_path / "Tp/3.jpg").symlink_to(tmp_path / "gone.jpg")
    found = read_forgeries(tmp_path)
    assert [item.name for item in found.items] == ["Tp/1"]
    (note,) = [one for one in found.notes if "folders and links left out" in one]
    assert ".trash" in note
    assert "links to nothing" in note


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere", ("1.jpg",))
    make(tmp_path / "set", (), ("Gt/1.png",))
    (tmp_path / "set/Tp").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/again").symlink_to(tmp_path / "elsewhere")
    assert [item.name for item in read_forgeries(tmp_path / "set").items] == ["Tp/1"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_no_image(tmp_path: Path) -> None:
    make(tmp_path, ("Tp/1.jpg",), ("Gt/1.png",))
    os.mkfifo(tmp_path / "Tp/2.jpg")
    assert [item.name for item in read_forgeries(tmp_path).items] == ["Tp/1"]


def test_black_may_be_forged_in_a_set_of_ones_own(tmp_path: Path) -> None:
    make(tmp_path, ("Tp/1.jpg",), ("Gt/1.png",))
    (item,) = read_forgeries(tmp_path, black=True).items
    assert item.truth == "black"
    assert (read_truth(item) != read_truth(read_forgeries(tmp_path).items[0])).all()


def test_black_is_not_forged_in_a_published_set(tmp_path: Path) -> None:
    make(tmp_path, ("image/1t.tif",), ("mask/1forged.tif",))
    with pytest.raises(DataError, match="the truths of COVERAGE have a rule of their own"):
        read_forgeries(tmp_path, black=True)


def test_case_of_folders_does_not_matter(tmp_path: Path) -> None:
    make(tmp_path, ("tp/1.JPG",), ("GT/1.png",))
    found = read_forgeries(tmp_path)
    assert [(item.name, item.has_truth) for item in found.items] == [("tp/1", True)]


def test_a_set_can_be_sent_to_a_worker(tmp_path: Path) -> None:
    make(tmp_path, ("Tp/1.jpg",), ("Gt/1.png",))
    found = read_forgeries(tmp_path)
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301
    assert len(set(found.items)) == 1
