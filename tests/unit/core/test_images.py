"""Image files of every format decode to upright 8-bit RGB, or raise a one-line error."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from benchmark.core.errors import DataError
from benchmark.core.images import fit, image_shape, read_image

COLORS = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)


def saved(folder: Path, name: str, picture: Image.Image, **options: object) -> Path:
    path = folder / name
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp"])
def test_lossless_formats_come_back_bit_for_bit(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    path = saved(tmp_path, f"a.{suffix}", Image.fromarray(COLORS), **options)
    assert np.array_equal(read_image(path), COLORS)
    assert image_shape(path) == (6, 10)


def test_jpeg_is_read(tmp_path):
    path = saved(tmp_path, "a.JPG", Image.new("RGB", (8, 8), (200, 30, 90)), quality=100)
    assert np.abs(read_image(path).astype(int) - (200, 30, 90)).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright(tmp_path, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    path = saved(tmp_path, "a.png", Image.fromarray(COLORS), exif=exif)
    flipped = COLORS[:, ::-1]
    upright = {
        1: COLORS,
        2: flipped,
        3: np.rot90(COLORS, 2),
        4: COLORS[::-1],
        5: COLORS.transpose(1, 0, 2),
        6: np.rot90(COLORS, -1),
        7: np.rot90(COLORS, 2).transpose(1, 0, 2),
        8: np.rot90(COLORS, 1),
    }[orientation]
    assert np.array_equal(read_image(path), upright)
    assert image_shape(path) == upright.shape[:2]


def test_gray_becomes_three_equal_channels(tmp_path):
    gray = COLORS[..., 0]
    path = saved(tmp_path, "a.png", Image.fromarray(gray))
    assert np.array_equal(read_image(path), np.dstack([gray] * 3))


def test_one_bit_becomes_black_and_white(tmp_path):
    path = saved(tmp_path, "a.png", Image.fromarray(COLORS[..., 0] > 127))
    assert np.array_equal(read_image(path)[..., 1], np.where(COLORS[..., 0] > 127, 255, 0))


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_are_scaled_and_rounded(tmp_path, suffix):
    deep = np.array([[0, 128, 129, 257, 32767, 65535]], dtype=np.uint16)
    path = saved(tmp_path, f"a.{suffix}", Image.fromarray(deep))
    assert read_image(path)[0, :, 2].tolist() == [0, 0, 1, 1, 127, 255]


def test_color_of_sixteen_bits_keeps_its_upper_byte(tmp_path):
    deep = np.array([[[0, 255, 256], [32767, 65280, 65535]]], dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), deep[..., ::-1])
    assert read_image(tmp_path / "a.png").tolist() == [[[0, 0, 1], [127, 255, 255]]]


def test_palettes_are_looked_up(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 0])
    picture.putdata([1, 0])
    path = saved(tmp_path, "a.png", picture)
    assert read_image(path).tolist() == [[[200, 100, 0], [10, 20, 30]]]


def test_a_palettes_transparent_color_lies_over_white(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 100, 0])
    picture.putdata([1, 0])
    path = saved(tmp_path, "a.png", picture, transparency=0)
    assert read_image(path).tolist() == [[[200, 100, 0], [255, 255, 255]]]


@pytest.mark.parametrize(("alpha", "expected"), [(255, 0), (0, 255), (51, 204)])
def test_transparency_is_laid_over_white(tmp_path, alpha, expected):
    path = saved(tmp_path, "a.png", Image.new("RGBA", (1, 1), (0, 0, 0, alpha)))
    assert read_image(path).tolist() == [[[expected] * 3]]
    path = saved(tmp_path, "b.png", Image.new("LA", (1, 1), (0, alpha)))
    assert read_image(path).tolist() == [[[expected] * 3]]


def test_cmyk_becomes_rgb(tmp_path):
    path = saved(tmp_path, "a.tiff", Image.new("CMYK", (1, 1), (0, 255, 255, 0)))
    assert read_image(path).tolist() == [[[255, 0, 0]]]


def test_a_truncated_jpeg_is_named(tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = saved(tmp_path, "half.jpg", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"half\.jpg: damaged or truncated"):
        read_image(path)


@pytest.mark.parametrize(
    "content", [b"", b"these are words\n" * 40, b"\x89PNG\r\n\x1a\n", b"GIF89a"]
)
def test_what_is_no_image_is_named(tmp_path, content):
    path = tmp_path / "words.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"words\.png: (not a|damaged)"):
        read_image(path)
    with pytest.raises(DataError, match=r"words\.png: (not a|damaged)"):
        image_shape(path)


# a TIFF whose strips begin at a fraction; Pillow raises a TypeError
FRACTION = (
    "SUkqAAgAAAAIAAABBAABAAAAEQAAAAEBBAABAAAADAAAAAMBAwABAAAAAQAAAAYBAwABAAAAAQAABBEB"
    "BQABAAAAbgAAABYBBAABAAAADAAAABcBBAABAAAAJAAAABwBAwABAAAAAQIAAAAAAABalYCtWwDNRIAk"
    "NoCq6gBNCYBTdQAZQoDVmgBJrICqEgArrQA="
)


def test_what_pillow_itself_stumbles_over_is_named(tmp_path):
    path = tmp_path / "odd.tif"
    path.write_bytes(base64.b64decode(FRACTION))
    with pytest.raises(DataError, match=r"odd\.tif: damaged or truncated"):
        read_image(path)


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.png: no such image"):
        read_image(tmp_path / "none.png")


def test_a_decompression_bomb_is_refused_undecoded(tmp_path, monkeypatch):
    path = saved(tmp_path, "bomb.png", Image.new("L", (40, 30)))
    assert read_image(path, most=1200).shape == (30, 40, 3)
    monkeypatch.setattr(PngImageFile, "load", lambda _: pytest.fail("decoded"))
    with pytest.raises(DataError, match=r"bomb\.png: 40x30 pixels are more than 1,199"):
        read_image(path, most=1199)
    with pytest.raises(DataError, match=r"bomb\.png: 40x30 pixels"):
        image_shape(path, most=1199)


def test_pillows_own_limit_is_neither_met_nor_moved(tmp_path, monkeypatch):
    path = saved(tmp_path, "a.png", Image.new("L", (40, 30)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_image(path).shape == (30, 40, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_headers_of_huge_images_are_refused_undecoded(tmp_path):
    path = saved(tmp_path, "huge.png", Image.new("L", (8, 8)))
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 100_000, 100_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"huge\.png: 100000x100000 pixels"):
        read_image(path)
    path = saved(tmp_path, "huge.bmp", Image.new("L", (8, 8)))
    content = bytearray(path.read_bytes())
    content[18:26] = struct.pack("<ii", 100_000, 100_000)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"huge\.bmp: 100000x100000 pixels"):
        read_image(path)


def test_fitting_crops_the_center_then_resizes_as_pillow_does():
    pixels = np.random.default_rng(2).integers(0, 256, (40, 61, 3), dtype=np.uint8)
    square = Image.fromarray(pixels[:, 10:50])
    expected = np.asarray(square.resize((24, 24), Image.Resampling.BICUBIC))
    assert np.array_equal(fit(pixels, 24), expected)
    assert np.array_equal(fit(pixels, 40), pixels[:, 10:50])
    assert fit(pixels, None) is pixels


def test_a_tiff_that_is_not_read_is_called_one(tmp_path):
    path = tmp_path / "a.tif"
    cv2.imwrite(str(path), COLORS.astype(np.float32) / 255)
    with pytest.raises(
        DataError, match=r"a\.tif: an unsupported kind of TIFF, such as floating-point"
    ):
        read_image(path)
    path.write_text("no image")
    with pytest.raises(DataError, match=r"a\.tif: not a PNG, JPEG"):
        read_image(path)
