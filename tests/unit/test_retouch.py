"""Retouching of the hole: the effect of each step, known pixels, and invalid steps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from benchmark.core.errors import BadInput, BadOutput
from benchmark.core.types import Mask
from benchmark.retouch import (
    FEWEST,
    Retouch,
    canonical,
    file_name,
    matching_sigma,
    residual,
    retouched_name,
)

STEPS = ("grain:1.5", "grain:match", "blur:1", "sharpen:0.5", "median:3", "median:15")
KNOWN = "grain:SIGMA, grain:match, blur:SIGMA, sharpen:AMOUNT, median:SIZE, none"


def square(side: int = 128, *, hole: slice = slice(32, 96)) -> Mask:
    mask = np.zeros((side, side), dtype=np.bool_)
    mask[hole, hole] = True
    return mask


def grainy(sigma: float, *, side: int = 128, seed: int = 0) -> NDArray[np.float32]:
    """Return a gray gradient with grain of `sigma` 8-bit levels, as floats."""
    slope = np.linspace(60, 190, side, dtype=np.float32)[None, :, None]
    drawn = np.random.default_rng(seed).standard_normal((side, side, 1)) * sigma
    levels = np.broadcast_to(slope + drawn, (side, side, 3))
    return np.asarray(np.rint(levels) / 255, dtype=np.float32)


@pytest.mark.parametrize("step", STEPS)
def test_only_the_hole_changes_and_stays_an_image(step: str) -> None:
    image, hole = np.random.default_rng(1).random((96, 80, 3), dtype=np.float32), square(96)[:, :80]
    before = image.copy()
    found = Retouch.parse(step).apply(image, hole, seed=3)
    assert found.shape == image.shape
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[~hole], before[~hole])
    np.testing.assert_array_equal(image, before)
    assert found.min() >= 0
    assert found.max() <= 1
    assert (found[hole] != before[hole]).any() or step == "grain:match"


def test_grain_is_gray_gaussian_noise_in_gray_levels() -> None:
    image, hole = np.full((256, 256, 3), 0.5, np.float32), square(256, hole=slice(0, 256))
    apart = 255 * (Retouch.parse("grain:2.5").apply(image, hole, seed=1) - image)
    np.testing.assert_array_equal(apart[..., 0], apart[..., 1])
    np.testing.assert_array_equal(apart[..., 0], apart[..., 2])
    assert apart[..., 0].std() == pytest.approx(2.5, rel=0.02)
    assert apart[..., 0].mean() == pytest.approx(0, abs=0.05)


def test_the_same_seed_gives_the_same_grain_scaled_and_another_seed_another() -> None:
    image, hole = np.full((64, 64, 3), 0.5, np.float32), square(64, hole=slice(8, 56))
    one, two, other = (
        Retouch.parse(step).apply(image, hole, seed=seed) - image
        for step, seed in (("grain:1", 7), ("grain:3", 7), ("grain:1", 8))
    )
    np.testing.assert_allclose(two, 3 * one, atol=1e-6)
    assert np.abs(np.corrcoef(one[hole][:, 0], other[hole][:, 0])[0, 1]) < 0.1


def test_filters_see_what_is_around_the_hole() -> None:
    image, hole = np.zeros((64, 64, 3), np.float32), square(64, hole=slice(16, 48))
    image[~hole] = 1.0
    for step in ("blur:2", "median:5"):
        found = Retouch.parse(step).apply(image, hole, seed=0)
        assert found[16, 16].min() > 0  # a corner of the hole, beside white
        assert found[32, 32].max() == 0


def test_blur_is_a_gaussian_and_sharpening_takes_it_away() -> None:
    image = np.random.default_rng(2).random((64, 64, 3), dtype=np.float32) / 2 + 0.25
    hole = square(64, hole=slice(16, 48))
    smooth = gaussian_filter(image.astype(np.float64), (1, 1, 0), mode="mirror", truncate=4)
    blurred = Retouch.parse("blur:1").apply(image, hole, seed=0)
    np.testing.assert_allclose(blurred[hole], smooth[hole], atol=1e-4)
    sharp = Retouch.parse("sharpen:0.5").apply(image, hole, seed=0)
    np.testing.assert_allclose(
        sharp[hole], np.clip(image + 0.5 * (image - smooth), 0, 1)[hole], atol=1e-4
    )


def test_a_median_takes_a_lone_spot_away() -> None:
    image, hole = np.full((32, 32, 3), 0.25, np.float32), square(32, hole=slice(8, 24))
    image[16, 16] = 1.0
    found = Retouch.parse("median:3").apply(image, hole, seed=0)
    assert found[16, 16].tolist() == [0.25] * 3


@pytest.mark.parametrize("sigma", [0.8, 1.5, 4.0, 12.0])
def test_the_residual_is_the_sigma_of_noise_whatever_the_slope(sigma: float) -> None:
    assert residual(grainy(sigma, side=256), square(256)) == pytest.approx(
        np.hypot(sigma, 12**-0.5), rel=0.05
    )


def test_a_few_strong_edges_do_not_move_the_residual() -> None:
    image = grainy(2.0)
    image[:, 40:43] = 1.0
    assert residual(image, ~square()) == pytest.approx(residual(grainy(2.0), ~square()), rel=0.1)


@pytest.mark.parametrize("own", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("known", [1.5, 3.0, 8.0])
def test_matched_grain_makes_the_hole_as_strong_as_the_known_region(
    known: float, own: float
) -> None:
    hole = square()
    image = np.where(hole[..., None], grainy(own, seed=5), grainy(known, seed=6))
    wanted = residual(image, ~hole)
    found = Retouch.parse("grain:match").apply(image, hole, seed=4)
    rounded = np.rint(found * 255).astype(np.float32) / 255
    if own < known:
        assert residual(rounded, hole) == pytest.approx(wanted, rel=0.05)
        assert matching_sigma(image, hole, seed=4) == pytest.approx(
            (known**2 - own**2) ** 0.5, rel=0.1
        )
    else:
        np.testing.assert_array_equal(found, image)


def test_the_known_region_is_measured_without_the_holes_rim() -> None:
    hole = square()
    flat = np.full((128, 128, 3), 0.5, np.float32)
    flat[hole] = np.random.default_rng(0).random((hole.sum(), 3), dtype=np.float32)
    assert residual(flat, ~hole) == 0
    thin = ~square(128, hole=slice(2, 126))  # a rim of two pixels: none has all neighbors known
    assert np.isnan(residual(flat, thin))


@pytest.mark.parametrize(
    ("hole", "said"),
    [
        (np.ones((64, 64), np.bool_), "known region"),
        (~square(64, hole=slice(20, 30)), "known region"),
        (square(64, hole=slice(20, 30)), "hole"),
        (np.zeros((64, 64), np.bool_), "hole"),
    ],
    ids=["no known region", "hardly any", "a tiny hole", "no hole"],
)
def test_nothing_is_matched_where_there_is_too_little_to_measure(hole: Mask, said: str) -> None:
    image = grainy(1.0, side=64)
    with pytest.raises(BadOutput, match=rf"the {said} has fewer than {FEWEST} pixels"):
        Retouch.parse("grain:match").apply(image, hole, seed=0)


@pytest.mark.parametrize("step", STEPS)
def test_labels_are_read_back(step: str) -> None:
    assert Retouch.parse(f" {step.upper()} ").label == step
    assert Retouch.parse("grain:1.50").label == "grain:1.5"


@pytest.mark.parametrize(
    "text",
    [
        "grain", "grain:", "grain:-1", "grain:0", "grain:nan", "grain:inf", "grain:1e9", "noise:1",
        "blur:match", "blur:0", "blur:1000", "sharpen:-0.5", "sharpen:1e3", "median:4",
        "median:3.5", "median:1", "median:17", "median:-3", "", "none:1", "grain:1.5:2",
    ],
)  # fmt: skip
def test_what_is_no_retouching_is_refused_in_one_line_with_what_is_known(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        Retouch.parse(text)
    assert KNOWN in str(caught.value)
    assert "\n" not in str(caught.value)


def test_none_alone_is_the_default() -> None:
    assert canonical(()) == ()
    assert canonical(("None",)) == ()
    assert canonical(("none", "grain:2.0")) == ("none", "grain:2")
    assert canonical(("grain:match",)) == ("grain:match",)


def test_names_in_tables_and_files() -> None:
    assert retouched_name("telea", "") == file_name("telea", "") == "telea"
    assert retouched_name("telea", "grain:1.5") == "telea+grain:1.5"
    assert file_name("telea", "grain:1.5") == "telea+grain-1.5"


def test_match_counts_what_is_cut_off_at_white() -> None:
    generator = np.random.default_rng(5)
    image = (0.5 + generator.standard_normal((96, 96, 1)) * 8 / 255).astype(np.float32)
    image = np.repeat(image, 3, axis=2).clip(0, 1)
    hole = np.zeros((96, 96), bool)
    hole[20:76, 20:76] = True
    image[hole] = 252 / 255  # three levels below white: half of the grain is cut off soon
    changed = Retouch.parse("grain:match").apply(image, hole, seed=3)
    assert changed[hole].max() == 1
    assert residual(changed, hole) == pytest.approx(residual(image, ~hole), rel=0.02)


def test_match_of_a_hole_that_cannot_be_as_strong_is_said() -> None:
    generator = np.random.default_rng(5)
    image = generator.random((96, 96, 1)).round().astype(np.float32).repeat(3, axis=2)
    hole = np.zeros((96, 96), bool)
    hole[20:76, 20:76] = True
    image[hole] = 1
    with pytest.raises(BadOutput, match=r"bright or dark.*grain:SIGMA"):
        Retouch.parse("grain:match").apply(image, hole, seed=3)
