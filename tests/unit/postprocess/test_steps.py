"""Post-processing steps, compared with Pillow, OpenCV, SciPy and exact counts."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, features
from scipy.ndimage import gaussian_filter, median_filter

from benchmark.core.errors import BadInput, BadOutput
from benchmark.core.types import Pixels
from benchmark.postprocess import PostProcess
from benchmark.postprocess.codecs import Jpeg2000


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
        (" resize:.5 + JPEG:80.0", "resize:0.5+jpeg:80"), ("Social:Telegram", "social:telegram"),
    ],
)  # fmt: skip
def test_a_step_has_one_name(text: str, label: str) -> None:
    assert PostProcess.parse(text).label == label
    assert PostProcess.parse(label) == PostProcess.parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "jpg:90",
            "no post-processing named 'jpg'. Did you mean 'jpeg'\\? Known: jpeg:QUALITY, resize:F",
        ),
        ("jpeg", "expected jpeg:QUALITY with a whole quality from 1 to 100"),
        ("", "such as jpeg:90"),
        ("jpeg:90\n", "such as jpeg:90"),
        ("jpeg:", "expected jpeg:QUALITY"),
        ("jpeg:nan", "expected jpeg:QUALITY"),
        ("jpeg:0", "quality from 1 to 100"),
        ("jpeg:90.5", "whole quality"),
        ("jpeg:101", "quality from 1 to 100"),
        ("jpeg:inf", "expected jpeg:QUALITY"),
        ("resize:1", "other than 1"),
        ("resize:0", "from 0.1 to 4"),
        ("noise:-2", "gray levels"),
        ("noise:inf", "expected noise:LEVELS"),
        ("blur:0", "sigma from 0.1 to 32"),
        ("webp:0", "whole quality from 1 to 100"),
        ("avif:60.5", "whole quality"),
        ("jpeg2000:1", "ratio from 2 to 500"),
        ("median:4", "odd whole number of pixels from 3 to 15"),
        ("sharpen:0", "amount from 0.01 to 10"),
        ("gamma:1", "other than 1"),
        ("crop:2.5", "whole number of pixels from 1 to 8192"),
        ("fit:8", "from 16 to 16384"),
        ("social:myspace", "no preset named 'myspace'. Known: telegram"),
        ("spandrel:", "expected spandrel:FILE"),
        ("vae", "expected vae:ID_OR_FOLDER"),
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
    blurred = PostProcess.parse(f"blur:{sigma}").apply(picture, seed=0).astype(float)
    exact = gaussian_filter(
        picture.astype(float), (sigma, sigma, 0), mode="mirror", truncate=round(4 * sigma) / sigma
    )
    assert np.abs(blurred - exact).max() <= 0.51


@pytest.mark.parametrize(
    ("step", "options"),
    [
        ("webp:70", {"format": "WEBP", "quality": 70}),
        ("jpeg2000:12.5", {"format": "JPEG2000", "irreversible": True, "quality_mode": "rates",
                           "quality_layers": [12.5]}),
        ("avif:55", {"format": "AVIF", "quality": 55, "codec": "aom", "max_threads": 1}),
    ],
)  # fmt: skip
def test_codecs_are_pillows(picture: Pixels, step: str, options: dict[str, Any]) -> None:
    if step.startswith("avif") and not features.check("avif"):
        pytest.skip("Pillow here has no AVIF; pip install 'pillow>=11.3'")
    file = BytesIO()
    Image.fromarray(picture).save(file, **options)
    assert np.array_equal(PostProcess.parse(step).apply(picture, seed=0), Image.open(file))


def test_jpeg2000_has_about_its_ratio() -> None:
    rough = np.random.default_rng(3).integers(0, 256, (160, 160, 3), dtype=np.uint8)
    ratios = []
    for ratio in (4, 8):
        file = BytesIO()
        Image.fromarray(rough).save(file, format="JPEG2000", **Jpeg2000(str(ratio)).options())
        ratios.append(rough.size / len(file.getvalue()))
    assert ratios == pytest.approx([4, 8], rel=0.05)


def test_median_sharpen_and_gamma_are_what_their_names_say(picture: Pixels) -> None:
    medians = median_filter(picture, size=(5, 5, 1), mode="mirror")
    assert np.array_equal(PostProcess.parse("median:5").apply(picture, seed=0), medians)
    exact = picture.astype(float)
    sharp = exact + 0.7 * (exact - gaussian_filter(exact, (1, 1, 0), mode="mirror", truncate=4))
    sharpened = PostProcess.parse("sharpen:0.7").apply(picture, seed=0).astype(float)
    assert np.abs(sharpened - sharp.clip(0, 255)).max() <= 0.51
    dark = PostProcess.parse("gamma:2.2").apply(picture, seed=0)
    assert np.abs(dark - 255 * (exact / 255) ** 2.2).max() <= 0.5
    grey = np.full((4, 4, 3), 100, np.uint8)
    for step in ("median:15", "sharpen:10"):
        assert np.array_equal(PostProcess.parse(step).apply(grey, seed=0), grey)


def test_a_crop_takes_the_same_from_image_and_truth(picture: Pixels) -> None:
    mask = np.random.default_rng(4).random(picture.shape[:2]) < 0.5
    crop = PostProcess.parse("crop:7")
    for changed in (crop.apply(picture, seed=0), crop.resized(picture)):
        assert np.array_equal(changed, picture[7:-7, 7:-7])
    assert np.array_equal(crop.truth(mask), mask[7:-7, 7:-7])
    assert crop.size(48, 80) == (34, 66)
    assert crop.size(48, 14) == (0, 0)
    assert PostProcess.parse("crop:7+resize:4").size(14, 48) == (0, 0)
    for call in (crop.apply, lambda image, seed: crop.resized(image)):
        with pytest.raises(BadOutput, match="crop:7 leaves nothing of 14x48 pixels"):
            call(picture[:, :14], seed=0)
    with pytest.raises(BadOutput, match="crop:7 leaves nothing"):
        crop.truth(mask[:14])


def test_fit_shrinks_the_longer_side_alone(picture: Pixels) -> None:
    fit = PostProcess.parse("fit:40")
    assert fit.apply(picture, seed=0).shape == (24, 40, 3)
    assert np.array_equal(
        fit.apply(picture, seed=0), PostProcess.parse("resize:0.5").apply(picture, seed=0)
    )
    assert fit.truth(np.ones((80, 48), np.bool_)).shape == (40, 24)
    assert np.array_equal(PostProcess.parse("fit:80").apply(picture, seed=0), picture)
    assert fit.size(400, 1) == (40, 1)


STEPS = (
    "jpeg:90", "resize:0.75", "noise:2", "blur:1", "webp:80", "avif:60", "jpeg2000:20", "median:3",
    "sharpen:1", "gamma:0.8", "crop:4", "fit:32", "crop:3+noise:2+resize:2+jpeg:80",
)  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_the_image_given_is_not_changed(picture: Pixels, step: str) -> None:
    before = picture.copy()
    washed = PostProcess.parse(step).apply(picture, seed=0)
    assert washed.dtype == np.uint8
    assert not np.array_equal(washed, before)
    assert np.array_equal(picture, before)
