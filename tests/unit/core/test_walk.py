"""Recursive listing of folders: files, skipped entries and their reasons."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.core.image_files import list_images
from benchmark.core.walk import walk


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path, format="PNG")
    return path


def names(folder: Path, **options: object) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in walk(folder, **options).files]  # type: ignore[arg-type]


def reasons(folder: Path) -> dict[str, str]:
    return {one.path.name: one.reason for one in walk(folder, results=False).left_out}


@pytest.mark.parametrize(
    "hidden", [".ipynb_checkpoints/a.png", ".x/y/a.png", "sub/.thumbs/a.png", "__MACOSX/a.png"]
)
def test_hidden_folders_take_no_part(tmp_path: Path, hidden: str) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / hidden)
    listing = list_images(tmp_path)
    assert list(listing.named) == ["a"]
    assert listing.left_out[0].startswith("hidden folders (1): ")


def test_a_folder_that_is_hidden_itself_is_read_where_it_is_named(tmp_path: Path) -> None:
    picture(tmp_path / ".cache/a.png")
    assert names(tmp_path / ".cache") == ["a.png"]


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    picture(tmp_path / "real/a.png")
    picture(tmp_path / "photos/z/b.png")
    for link, target in (("one", "../real"), ("two", "../real"), ("a-z", "z"), ("up", "..")):
        (tmp_path / "photos" / link).symlink_to(target)
    (tmp_path / "real/loop").symlink_to(".")
    assert names(tmp_path / "photos") == ["one/a.png", "z/b.png"]
    again = "links to folders that are read already"
    assert reasons(tmp_path / "photos") == {"two": again, "a-z": again, "up": again, "loop": again}


def test_dead_links_and_pipes_are_counted(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("gone.png")
    os.mkfifo(tmp_path / "c.png")
    assert names(tmp_path) == ["a.png"]
    told = {"b.png": "links to nothing", "c.png": "neither files nor folders"}
    assert reasons(tmp_path) == told


def test_a_closed_folder_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "closed/b.png")
    scandir = os.scandir

    def refuse(place: Path):  # type: ignore[no-untyped-def]  # root may open any folder
        if Path(place).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(place)

    monkeypatch.setattr("benchmark.core.walk.os.scandir", refuse)
    assert names(tmp_path) == ["a.png"]
    assert reasons(tmp_path) == {"closed": "folders that cannot be opened, Permission denied"}
    with pytest.raises(DataError, match=r"closed: cannot be read \(Permission denied\)"):
        walk(tmp_path / "closed")


@pytest.mark.parametrize("mark", [("plan.toml", "record.json"), ("answers.sqlite",)])
def test_results_are_no_images_but_where_they_are_named(
    tmp_path: Path, mark: tuple[str, ...]
) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / "out/images/b.png")
    for name in mark:
        (tmp_path / "out" / name).touch()
    assert names(tmp_path, results=False) == ["a.png"]
    assert reasons(tmp_path) == {"out": "folders of results"}
    assert "images/b.png" in names(tmp_path / "out", results=False)
    (tmp_path / "out" / mark[0]).unlink()
    assert "out/images/b.png" in names(tmp_path, results=False)


def test_what_is_given_elsewhere_is_left_out_through_links_too(tmp_path: Path) -> None:
    masks = picture(tmp_path / "masks/a.png").parent
    picture(tmp_path / "photos/a.png")
    alone = picture(tmp_path / "photos/mask.png")
    (tmp_path / "photos/m").symlink_to("../masks")
    assert names(tmp_path / "photos", without=[masks, alone]) == ["a.png"]


def test_endings_are_counted_one_by_one(tmp_path: Path) -> None:
    for name in ("a.JPG", "b.jfif", "c.gif", "d.ppm", "e", "f.heic", "g.heic", "notes.txt"):
        picture(tmp_path / name)
    listing = list_images(tmp_path)
    assert list(listing.named) == ["a", "b", "c", "d"]
    assert listing.left_out == (
        ".heic (2): f.heic, g.heic",
        ".txt (1): notes.txt",
        "no ending (1): e",
    )
    for path in listing.named.values():
        path.unlink()
    with pytest.raises(DataError, match=r"no images .* left out: \.heic \(2\): f\.heic, g\.heic"):
        list_images(tmp_path)


def test_a_file_is_a_folder_of_one(tmp_path: Path) -> None:
    assert list_images(picture(tmp_path / "photo.v2.png")).named == {
        "photo.v2": tmp_path / "photo.v2.png"
    }
    assert list(list_images(picture(tmp_path / "bare")).named) == ["bare"]
    (tmp_path / "words.txt").write_text("words")
    with pytest.raises(DataError, match=r"words\.txt: no images: neither a folder"):
        list_images(tmp_path / "words.txt")


def test_a_link_to_itself_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "there").symlink_to("back")
    (tmp_path / "back").symlink_to("there")
    assert names(tmp_path) == ["a.png"]
    assert {"loop.png", "there", "back"} == reasons(tmp_path).keys()
    assert all("symbolic links" in reason for reason in reasons(tmp_path).values())
