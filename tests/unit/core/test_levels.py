"""Range of gray levels in images, masks and heatmaps of more than 8 bits."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.core.images import image_shape, read_image, reading_of
from benchmark.core.levels import full_level
from benchmark.masks.files import read_white

GRAY = np.random.default_rng(0).integers(0, 256, (7, 9), dtype=np.uint8)


def saved(folder: Path, values: np.ndarray, name: str = "a.tif", **options: object) -> Path:
    Image.fromarray(values).save(folder / name, **options)
    return folder / name


@pytest.mark.parametrize(
    "values",
    [GRAY.astype(np.float32), GRAY.astype(np.int32), GRAY.astype(np.uint16),
     (GRAY / 255).astype(np.float32), GRAY.astype(np.int32) * 257, GRAY.astype(np.uint16) * 257,
     GRAY.astype(np.float32) * 257],
    ids=["float", "int32", "uint16", "to-1", "int-deep", "deep", "float-deep"],
)  # fmt: skip
def test_deep_gray_of_every_scale_is_the_same_image(tmp_path: Path, values: np.ndarray) -> None:
    path = saved(tmp_path, values)
    assert np.array_equal(read_image(path), np.dstack([GRAY] * 3))


@pytest.mark.parametrize(
    ("values", "told"),
    [([[0.0, 1.5]], "0 to 1.5"), ([[0.0, 2.5]], "0 to 2.5"), ([[0.0, 15.0]], "0 to 15"),
     ([[-0.5, 1.0]], "-0.5 to 1"), ([[0.0, 70000.0]], "0 to 70000"),
     ([[0.0, float("nan")]], "nan to nan")],
)  # fmt: skip
def test_other_levels_are_refused_with_their_range(
    tmp_path: Path, values: list[list[float]], told: str
) -> None:
    path = saved(tmp_path, np.array(values, np.float32))
    with pytest.raises(DataError, match=rf"a\.tif: gray levels from {told}, expected"):
        read_image(path)


def test_a_one_may_be_rounded(tmp_path: Path) -> None:
    values = np.array([[0.0, 1.0000001, -1e-7]], np.float32)
    assert full_level(values, Path("a")) == 1
    assert read_image(saved(tmp_path, values))[0, :, 0].tolist() == [0, 255, 0]


def test_only_what_is_read_otherwise_than_before_has_another_key(tmp_path: Path) -> None:
    """Black 16-bit images stay black."""
    read = {
        "to 255": GRAY.astype(np.int32),
        "deep": GRAY.astype(np.uint16) * 257,
        "black": np.zeros((4, 4), np.uint16),
        "to 1": (GRAY / 255).astype(np.float32),
        "bytes": GRAY,
    }
    found = {
        name: reading_of(saved(tmp_path, values, f"{name}.tif")) for name, values in read.items()
    }
    assert {name for name, said in found.items() if said} == {"to 255"}
    assert reading_of(saved(tmp_path, GRAY.astype(np.uint16), "a.png")) == found["to 255"]
    assert reading_of(saved(tmp_path, GRAY, "a.jpg")) == reading_of(tmp_path / "gone.tif") == ""


@pytest.mark.parametrize("ending", ["tif", "png", "jpg", "webp"])
@pytest.mark.parametrize("orientation", [0, 1, 3, 5, 6, 7, 8, 9, 255])
def test_the_shape_is_that_of_the_image_that_is_read(
    tmp_path: Path, ending: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    path = saved(tmp_path, np.dstack([GRAY] * 3), f"a.{ending}", exif=exif)
    assert image_shape(path) == read_image(path).shape[:2]
    assert image_shape(path) == ((9, 7) if 5 <= orientation <= 8 else (7, 9))


@pytest.mark.parametrize("kept", [True, False])
def test_an_orientation_behind_the_pixels_of_a_png_counts(tmp_path: Path, kept: bool) -> None:
    exif = Image.Exif()
    exif[274] = 6
    path = saved(tmp_path, np.dstack([GRAY] * 3), "a.png", exif=exif)
    content = path.read_bytes()
    start = content.index(b"eXIf") - 4
    length = 12 + int.from_bytes(content[start : start + 4], "big")
    whole = content[start : start + length]
    assert image_shape(path) == (9, 7)
    end = content.index(b"IEND") - 4
    rest = content[:start] + content[start + length : end]
    path.write_bytes(rest + (whole if kept else b"") + content[end:])
    assert image_shape(path) == read_image(path).shape[:2]
    assert image_shape(path) == ((9, 7) if kept else (7, 9))


def deep_color(folder: Path, values: np.ndarray, name: str) -> Path:
    """Write 16-bit color, (H, W, 3 or 4) uint16, which Pillow cannot write."""
    order = [2, 1, 0, 3][: values.shape[2]]
    cv2.imwrite(str(folder / name), values[..., order].astype(np.uint16))
    return folder / name


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("full", [255, 1023, 4095])
def test_color_of_16_bits_on_another_scale_is_refused_and_not_black(
    tmp_path: Path, name: str, channels: int, full: int
) -> None:
    colors = np.dstack([GRAY, GRAY[::-1], GRAY[:, ::-1]]).astype(np.uint16)
    opaque = np.full((7, 9, channels - 3), 65535, np.uint16)
    right = deep_color(tmp_path, np.dstack([colors * 257, opaque]), f"right-{name}")
    assert np.array_equal(read_image(right), colors)
    wrong = deep_color(tmp_path, np.dstack([colors * full // 255, opaque]), name)
    with pytest.raises(DataError, match=r"a\.(png|tif): 16-bit color with no level of 4096"):
        read_image(wrong)
    with pytest.raises(DataError, match="16-bit color"):
        read_white(wrong)


def test_dark_color_of_8_bits_is_a_dark_image(tmp_path: Path) -> None:
    dark = np.dstack([GRAY // 32] * 3)
    for name in ("a.png", "a.tif"):
        assert np.array_equal(read_image(saved(tmp_path, dark, name)), dark)
