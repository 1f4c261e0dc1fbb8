"""Mask files: the first channel, nearest neighbour, 128 and above; and which colour is the hole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.masks.files import MaskFile, at_size, read_white, settle_polarity


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
    small = at_size(white, (256, 256), picture=None)
    assert np.array_equal(small, white[::2, ::2])


@pytest.mark.parametrize(("old", "new"), [((65, 35), (39, 21)), ((65, 35), (91, 49))])
def test_each_pixel_is_the_one_that_its_centre_lies_in(old, new):
    white = np.random.default_rng(4).random(old) < 0.5
    rows, columns = (
        [(2 * place + 1) * before // (2 * after) for place in range(after)]
        for before, after in zip(old, new, strict=True)
    )
    expected = [[white[row, column] for column in columns] for row in rows]
    assert np.array_equal(at_size(white, new, picture=None), expected)


def test_a_mask_is_cropped_as_its_picture_is():
    white = np.zeros((40, 60), dtype=bool)
    white[:, 10:30] = True  # the left half of the centre square
    small = at_size(white, (20, 20), picture=(80, 120))
    assert np.array_equal(small, np.arange(20)[None] < np.full((20, 1), 10))


def test_a_mask_of_no_picture_takes_any_proportions():
    white = np.zeros((40, 60), dtype=bool)
    white[:, :30] = True
    assert at_size(white, (20, 20), picture=None).mean() == 0.5


@pytest.mark.parametrize("mask", [(512, 342), (342, 512)])
def test_a_side_may_be_rounded_but_not_turned(mask):
    white = np.ones(mask, dtype=bool)
    if mask[0] > mask[1]:
        assert at_size(white, (481, 321), picture=(481, 321)).shape == (481, 321)
    else:
        with pytest.raises(DataError, match="different shape: the image has 321x481 pixels"):
            at_size(white, (481, 321), picture=(481, 321))


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
