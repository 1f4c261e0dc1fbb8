"""Untrusted names are safe to print and unique as folder names."""

from __future__ import annotations

from pathlib import Path
from string import ascii_letters, digits

from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.filenames import file_part, folder_names, printable

NAMES = st.lists(
    st.text(st.characters(codec=None), min_size=1, max_size=300), min_size=1, unique=True
)


def test_odd_characters_become_escapes() -> None:
    assert printable("a\nb\x1b[2J\udcff\u2028é日") == r"a\nb\x1b[2J\xff\u2028é日"


@given(NAMES)
def test_each_name_gets_one_folder_of_its_own(names: list[str]) -> None:
    folders = folder_names(names)
    assert list(folders) == names
    assert len({folder.casefold() for folder in folders.values()}) == len(names)
    for folder in folders.values():
        assert Path("below", folder).resolve().parent == Path("below").resolve()
        assert 0 < len(folder.encode()) < 140
        assert printable(folder) == folder


def test_names_that_differ_in_case_or_in_what_is_replaced() -> None:
    folders = folder_names(["a", "A", "b/c", "b_c", "..", "plain", "x" * 300, "a.png", "<b>"])
    assert folders["plain"] == "plain"
    assert folders["a.png"] == "a.png"
    assert folders["<b>"] == "_b_"
    assert folders["a"].startswith("a-")
    assert folders["A"].startswith("A-")
    assert folders["b/c"].startswith("b_c-")
    assert folders[".."] == "_"
    assert len(set(folders.values())) == len(folders)


def test_a_safe_name_stays_part_of_a_file_s() -> None:
    for name in ("ratio-samples-trufor-auc", "telea+grain-1.5.trufor", "0-10", "a" * 200):
        assert file_part(name) == name


@given(NAMES)
def test_any_other_becomes_safe_characters_and_none_leaves_its_folder(names: list[str]) -> None:
    for name in (*names, "", "..", "../up", "a/b", "a\\b", "c:d", ".hidden", "\x1b[2J"):
        part = file_part(name)
        assert set(part) <= {*ascii_letters, *digits, *"._+-"}
        assert Path("home", part).parent == Path("home")
        assert Path("home", part).resolve() == Path("home").resolve() / part
        assert not part.startswith(".")
        assert len(part) <= 200
    assert len(set(map(file_part, names))) == len(names)
