"""Splices, copy-moves and holes of one color: what is in the hole, and what is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.core.types import Mask, Pixels
from benchmark.training.data import splices as pasting
from benchmark.training.data.splices import copy_move, flat, random_history, splice

SIDE = 64


def picture(seed: int, sigma: float = 2) -> Pixels:
    """Smooth noise of the full range."""
    draw = np.random.default_rng(seed)
    smooth = cv2.GaussianBlur(draw.standard_normal((SIDE, SIDE, 3)), (0, 0), sigma)
    scaled = (smooth - smooth.min()) / np.ptp(smooth)
    return np.rint(255 * scaled).astype(np.uint8)


def square() -> Mask:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[20:44, 16:40] = True
    return mask


def inner(mask: Mask) -> Mask:
    """Away from the rim, which may be soft."""
    return cv2.erode(mask.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0


def outer(mask: Mask) -> Mask:
    return cv2.dilate(mask.astype(np.uint8), np.ones((15, 15), np.uint8)) == 0


@pytest.fixture
def hard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasting, "FEATHERED", 0.0)


@pytest.mark.usefixtures("hard")
def test_a_splice_shows_the_donor_in_the_hole_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasting, "random_history", lambda pixels, draw: pixels)
    around, donor, mask = picture(1), picture(2), square()
    forgery = splice(around, donor, mask, np.random.default_rng(0))
    assert np.array_equal(forgery.pixels[mask], donor[mask])
    assert np.array_equal(forgery.pixels[~mask], around[~mask])
    assert np.array_equal(forgery.truth, mask)


def test_a_soft_rim_is_half_forged_where_the_truth_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasting, "FEATHERED", 1.0)
    monkeypatch.setattr(pasting, "random_history", lambda pixels, draw: pixels)
    mask = square()
    black, white = np.zeros((SIDE, SIDE, 3), np.uint8), np.full((SIDE, SIDE, 3), 255, np.uint8)
    forgery = splice(black, white, mask, np.random.default_rng(0))
    levels = forgery.pixels[..., 0]
    assert len(np.unique(levels)) > 3  # neither all black nor all white
    assert (levels[forgery.truth] >= 127).all()
    assert (levels[~forgery.truth] <= 128).all()
    assert not levels[outer(mask)].any()
    assert (levels[inner(mask)] == 255).all()


def test_a_donor_always_has_another_history() -> None:
    pixels = picture(3)
    histories = [random_history(pixels, np.random.default_rng(seed)) for seed in range(200)]
    assert not any(np.array_equal(one, pixels) for one in histories)  # by chance alone: nine
    assert len({one.tobytes() for one in histories}) == 200


@pytest.mark.parametrize("step", pasting.STEPS)
def test_every_step_of_a_history_does_what_it_is_called(step: str) -> None:
    pixels, draw = picture(4), np.random.default_rng(5)
    changed = pasting._historic(step, pixels, draw)
    assert changed.shape == pixels.shape
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, pixels)
    difference = changed.astype(float) - pixels
    detail = detail_of(changed) / detail_of(pixels)
    if step == "noise":
        assert 1.2 < difference.std() < 6.5
        assert abs(difference.mean()) < 0.5
    elif step == "blur":
        assert detail < 0.9
    elif step in ("gamma", "color"):  # one level becomes one level
        for channel in range(3):
            levels = {
                int(old): new
                for old, new in zip(
                    pixels[..., channel].ravel(), changed[..., channel].ravel(), strict=True
                )
            }
            assert all(
                (changed[..., channel][pixels[..., channel] == old] == new).all()
                for old, new in levels.items()
            )


def detail_of(pixels: Pixels) -> float:
    return float(cv2.Laplacian(pixels.astype(np.float32), cv2.CV_32F).std())


@pytest.mark.usefixtures("hard")
def test_a_shifted_copy_is_of_the_same_image_pixel_for_pixel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pasting, "SHIFTED_ONLY", 1.0)
    pixels, mask = picture(6), square()
    forgery = copy_move(pixels, mask, np.random.default_rng(1))
    assert np.array_equal(forgery.pixels[~mask], pixels[~mask])
    patch = forgery.pixels[24:32, 20:28]
    found = [
        (row, column)
        for row in range(SIDE - 7)
        for column in range(SIDE - 7)
        if np.array_equal(pixels[row : row + 8, column : column + 8], patch)
    ]
    assert len(found) == 1
    assert np.hypot(found[0][0] - 24, found[0][1] - 20) >= SIDE / 8 - 1


@pytest.mark.usefixtures("hard")
def test_a_copy_is_turned_and_scaled_about_its_place() -> None:
    """The matrix takes the middle to its source, and its neighbors by turn and factor."""
    ramp = np.broadcast_to(np.arange(SIDE)[:, None] * 3, (SIDE, SIDE))
    pixels = np.stack((ramp, ramp.T, np.zeros_like(ramp)), axis=2).astype(np.uint8)
    middle: NDArray[np.float64] = np.array([32.0, 32.0])
    moved = pasting._warped(
        pixels, middle, np.array([20.0, 40.0]), np.random.default_rng(0), turn=np.pi / 2, factor=2.0
    )
    assert moved[32, 32, :2].tolist() == [120, 60]  # row 40, column 20
    right = moved[32, 36, :2].astype(int) - [120, 60]  # four to the right there is two down here
    assert np.abs(right - [6, 0]).max() <= 1


def test_copies_differ_from_what_was_there() -> None:
    pixels, mask = picture(7), square()
    for seed in range(20):
        forgery = copy_move(pixels, mask, np.random.default_rng(seed))
        inside = inner(forgery.truth)
        assert np.abs(forgery.pixels[inside].astype(int) - pixels[inside]).mean() > 5
        assert np.array_equal(forgery.pixels[outer(mask)], pixels[outer(mask)])


def test_a_flat_hole_has_one_color_or_a_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, mask = picture(8), square()
    monkeypatch.setattr(pasting, "GRADIENT", 0.0)
    colors = set()
    for seed in range(40):
        forgery = flat(pixels, mask, np.random.default_rng(seed))
        assert np.array_equal(forgery.pixels[~mask], pixels[~mask])
        (color,) = np.unique(forgery.pixels[mask], axis=0)
        colors.add(tuple(color))
    assert tuple(np.rint(pixels[~mask].mean(axis=0)).astype(int)) in colors
    assert len(colors) > 15
    monkeypatch.setattr(pasting, "GRADIENT", 1.0)
    sloping = flat(pixels, mask, np.random.default_rng(1)).pixels
    assert len(np.unique(sloping[mask], axis=0)) > 5
    assert detail_of(np.where(mask[..., None], sloping, 0)[22:42, 18:38]) < 2
