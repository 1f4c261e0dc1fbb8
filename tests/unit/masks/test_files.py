"""Mask files: decoding, binarization at 128, nearest neighbor, polarity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter
from skimage import data

from benchmark.core.errors import DataError
from benchmark.masks.files import MaskFile, at_size, read_mask, read_white, settle_polarity


def files(folder: str, *white: float) -> list[MaskFile]:
    return [MaskFile(path=Path(folder) / f"{row}.png", white=one) for row, one in enumerate(white)]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P"])
def test_white_is_found_in_every_mode(tmp_path, mode):
    picture = Image.new("L", (3, 2), 0)
    picture.putpixel((2, 1), 255)
    picture.convert(mode).save(tmp_path / "a.png")
    assert read_white(tmp_path / "a.png").tolist() == [[False] * 3, [False, False, True]]


def test_sixteen_bits_are_scaled(tmp_path):
    Image.fromarray(np.array([[0, 65535]], dtype=np.uint16)).save(tmp_path / "a.png")
    assert read_white(tmp_path / "a.png").tolist() == [[False, True]]


def test_the_border_is_128(tmp_path):
    Image.fromarray(np.array([[127, 128]], dtype=np.uint8)).convert("RGB").save(tmp_path / "a.png")
    assert read_white(tmp_path / "a.png").tolist() == [[False, True]]


def test_a_soft_mask_gets_no_larger():
    white = np.zeros((512, 512), dtype=bool)
    white[100:300, 150:400] = True
    small = at_size(white, (256, 256), image_shape=None)
    assert np.array_equal(small, white[::2, ::2])


@pytest.mark.parametrize(("old", "new"), [((65, 35), (39, 21)), ((65, 35), (91, 49))])
def test_each_pixel_is_the_one_that_its_center_lies_in(old, new):
    white = np.random.default_rng(4).random(old) < 0.5
    rows, columns = (
        [(2 * place + 1) * before // (2 * after) for place in range(after)]
        for before, after in zip(old, new, strict=True)
    )
    expected = [[white[row, column] for column in columns] for row in rows]
    assert np.array_equal(at_size(white, new, image_shape=None), expected)


def test_a_mask_is_cropped_as_its_image_is():
    white = np.zeros((40, 60), dtype=bool)
    white[:, 10:30] = True  # the left half of the center square
    small = at_size(white, (20, 20), image_shape=(80, 120))
    assert np.array_equal(small, np.arange(20)[None] < np.full((20, 1), 10))


def test_a_mask_of_no_image_takes_any_proportions():
    white = np.zeros((40, 60), dtype=bool)
    white[:, :30] = True
    assert at_size(white, (20, 20), image_shape=None).mean() == 0.5


@pytest.mark.parametrize("mask", [(512, 342), (342, 512)])
def test_a_side_may_be_rounded_but_not_turned(mask):
    white = np.ones(mask, dtype=bool)
    if mask[0] > mask[1]:
        assert at_size(white, (481, 321), image_shape=(481, 321)).shape == (481, 321)
    else:
        with pytest.raises(DataError, match="different shape: the image has 321x481 pixels"):
            at_size(white, (481, 321), image_shape=(481, 321))


def test_the_option_decides_where_it_is_given():
    assert [file.share for file in settle_polarity(files("m", 0.9), Path("m"), "white-hole")] == [
        0.9
    ]
    black = settle_polarity(files("m", 0.75), Path("m"), "black-hole")
    assert [file.share for file in black] == [0.25]


def test_white_is_the_hole_where_nothing_speaks_against_it():
    settled = settle_polarity(files("m", 0.2, 0.9, 0.4), Path("m"), "auto")
    assert [file.inverted for file in settled] == [False] * 3


def test_masks_that_look_inverted_are_refused_with_the_option():
    with pytest.raises(DataError, match="--mask-polarity"):
        settle_polarity(files("m", 0.8, 0.9, 0.4), Path("m"), "auto")


@pytest.mark.parametrize(
    ("name", "white", "inverted"),
    [("10-20", 0.85, True), ("10-20", 0.15, False), ("50-60", 0.55, False), ("50-60", 0.44, True),
     ("10_20%", 0.85, True), ("40-60", 0.45, False)],
)  # fmt: skip
def test_a_folder_that_states_its_band_settles_it(name, white, inverted):
    settled = settle_polarity(files(f"m/{name}", white, white), Path("m"), "auto")
    assert [file.inverted for file in settled] == [inverted] * 2


def test_a_band_that_fits_neither_way_is_refused():
    with pytest.raises(DataError, match="neither polarity"):
        settle_polarity(files("m/10-20", 0.5), Path("m"), "auto")


@pytest.mark.parametrize("name", ["2024-05", "run-01-02", "20-10", "masks"])
def test_a_date_is_no_band(name):
    with pytest.raises(DataError, match="half of the masks"):
        settle_polarity(files(f"m/{name}", 0.9), Path("m"), "auto")


HOLE = np.zeros((64, 64), dtype=bool)
HOLE[8:40, 20:50] = True


def saved(folder: Path, values: np.ndarray, name: str = "a.png", **options: object) -> Path:
    Image.fromarray(values).save(folder / name, **options)
    return folder / name


def seen(folder: Path, values: np.ndarray, name: str = "a.png", **options: object):
    return read_mask(saved(folder, values, name, **options))


@pytest.mark.parametrize(
    ("values", "name", "reading"),
    [
        (HOLE.astype(np.uint8) * 255, "a.png", ""),
        (HOLE.astype(np.uint8) * 200 + 20, "a.png", ""),
        (HOLE.astype(np.uint16) * 65535, "a.png", ""),
        (HOLE.astype(np.int32) * 255, "a.tif", ""),
        (HOLE.astype(np.float32) * 255, "a.tif", ""),
        (HOLE, "a.png", ""),
        (HOLE.astype(np.uint8), "a.png", "0 and 1"),
        (HOLE.astype(np.uint8), "a.bmp", "0 and 1"),
        (HOLE.astype(np.uint16), "a.png", "0 and 1"),
        (HOLE.astype(np.int32), "a.tif", "0 and 1"),
        (HOLE.astype(np.float32), "a.tif", "floats from 0 to 1"),
        (np.dstack([HOLE] * 3).astype(np.uint8), "a.png", "0 and 1"),
    ],
)
def test_black_and_white_on_every_scale(tmp_path, values, name, reading):
    mask = seen(tmp_path, values, name)
    assert np.array_equal(mask.white, HOLE)
    assert mask.reading.startswith(reading)
    assert bool(mask.reading) == bool(reading)


@pytest.mark.parametrize("radius", [1, 3, 6])
def test_soft_masks_are_masks(tmp_path, radius):
    gray = Image.fromarray(HOLE.astype(np.uint8) * 255)
    soft = np.asarray(gray.filter(ImageFilter.GaussianBlur(radius)))
    mask = seen(tmp_path, soft)
    assert np.array_equal(mask.white, soft >= 128)
    assert mask.reading == ""


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_jpeg_masks_are_masks(tmp_path, quality):
    mask = seen(tmp_path, HOLE.astype(np.uint8) * 255, "a.jpg", quality=quality)
    assert np.mean(mask.white != HOLE) < 0.02
    assert mask.reading == ""
    black = np.zeros((64, 64), np.uint8)
    black[:2, :2] = 1  # what JPEG may leave in black
    assert not seen(tmp_path, black, "b.jpg", quality=100).white.any()


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket", "camera", "coins"])
@pytest.mark.parametrize("light", [1, 0.62])
def test_images_are_no_masks(tmp_path, name, light):
    photograph = (getattr(data, name)() * light).astype(np.uint8)
    with pytest.raises(DataError, match=r"a\.png: (colored|many gray levels), as"):
        seen(tmp_path, photograph)
    gray = np.asarray(Image.fromarray(photograph).convert("L"))
    with pytest.raises(DataError, match=r"a\.png: many gray levels, as in an image"):
        seen(tmp_path, gray)


@pytest.mark.parametrize(
    "colors",
    [((255, 0, 0), (0, 255, 0)), ((0, 0, 0), (128, 0, 0)), ((255, 255, 255), (0, 0, 255))],
)
def test_colored_labels_are_refused_with_their_colors(tmp_path, colors):
    labels = np.where(HOLE[..., None], *(np.array(one, np.uint8) for one in colors))
    with pytest.raises(DataError, match=r"a\.png: colored.*most of them RGB \("):
        seen(tmp_path, labels)
    Image.fromarray(labels).quantize(2).save(tmp_path / "p.png")
    with pytest.raises(DataError, match=r"p\.png: colored"):
        read_mask(tmp_path / "p.png")


@pytest.mark.parametrize("top", [2, 5, 100, 127])
def test_labels_below_128_are_refused_with_their_levels(tmp_path, top):
    with pytest.raises(DataError, match=rf"a\.png: gray levels 0, {top} and none of 128 or more"):
        seen(tmp_path, HOLE.astype(np.uint8) * top)


@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_the_transparent_part_of_a_cut_out_is_white(tmp_path, ending):
    alpha = np.where(HOLE, 0, 255).astype(np.uint8)
    photograph = data.astronaut()[:64, 150:214]
    options = {"lossless": True} if ending == "webp" else {}
    mask = seen(tmp_path, np.dstack([photograph, alpha]), f"a.{ending}", **options)
    assert np.array_equal(mask.white, HOLE)
    assert mask.reading == "transparent parts read as white"


def test_black_and_white_count_before_transparency(tmp_path):
    gray = HOLE.astype(np.uint8) * 255
    for alpha in (gray, 255 - gray, np.full_like(gray, 255), np.full_like(gray, 77)):
        mask = seen(tmp_path, np.dstack([gray, gray, gray, alpha]))
        assert np.array_equal(mask.white, HOLE)
        assert mask.reading == ""


@pytest.mark.parametrize("level", [0, 255])
def test_one_color_on_nothing_may_mean_either_and_is_refused(tmp_path, level):
    gray, alpha = np.full((64, 64), level, np.uint8), HOLE.astype(np.uint8) * 255
    with pytest.raises(DataError, match=r"a\.png: a single color with varying transparency"):
        seen(tmp_path, np.dstack([gray, gray, gray, alpha]))
