"""What happens to whole images, forged or not: resized, filtered, noisy, compressed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmark.core.types import Mask, Pixels
from benchmark.training.data.options import Laundering

Grain = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """An image as its forger published it.

    Attributes:
        pixels: (H, W, 3) uint8 RGB; known pixels are the image's, bit for bit, but for the
            feathered rim of some splices and copy-moves.
        truth: (H, W) bool, True = forged; nowhere for an authentic image.
    """

    pixels: Pixels
    truth: Mask


def launder(
    forgery: Forgery, laundering: Laundering, draw: np.random.Generator, *, least: int
) -> Forgery:
    """Treat a whole image as a publisher would.

    In this order, each with its own probability: resized, blurred, filtered by the median,
    sharpened, noisy, compressed.

    Args:
        forgery: the image and its truth; the truth is resized with it.
        laundering: probabilities and ranges.
        draw: where the choices come from.
        least: short side below which the image is not shrunk.

    Returns:
        A new image; the same where nothing was drawn.
    """
    pixels, truth = forgery.pixels, forgery.truth
    happens = draw.random(4)
    if happens[0] < laundering.resize[0]:
        pixels, truth = _resize(pixels, truth, draw.uniform(*laundering.resize[1:]), least)
    if happens[1] < laundering.blur[0]:
        pixels = blur(pixels, draw.uniform(0.2, laundering.blur[1]))
    if laundering.median and draw.random() < laundering.median:
        pixels = np.asarray(cv2.medianBlur(pixels, 3), dtype=np.uint8)
    if laundering.sharpen[0] and draw.random() < laundering.sharpen[0]:
        pixels = sharpen(pixels, draw.uniform(0.2, laundering.sharpen[1]))
    if happens[2] < laundering.noise[0]:
        spread = draw.uniform(0, laundering.noise[1])
        grey = bool(laundering.grey) and draw.random() < laundering.grey
        pixels = eight_bits(pixels + np.float32(spread) * grain(truth.shape, draw, grey=grey))
    if happens[3] < laundering.jpeg[0]:
        pixels = compress(pixels, int(draw.integers(laundering.jpeg[1], laundering.jpeg[2] + 1)))
    return Forgery(pixels=pixels, truth=truth)


def grain(shape: tuple[int, ...], draw: np.random.Generator, *, grey: bool) -> Grain:
    """White Gaussian noise of deviation 1.

    Args:
        shape: height and width.
        draw: where it comes from.
        grey: whether it is the same in the three channels.

    Returns:
        (H, W, 1) where it is grey, else (H, W, 3), float32.
    """
    return draw.standard_normal((*shape[:2], 1 if grey else 3), dtype=np.float32)


def blur(pixels: Pixels, sigma: float) -> Pixels:
    """A Gaussian of `sigma` pixels, on 8 bits."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), dtype=np.uint8)


def sharpen(pixels: Pixels, amount: float) -> Pixels:
    """Add `amount` of the detail that a Gaussian of one pixel takes away."""
    values = pixels.astype(np.float32)
    return eight_bits(values + np.float32(amount) * (values - cv2.GaussianBlur(values, (0, 0), 1)))


def compress(pixels: Pixels, quality: int) -> Pixels:
    """Write as a JPEG and read again, by OpenCV's encoder (4:2:0)."""
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, file = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def eight_bits(values: NDArray[Any]) -> Pixels:
    """Levels of any size as the nearest 8-bit ones, halves to the even."""
    pixels: Pixels = np.rint(values).clip(0, 255).astype(np.uint8)
    return pixels


def _resize(pixels: Pixels, truth: Mask, factor: float, least: int) -> tuple[Pixels, Mask]:
    height, width = (max(round(length * factor), least) for length in truth.shape)
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(pixels, (width, height), interpolation=way)
    moved = cv2.resize(truth.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(resized, dtype=np.uint8), moved > 0
