"""Random post-processing of whole images: resizing, blur, median, sharpening, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmark.core.types import Mask, Pixels
from benchmark.training.data.options import Postprocessing

Grain = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """A forged or authentic image, and its ground truth.

    Attributes:
        pixels: (H, W, 3) uint8 RGB; known pixels are equal to the original image, except at the
            feathered rim of some splices and copy-moves.
        truth: (H, W) bool, True = forged; all False for an authentic image.
    """

    pixels: Pixels
    truth: Mask


def postprocess(
    forgery: Forgery, options: Postprocessing, draw: np.random.Generator, *, min_side: int
) -> Forgery:
    """Apply random post-processing to a whole image.

    In this order, each with its own probability: resizing, blur, median filter, sharpening, noise,
    JPEG compression.

    Args:
        forgery: the image and its truth; the truth is resized with it.
        options: probabilities and ranges.
        draw: random generator.
        min_side: short side below which the image is not downscaled.

    Returns:
        The processed image and truth; equal to the input where no operation is sampled.
    """
    pixels, truth = forgery.pixels, forgery.truth
    rolls = draw.random(4)
    if rolls[0] < options.resize[0]:
        pixels, truth = _resize(pixels, truth, draw.uniform(*options.resize[1:]), min_side)
    if rolls[1] < options.blur[0]:
        pixels = blur(pixels, draw.uniform(0.2, options.blur[1]))
    if options.median and draw.random() < options.median:
        pixels = np.asarray(cv2.medianBlur(pixels, 3), dtype=np.uint8)
    if options.sharpen[0] and draw.random() < options.sharpen[0]:
        pixels = sharpen(pixels, draw.uniform(0.2, options.sharpen[1]))
    if rolls[2] < options.noise[0]:
        spread = draw.uniform(0, options.noise[1])
        gray = bool(options.grey) and draw.random() < options.grey
        pixels = eight_bits(pixels + np.float32(spread) * grain(truth.shape, draw, gray=gray))
    if rolls[3] < options.jpeg[0]:
        pixels = compress(pixels, int(draw.integers(options.jpeg[1], options.jpeg[2] + 1)))
    return Forgery(pixels=pixels, truth=truth)


def grain(shape: tuple[int, ...], draw: np.random.Generator, *, gray: bool) -> Grain:
    """White Gaussian noise of standard deviation 1.

    Args:
        shape: height and width.
        draw: random generator.
        gray: whether it is equal in the three channels.

    Returns:
        (H, W, 1) if gray, else (H, W, 3), float32.
    """
    return draw.standard_normal((*shape[:2], 1 if gray else 3), dtype=np.float32)


def blur(pixels: Pixels, sigma: float) -> Pixels:
    """Gaussian blur of an (H, W, 3) uint8 image; `sigma` in pixels."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), dtype=np.uint8)


def sharpen(pixels: Pixels, amount: float) -> Pixels:
    """Unsharp masking of an (H, W, 3) uint8 image: add `amount` of the detail above 1 pixel."""
    values = pixels.astype(np.float32)
    return eight_bits(values + np.float32(amount) * (values - cv2.GaussianBlur(values, (0, 0), 1)))


def compress(pixels: Pixels, quality: int) -> Pixels:
    """Encode an (H, W, 3) uint8 RGB image as JPEG (OpenCV, 4:2:0) and decode it."""
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, file = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def eight_bits(values: NDArray[Any]) -> Pixels:
    """Round numbers of any shape half to even, and clip: uint8 in [0, 255] of the same shape."""
    pixels: Pixels = np.rint(values).clip(0, 255).astype(np.uint8)
    return pixels


def _resize(pixels: Pixels, truth: Mask, factor: float, min_side: int) -> tuple[Pixels, Mask]:
    factor = max(factor, min_side / min(truth.shape))
    height, width = (round(length * factor) for length in truth.shape)
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(pixels, (width, height), interpolation=way)
    moved = cv2.resize(truth.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(resized, dtype=np.uint8), moved > 0
