"""Small images of a run for pages: images and holes as WebP, heatmaps as JPEG."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.errors import OutputError
from benchmark.core.types import Mask, Pixels
from benchmark.results.images import color_probabilities, probabilities

_Kind = TypeVar("_Kind", np.uint8, np.float32)

HEATMAP_SIDE = 96  # longer side of a heatmap in pixels: heatmaps are smooth
_QUALITY = 69
_JPEG = [
    cv2.IMWRITE_JPEG_QUALITY, 37, cv2.IMWRITE_JPEG_OPTIMIZE, 1,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]  # fmt: skip
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_WHITE = 255  # color of the hole, as in the paper's figures


def thumbnail(pixels: Pixels, side: int) -> bytes:
    """Encode an image as WebP, at most `side` pixels on its longer side; never enlarged.

    Args:
        pixels: (H, W, 3) uint8.
        side: largest length of the longer side.
    """
    image, content = Image.fromarray(_reduced(pixels, side)), BytesIO()
    image.save(content, format="WEBP", quality=_QUALITY, method=2)  # 4 takes twice as long
    return content.getvalue()


def heatmap_thumbnail(logits: NDArray[np.float16], mask: Mask | None) -> bytes:
    """Encode a heatmap as JPEG, at most `HEATMAP_SIDE` pixels long, with the edge of the hole.

    Probabilities are resized before they are colored: a seventh of the pixels to color. JPEG with
    colors in full resolution is as small as WebP for these, closer to them, and takes a fifth of
    the time.

    Args:
        logits: (H, W) float16.
        mask: (H', W') bool, the hole, whose edge is drawn as a white line; None for no line.
    """
    pixels = color_probabilities(_reduced(probabilities(logits), HEATMAP_SIDE))
    if mask is not None:
        pixels = with_edge(pixels, mask)
    done, content = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), _JPEG)
    if not done:
        raise OutputError("a heatmap could not be encoded as JPEG")
    return content.tobytes()


def data_uri(content: bytes) -> str:
    """Return a thumbnail's file, WebP or JPEG, as a data URI."""
    kind = "jpeg" if content.startswith(b"\xff\xd8") else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def with_hole(image: Pixels, mask: Mask) -> Pixels:
    """Return an image with a white hole, as in the paper's figures.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) bool, True = hole.

    Returns:
        (H, W, 3) uint8.
    """
    return np.where(mask[..., None], np.uint8(_WHITE), image)


def truth_image(mask: Mask) -> Pixels:
    """Return a mask, (H, W) bool, as an image, (H, W, 3) uint8: white = forged."""
    return np.repeat((mask * np.uint8(_WHITE))[..., None], 3, axis=2)


def with_edge(pixels: Pixels, mask: Mask) -> Pixels:
    """Return a heatmap with the edge of the hole as a white line, one pixel wide.

    Args:
        pixels: (H, W, 3) uint8.
        mask: (H', W') bool, True = hole; resized to (H, W) by nearest neighbor.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = pixels.shape[:2]
    small = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    inside = cv2.erode(small, _CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    found = pixels.copy()
    found[small > inside] = _WHITE
    return found


def _reduced(values: NDArray[_Kind], side: int) -> NDArray[_Kind]:
    """Return an image or a map, (H, W, 3) or (H, W), at most `side` long; never enlarged."""
    height, width = values.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return values
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)  # averages areas
    return np.asarray(small, dtype=values.dtype)
