"""Image files below a folder: names, and what is left out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.core.image_files import list_images, named_images
from benchmark.core.images import read_image

COLORS = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)


def saved(folder: Path, name: str, picture: Image.Image, **options: object) -> Path:
    path = folder / name
    picture.save(path, **options)
    return path


def test_names_that_cannot_be_printed_are_written_as_escapes(tmp_path):
    odd = ["line\nbreak.png", "red\x1b[31m.png", os.fsdecode(b"\xff\xfe.png")]
    for name in odd:
        saved(tmp_path, name, Image.new("L", (8, 8)))
    found = named_images(tmp_path)
    assert set(found) == {r"line\nbreak", r"red\x1b[31m", r"\xff\xfe"}
    assert {path.name for path in found.values()} == set(odd)


def test_no_image_is_lost_among_names_alike(tmp_path):
    for name in ("a.jpg", "a.png", "a.png.png"):
        saved(tmp_path, name, Image.new("L", (8, 8)))
    assert sorted(named_images(tmp_path)) == ["a.jpg", "a.png", "a.png.png"]


def test_files_are_named_by_their_path_without_the_ending(tmp_path):
    (tmp_path / "b" / "c").mkdir(parents=True)
    for name in ("z.png", "b/x.jpg", "b/c/y.webp", "b/twin.png", "b/twin.bmp", "photo.v2.png"):
        Image.new("RGB", (2, 2)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_bytes(b"")
    named = named_images(tmp_path)
    assert list(named) == ["b/c/y", "b/twin.bmp", "b/twin.png", "b/x", "photo.v2", "z"]
    assert named["b/x"] == tmp_path / "b" / "x.jpg"


@pytest.mark.parametrize("kind", ["missing", "empty", "a file"])
def test_a_folder_without_images_is_named(tmp_path, kind):
    folder = tmp_path / "images"
    if kind == "empty":
        folder.mkdir()
    elif kind == "a file":
        folder.write_text("x")
    with pytest.raises(DataError, match=r"images: no (such folder|images)"):
        named_images(folder)


def test_frames_after_the_first_are_counted_as_left_out(tmp_path):
    frames = [Image.fromarray(np.roll(COLORS, shift, axis=0)) for shift in range(3)]
    for name in ("a.tif", "b.gif", "c.webp"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], lossless=True)
    for name in ("one.tif", "one.gif", "one.webp", "one.png"):
        frames[0].save(tmp_path / f"{name[4:]}-{name}")
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    listing = list_images(tmp_path)
    assert listing.left_out == ("frames after the first (3): a.tif, b.gif, c.webp",)
    assert np.array_equal(read_image(listing.named["a"]), COLORS)
