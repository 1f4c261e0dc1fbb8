"""Forgeries without an inpainter: splices, copy-moves, and holes of one color.

They stand in for the training sets of TruFor and PSCC-Net (CASIA, COCO, FantasticReality, USCISI)
and are made from our images. PSCC-Net's splices are translated, rotated by up to 10 degrees, scaled
by 0.5 to 4 and offset in brightness; its copy-moves come from a published set. Ours are described
below.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmark.core.types import Mask, Pixels
from benchmark.training.data.postprocess import Forgery, blur, compress, eight_bits, grain

HISTORY = 0.4  # probability of each step of a donor's history; at least one is applied
FEATHERED = 0.5  # probability of a soft rim
SHIFTED_ONLY = 0.15  # of copy-moves: neither turned nor scaled, so that nothing is interpolated
GRADIENT = 0.3  # of holes of one color: a gradient to a second color
STEPS = ("gamma", "color", "resample", "blur", "noise", "jpeg")  # in this order


def splice(pixels: Pixels, donor: Pixels, mask: Mask, draw: np.random.Generator) -> Forgery:
    """Paste another image, with another processing history, into the hole.

    Args:
        pixels: (H, W, 3) uint8 RGB, the image around the hole.
        donor: (H, W, 3) uint8 RGB, the image pasted into it.
        mask: (H, W) bool, True = hole.
        draw: random generator.
    """
    return _pasted(pixels, random_history(donor, draw), mask, draw)


def copy_move(pixels: Pixels, mask: Mask, draw: np.random.Generator) -> Forgery:
    """Paste another part of the same image into the hole, rotated and scaled by 0.6 to 1.6.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, True = hole.
        draw: random generator.
    """
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    middle = np.array([columns.mean(), rows.mean()])
    goal = draw.uniform(0.2, 0.8, 2) * (width, height)
    while np.hypot(*(goal - middle)) < min(height, width) / 8:
        goal = draw.uniform(0.1, 0.9, 2) * (width, height)
    if draw.random() < SHIFTED_ONLY:
        turn, factor, goal = 0.0, 1.0, middle + np.rint(goal - middle)
    else:
        turn, factor = draw.uniform(-math.pi, math.pi), math.exp(draw.uniform(-0.5, 0.5))
    moved = _warped(pixels, middle, goal, draw, turn=turn, factor=factor)
    return _pasted(pixels, moved, mask, draw)


def flat(pixels: Pixels, mask: Mask, draw: np.random.Generator) -> Forgery:
    """Fill the hole with one color, or (three in ten) with a gradient to a second one.

    A color is the mean of the known region or of its rim, that of a known pixel, or any.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, True = hole.
        draw: random generator.
    """
    color = _color(pixels, mask, draw)
    filled = np.broadcast_to(color, pixels.shape)
    if draw.random() < GRADIENT:
        height, width = mask.shape
        turn = draw.uniform(-math.pi, math.pi)
        along = np.arange(width) * math.cos(turn) + np.arange(height)[:, None] * math.sin(turn)
        part = (along - along.min()) / np.ptp(along)
        filled = filled + part[..., None] * (_color(pixels, mask, draw) - color)
    return Forgery(pixels=np.where(mask[..., None], eight_bits(filled), pixels), truth=mask.copy())


def random_history(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    """Simulate another camera and processing history.

    Each of `STEPS` is applied with probability `HISTORY`, and at least one of them: gamma 0.6 to
    1.6; gain 0.8 to 1.2 and offset up to 15 levels for each channel; rotation by up to 45 degrees
    and scale 0.6 to 1.6; blur of 0.4 to 1.2 pixels; noise of 1.5 to 6 levels; JPEG of quality 50 to
    92.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        draw: random generator.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    taken = draw.random(len(STEPS)) < HISTORY
    taken[int(draw.integers(len(STEPS)))] = True
    for step in np.flatnonzero(taken):
        pixels = _historic(STEPS[step], pixels, draw)
    return pixels


def _historic(step: str, pixels: Pixels, draw: np.random.Generator) -> Pixels:
    if step == "gamma":
        values = pixels.astype(np.float32) / np.float32(255)
        return eight_bits(255 * np.asarray(values ** math.exp(draw.uniform(-0.5, 0.5)), np.float64))
    if step == "color":
        return eight_bits(pixels * draw.uniform(0.8, 1.2, 3) + draw.uniform(-15, 15, 3))
    if step == "resample":
        middle = np.array(pixels.shape[1::-1]) / 2
        turn, factor = draw.uniform(-math.pi / 4, math.pi / 4), math.exp(draw.uniform(-0.5, 0.5))
        return _warped(pixels, middle, middle, draw, turn=turn, factor=factor)
    if step == "blur":
        return blur(pixels, draw.uniform(0.4, 1.2))
    if step == "noise":
        sigma, gray = np.float32(draw.uniform(1.5, 6)), draw.random() < 0.5
        return eight_bits(pixels + sigma * grain(pixels.shape, draw, gray=gray))
    return compress(pixels, int(draw.integers(50, 93)))


def _warped(
    pixels: Pixels,
    middle: NDArray[np.float64],
    source: NDArray[np.float64],
    draw: np.random.Generator,
    *,
    turn: float,
    factor: float,
) -> Pixels:
    """Rotate and scale an image, such that `source` (x, y) moves to `middle`; radians."""
    turned = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = np.column_stack((turned / factor, source - turned @ middle / factor))
    way = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(draw.integers(2))]
    size, flags = pixels.shape[1::-1], way | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(pixels, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, dtype=np.uint8)


def _pasted(pixels: Pixels, shown: Pixels, mask: Mask, draw: np.random.Generator) -> Forgery:
    """Paste `shown` into the hole; with a soft rim, the truth is where its weight is >= 0.5."""
    if draw.random() < FEATHERED:
        part = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), draw.uniform(0.6, 2.5))
        truth = part >= 0.5
        if truth.any():
            mixed = pixels + part[..., None] * (shown.astype(np.float32) - pixels)
            return Forgery(pixels=eight_bits(mixed), truth=truth)
    return Forgery(pixels=np.where(mask[..., None], shown, pixels), truth=mask.copy())


def _color(pixels: Pixels, mask: Mask, draw: np.random.Generator) -> NDArray[np.float64]:
    kind, chosen = int(draw.integers(4)), ~mask
    if kind == 0:
        return draw.integers(0, 256, 3).astype(np.float64)
    if kind == 1:
        known = np.argwhere(~mask)
        row, column = known[int(draw.integers(len(known)))]
        return np.asarray(pixels[row, column], dtype=np.float64)
    if kind == 2:
        grown = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        chosen = grown & ~mask
    mean: NDArray[np.float64] = np.rint(pixels[chosen].mean(axis=0))
    return mean
