"""A manifest: strict on its header and rows, and never outside of its folder unasked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.core.errors import DataError
from benchmark.forgeries.reading import read_forgeries
from benchmark.forgeries.truth import read_truth
from tests.unit.forgeries.trees import make

HEADER = "image,mask,original,group,subset,method\n"
IMAGES = ("a.png", "b.png", "photos/c.png", "photos/d.png")
MASKS = ("truth/a.png", "truth/b.png")


def write(folder: Path, text: str, name: str = "set.csv") -> Path:
    make(folder, IMAGES, MASKS)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_manifest(tmp_path: Path) -> None:
    found = read_forgeries(
        write(
            tmp_path,
            HEADER
            + "a.png,truth/a.png,photos/c.png,,indoor,lama\n"
            + "b.png,truth/b.png,./photos/c.png,,indoor,sd2\n"
            + "photos/c.png,authentic,,,indoor,\n"
            + "\n"
            + "photos/d.png,unknown,,scene 4,outdoor,gimp\n",
        )
    )
    assert found.layout == "manifest"
    a, b, c, d = found.items
    assert (a.name, a.original, a.group, a.subset, a.method) == (
        "a", "photos/c", "photos/c", "indoor", "lama"
    )  # fmt: skip
    assert b.group == a.group == c.group == c.name == "photos/c"
    assert c.authentic
    assert not a.authentic
    assert (d.name, d.group, d.mask, d.has_truth) == ("photos/d", "scene 4", None, False)
    assert (found.forged, found.authentic, found.groups) == (3, 1, 2)
    assert found.notes == ("1 of 3 forged images have no truth: photos/d",)
    assert read_truth(a).any()


def test_a_folder_with_manifest_csv_is_one(tmp_path: Path) -> None:
    write(tmp_path, "\ufeffimage,mask\r\na.png,truth/a.png\r\n", "manifest.csv")
    found = read_forgeries(tmp_path)
    assert [item.name for item in found.items] == ["a"]
    assert found.notes == (
        "read as manifest: manifest of forgeries",
        "the originals of 1 forged images are not known; each counts as a photograph of its own",
        "no authentic images: neither image AUC nor false positives can be measured",
    )


def test_only_authentic_images_are_allowed_and_noted(tmp_path: Path) -> None:
    found = read_forgeries(write(tmp_path, "image,mask\na.png,Negative\nb.png,AUTHENTIC\n"))
    assert found.authentic == len(found.items) == 2
    assert found.notes == ("only authentic images: false positives alone can be measured",)


def test_images_that_differ_in_the_ending_keep_it(tmp_path: Path) -> None:
    make(tmp_path, ("a.bmp",))
    text = "image,mask,original\na.png,truth/a.png,a.bmp\na.bmp,authentic,\n"
    found = read_forgeries(write(tmp_path, text))
    assert [(item.name, item.group) for item in found.items] == [
        ("a.bmp", "a.bmp"), ("a.png", "a.bmp")
    ]  # fmt: skip


def test_an_original_that_is_no_image_of_the_set_is_noted(tmp_path: Path) -> None:
    found = read_forgeries(write(tmp_path, HEADER + "a.png,truth/a.png,DSC_0001,,,\n"))
    assert found.items[0].group == "DSC_0001"
    assert "1 originals are named and are no image of the manifest: DSC_0001" in found.notes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"set\.csv: row 1: missing column 'image'; expected image, mask and, if wanted, or"),
        ("image\na.png\n", "row 1: missing column 'mask'"),
        ("image,mask,prompt\n", "row 1, column 3: unknown column 'prompt'. Known: image, mask, "),
        ("Image,mask\n", "row 1, column 1: unknown column 'Image'. Did you mean 'image'?"),
        ("image,mask,image\n", "row 1, column 3: 'image' is there twice"),
        ("image,mask\n", "no rows below the header"),
        ("image,mask\na.png,truth/a.png\nx.png,truth/a.png\n",
         "row 3, column 'image': no such file 'x.png'"),
        ("image,mask\na.png,truth/x.png\n", "row 2, column 'mask': no such file 'truth/x.png'"),
        ("image,mask\na.png,\n", "row 2, column 'mask': empty; expected a path, 'authentic' for"),
        ("image,mask\n,truth/a.png\n", "row 2, column 'image': expected a path, got ''"),
        ("image,mask\na.png\n", "row 2: expected 2 cells, got 1"),
        ("image,mask\na.png,truth/a.png,x\n", "row 2: expected 2 cells, got 3"),
        ("image,mask\na.png,truth/a.png\n./a.png,authentic\n",
         "row 3, column 'image': the image './a.png' is there twice, first in row 2, column"),
        ('image,mask\na.png,"truth\n', "no CSV"),
        ("image,mask\na\x00.png,authentic\n", "row 2, column 'image': "),
        (f"image,mask\n{'a' * 300}.png,authentic\n", "row 2, column 'image': no such file 'aaa"),
        (f"image,mask\n{'a' * 200_000},authentic\n", "no CSV"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_row_and_column(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError) as wrong:
        read_forgeries(path)
    assert str(wrong.value).startswith(f"{path}: ")
    assert "\n" not in str(wrong.value)
    assert said.replace("\\", "") in str(wrong.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_bytes(b"image,mask\n\xff\xfe,x\n")
    with pytest.raises(DataError, match=r"no text in UTF-8 \(byte 11\)"):
        read_forgeries(tmp_path / "set.csv")


@pytest.mark.parametrize("place", ["../out.png", "photos/../../out.png", "{root}/out.png"])
def test_a_path_that_leaves_the_folder_is_refused_unless_asked_for(
    tmp_path: Path, place: str
) -> None:
    make(tmp_path, ("out.png",))
    text = f"image,mask\n{place.format(root=tmp_path)},authentic\n"
    path = write(tmp_path / "set", text)
    with pytest.raises(DataError, match=r"row 2, column 'image': .* is no path below the folder"):
        read_forgeries(path)
    assert len(read_forgeries(path, outside=True).items) == 1


def test_links_below_the_folder_are_followed(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere", ("x.png",))
    path = write(tmp_path / "set", "image,mask\nlinked/x.png,authentic\n")
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "elsewhere")
    assert [item.name for item in read_forgeries(path).items] == ["linked/x"]


def test_a_name_that_cannot_be_printed_is_escaped(tmp_path: Path) -> None:
    make(tmp_path, ("a\x1b[31m.png",))
    path = write(tmp_path, "image,mask\na\x1b[31m.png,authentic\n")
    assert read_forgeries(path).items[0].name == "a\\x1b[31m"


def test_words_that_cannot_be_printed_are_escaped(tmp_path: Path) -> None:
    path = write(tmp_path, "image,mask,group,method\na.png,authentic,\x1b[2J,g\u202ef\n")
    (item,) = read_forgeries(path).items
    assert (item.group, item.method) == ("\\x1b[2J", "g\\u202ef")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=200), st.sampled_from([b"", b"image,mask\n", b'[["a.png", ']))
@pytest.mark.parametrize("name", ["set.csv", "set.json"])
def test_whatever_stands_there_is_read_or_refused_in_a_line(
    tmp_path: Path, name: str, tail: bytes, head: bytes
) -> None:
    make(tmp_path, ("a.png",))
    (tmp_path / name).write_bytes(head + tail)
    said = ""
    try:
        read_forgeries(tmp_path / name)
    except DataError as error:
        said = str(error)
    assert "\n" not in said


def test_backslashes_part_folders(tmp_path: Path) -> None:
    path = write(tmp_path, "image,mask\nphotos\\c.png,authentic\n")
    assert read_forgeries(path).items[0].name == "photos/c"
