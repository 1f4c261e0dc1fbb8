"""Model specifiers, labels, and files named by sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import BadInput, BadOutput, DataError
from benchmark.core.external.files import ExternalOptions, NamedFiles, alike_of, digest_of
from benchmark.core.external.spec import default_label, is_label, split_label, words_of
from benchmark.core.filenames import cut_name
from benchmark.core.types import NamedImage


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["telea, lama ,,"], ["telea", "lama"]),
        (["telea", "lama,fcf"], ["telea", "lama", "fcf"]),
        (["cmd:a {images},b --x=1,2"], ["cmd:a {images},b --x=1,2"]),
        (["mine=cmd:a,b", "telea"], ["mine=cmd:a,b", "telea"]),
        (["telea,mine=cmd:a,b"], ["telea", "mine=cmd:a,b"]),
        (["x=outputs:a,y=outputs:b"], ["x=outputs:a", "y=outputs:b"]),
    ],
)
def test_commas_divide_but_not_in_a_command(values: list[str], words: list[str]) -> None:
    assert words_of(values) == words


@pytest.mark.parametrize(
    ("word", "label", "rest"),
    [
        ("telea", "", "telea"),
        ("mine=outputs:a=b", "mine", "outputs:a=b"),
        ("outputs:a=b", "", "outputs:a=b"),
        ("cmd:python x.py --a=b {out}", "", "cmd:python x.py --a=b {out}"),
        ("a.b:C", "", "a.b:C"),
        ("v1.0+x=a.b:C", "v1.0+x", "a.b:C"),
    ],
)
def test_a_label_stands_before_a_scheme(word: str, label: str, rest: str) -> None:
    assert split_label(word) == (label, rest)


@pytest.mark.parametrize("word", ["=outputs:x", "<b>=outputs:x", "a/b=outputs:x", ".x=outputs:x"])
def test_a_label_is_safe_in_files_and_html(word: str) -> None:
    with pytest.raises(BadInput, match="cannot be a label"):
        split_label(word)


@pytest.mark.parametrize(
    ("scheme", "argument", "label"),
    [
        ("outputs", "results/mine/", "outputs-mine"),
        ("outputs", "/a/my results (2)", "outputs-my-results-2"),
        ("outputs", "..", "outputs-.."),
        ("outputs", "Bilder/größe", "outputs-gr-e"),
        ("cmd", "python test.py --images {images}", "cmd-test"),
        ("cmd", "size=512 /opt/venv/bin/python3.9 /x/paint.py {out}", "cmd-paint"),
        ("cmd", "iopaint run --model=cv2", "cmd-iopaint"),
        ("hub", "org/model", "hub-model"),
        ("outputs", "x" * 100, "outputs-" + "x" * 56),
        ("cmd", "", "cmd"),
    ],
)
def test_what_is_brought_without_a_label(scheme: str, argument: str, label: str) -> None:
    assert default_label(scheme, argument) == label
    assert is_label(label)


def piece(**names: str) -> NamedImage:
    return NamedImage(image=np.empty((0, 0, 3), np.uint8), **names)


def test_files_are_found_by_the_names_that_tell_them_apart(tmp_path: Path) -> None:
    for name in ("a.png", "30-40/a.png", "set/30-40/a.png", "10-20/sub/b.jpg", "10-20/sub_c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    files = NamedFiles(tmp_path, {".png", ".jpg"})

    def found(several: set[str], **names: str) -> str:
        terms = ExternalOptions(several=frozenset(several))
        return str(files.find(piece(**names), terms).relative_to(tmp_path))

    here = {"dataset": "set", "bucket": "30-40"}
    assert found(set(), sample="a", **here) == "set/30-40/a.png"
    assert found(set(), sample="a", bucket="30-40") == "30-40/a.png"
    assert found({"bucket"}, sample="a", bucket="30-40") == "30-40/a.png"
    assert found(set(), sample="a", bucket="50-60") == "a.png"
    assert found({"bucket"}, sample="sub/b", bucket="10-20") == "10-20/sub/b.jpg"
    assert found({"bucket"}, sample="sub/c", bucket="10-20") == "10-20/sub_c.png"
    with pytest.raises(BadOutput, match=r"50-60/a\.\*: no such file"):
        found({"bucket"}, sample="a", bucket="50-60")
    (tmp_path / "a.jpg").touch()
    with pytest.raises(BadOutput, match="two files of one name"):
        NamedFiles(tmp_path, {".png", ".jpg"}).find(piece(sample="a"), ExternalOptions())
    with pytest.raises(DataError, match="no files"):
        NamedFiles(tmp_path, {".npy"})


@pytest.mark.parametrize(
    ("samples", "file"),
    [
        (("Cat", "cat"), "cat"),
        (("K\u00f6ln", "Ko\u0308ln"), "Ko\u0308ln"),
        (("sub/inner", "sub_inner"), "sub_inner"),
    ],
)
def test_a_file_of_one_sample_is_never_taken_for_another_s(
    tmp_path: Path, samples: tuple[str, str], file: str
) -> None:
    (tmp_path / f"{file}.png").touch()
    files = NamedFiles(tmp_path, {".png"})
    alone, terms = (
        ExternalOptions(alike=alike_of(samples[:1])),
        ExternalOptions(alike=alike_of(samples)),
    )
    assert files.find(piece(sample=samples[0]), alone).stem == file  # where it can be of no other
    assert files.find(piece(sample=samples[1]), terms).stem == file
    with pytest.raises(BadOutput, match="no such file; another sample's name differs in case"):
        files.find(piece(sample=samples[0]), terms)
    (tmp_path / f"{cut_name(samples[0])}.png").touch()  # as --save-images writes it
    named = NamedFiles(tmp_path, {".png"}).find(piece(sample=samples[0]), terms)
    assert named.stem == cut_name(samples[0])


def test_a_folders_digest_is_of_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "a").write_text("1")
    first = digest_of(tmp_path)
    (tmp_path / "__pycache__/x.pyc").write_text("cache")
    (tmp_path / ".hidden").write_text("hidden")
    assert digest_of(tmp_path) == first
    (tmp_path / "a").write_text("22")
    assert digest_of(tmp_path) != first
    (tmp_path / "a").write_text("1")
    assert digest_of(tmp_path) == first
    (tmp_path / "a").rename(tmp_path / "b")
    assert digest_of(tmp_path) != first
