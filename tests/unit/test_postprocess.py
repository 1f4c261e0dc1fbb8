"""Post-processing steps, compared with Pillow, SciPy and exact counts."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from benchmark.core.errors import BadInput
from benchmark.core.types import Pixels
from benchmark.postprocess import PostProcess


@pytest.fixture
def picture() -> Pixels:
    generator = np.random.default_rng(3)
    small = generator.integers(0, 256, (12, 20, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((80, 48), Image.Resampling.BICUBIC))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("jpeg:90", "jpeg:90"), (" JPEG:90.0 ", "jpeg:90"), ("resize:.75", "resize:0.75"),
        ("noise:2", "noise:2"), ("blur:1.50", "blur:1.5"), ("resize:1.333", "resize:1.333"),
    ],
)  # fmt: skip
def test_a_step_has_one_name(text: str, label: str) -> None:
    assert PostProcess.parse(text).label == label
    assert PostProcess.parse(label) == PostProcess.parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jpg:90", "no post-processing named 'jpg'. Known: jpeg:N, resize:N, noise:N, blur:N"),
        ("jpeg", "such as jpeg:90"),
        ("", "such as jpeg:90"),
        ("jpeg:", "such as jpeg:90"),
        ("jpeg:nan", "such as jpeg:90"),
        ("jpeg:0", "quality from 1 to 100"),
        ("jpeg:90.5", "whole quality"),
        ("jpeg:101", "quality from 1 to 100"),
        ("jpeg:inf", "expected one of jpeg:N"),
        ("resize:1", "other than 1"),
        ("resize:0", "from 0.1 to 4"),
        ("noise:-2", "gray levels"),
        ("noise:inf", "expected one of jpeg:N"),
        ("blur:0", "sigma from 0.1 to 32"),
    ],
)
def test_bad_steps_are_refused_in_a_line(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        PostProcess.parse(text)
    assert "\n" not in str(caught.value)


def test_jpeg_is_pillows_at_its_default_of_half_the_color(picture: Pixels) -> None:
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=70, subsampling="4:2:0")
    assert np.array_equal(PostProcess.parse("jpeg:70").apply(picture, seed=0), Image.open(file))


def test_resize_does_not_alias(picture: Pixels) -> None:
    half = PostProcess.parse("resize:0.5").apply(picture, seed=0)
    assert half.shape == (24, 40, 3)
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(PostProcess.parse("resize:0.25").apply(stripes, seed=0)[:, 2:-2]) < 8
    assert PostProcess.parse("resize:0.75").apply(picture, seed=0).shape == (36, 60, 3)
    assert PostProcess.parse("resize:2").apply(picture, seed=0).shape == (96, 160, 3)


def test_the_truth_goes_with_the_image() -> None:
    mask = np.zeros((40, 60), np.bool_)
    mask[10:30, 20:50] = True
    truth = PostProcess.parse("resize:0.5").truth(mask)
    expected = np.zeros((20, 30), np.bool_)
    expected[5:15, 10:25] = True
    assert np.array_equal(truth, expected)
    assert truth.dtype == np.bool_
    for same in ("jpeg:50", "noise:2", "blur:1"):
        assert np.array_equal(PostProcess.parse(same).truth(mask), mask)


@pytest.mark.parametrize(
    ("step", "shape", "size"),
    [
        ("resize:0.6", (65, 35), (39, 21)),
        ("resize:1.4", (65, 35), (91, 49)),
        ("resize:3", (20, 13), (60, 39)),
        ("resize:0.2", (65, 35), (13, 7)),
    ],
)
def test_the_truth_is_the_nearest_pixel_s(
    step: str, shape: tuple[int, int], size: tuple[int, int]
) -> None:
    mask = np.random.default_rng(4).random(shape) < 0.5
    rows, columns = (nearest(old, new) for old, new in zip(shape, size, strict=True))
    expected = np.array([[mask[row, column] for column in columns] for row in rows])
    assert np.array_equal(PostProcess.parse(step).truth(mask), expected)
    assert PostProcess.parse(step).apply(np.zeros((*shape, 3), np.uint8), seed=0).shape[:2] == size


def nearest(old: int, new: int) -> list[int]:
    """Return for each of `new` pixels the one of `old` that contains its center, in integers."""
    centers = [((2 * place + 1) * old, 2 * new) for place in range(new)]
    assert all(above % below for above, below in centers)  # none lies between two
    return [above // below for above, below in centers]


def test_noise_has_its_deviation_and_its_seed() -> None:
    gray = np.full((200, 200, 3), 128, np.uint8)
    noisy = PostProcess.parse("noise:5").apply(gray, seed=1).astype(int) - 128
    assert abs(noisy.mean()) < 0.05
    assert noisy.std() == pytest.approx(5, rel=0.02)
    twice = PostProcess.parse("noise:10").apply(gray, seed=1).astype(int) - 128
    assert np.abs(twice - 2 * noisy).max() <= 2  # the same draw, scaled, then rounded
    assert np.array_equal(
        PostProcess.parse("noise:5").apply(gray, seed=1) - 128, noisy.astype("u1")
    )
    assert not np.array_equal(PostProcess.parse("noise:5").apply(gray, seed=2) - 128, noisy)
    bright = np.full((50, 50, 3), 254, np.uint8)
    assert PostProcess.parse("noise:5").apply(bright, seed=1).min() > 200  # cut off, not wrapped


@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0])
def test_blur_is_a_gaussian(picture: Pixels, sigma: float) -> None:
    blurred = PostProcess("blur", sigma).apply(picture, seed=0).astype(float)
    exact = gaussian_filter(
        picture.astype(float), (sigma, sigma, 0), mode="mirror", truncate=round(4 * sigma) / sigma
    )
    assert np.abs(blurred - exact).max() <= 0.51


@pytest.mark.parametrize("step", ["jpeg:90", "resize:0.75", "noise:2", "blur:1"])
def test_the_image_given_is_not_changed(picture: Pixels, step: str) -> None:
    before = picture.copy()
    washed = PostProcess.parse(step).apply(picture, seed=0)
    assert washed.dtype == np.uint8
    assert not np.array_equal(washed, before)
    assert np.array_equal(picture, before)
