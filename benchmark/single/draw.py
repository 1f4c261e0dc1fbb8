"""Heatmaps and overlays as images."""

from __future__ import annotations

import base64
from functools import cache
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.paths import atomic
from benchmark.core.types import Mask, Pixels

HIGHLIGHT = (255, 40, 40)  # laid over what is likely manipulated
OUTLINE = (255, 230, 0)  # around the heatmap above 0.5
TRUTH = (255, 255, 255)  # around the truth
_OPACITY = 0.55  # of the highlight where the probability is 1
_LINE = 400  # an outline is one pixel wide for so many pixels of the longer side
_ROWS = 512  # of an image that are blended at once, to bound the memory


@cache
def _colors() -> NDArray[np.uint8]:
    """(256, 3) uint8, viridis."""
    colors: NDArray[np.uint8] = np.rint(colormaps["viridis"](np.arange(256))[:, :3] * 255).astype(
        np.uint8
    )
    return colors


def heatmap_image(heatmap: NDArray[np.float32]) -> Pixels:
    """(H, W) float32 in [0, 1] as (H, W, 3) uint8 in viridis: dark blue = 0, yellow = 1."""
    return _colors()[np.rint(heatmap * 255).astype(np.uint8)]


def overlay_image(
    pixels: Pixels, heatmap: NDArray[np.float32], *, truth: Mask | None = None
) -> Pixels:
    """Lay a heatmap over its image.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        heatmap: (H, W) float32 in [0, 1].
        truth: (H, W) bool, True = manipulated, or None.

    Returns:
        (H, W, 3) uint8: red by probability, a yellow outline around what is above 0.5, a white one
        around the truth.
    """
    result = np.empty_like(pixels)
    for top in range(0, len(pixels), _ROWS):
        rows = slice(top, top + _ROWS)
        opacity = _OPACITY * heatmap[rows, :, None]
        blended = pixels[rows] * (1 - opacity) + np.asarray(HIGHLIGHT, dtype=np.float32) * opacity
        result[rows] = np.rint(blended)
    thickness = max(1, max(pixels.shape[:2]) // _LINE)
    result[outline(heatmap > 0.5, thickness)] = OUTLINE
    if truth is not None and truth.shape == heatmap.shape:
        result[outline(truth, thickness)] = TRUTH
    return result


def outline(mask: Mask, thickness: int = 1) -> Mask:
    """The inner edge of a mask, (H, W) bool, `thickness` pixels wide, at the border too."""
    kernel = np.ones((2 * thickness + 1, 2 * thickness + 1), dtype=np.uint8)
    eroded = cv2.erode(
        mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=(0,)
    )
    edge: Mask = mask & (eroded == 0)
    return edge


def save_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write an image as PNG, without metadata, whole or not at all.

    Raises:
        OutputError: if it cannot be written.
    """
    with atomic(path) as draft:
        Image.fromarray(pixels).save(draft, format="PNG")


def save_arrays(path: Path, heatmap: NDArray[np.float32], score: float) -> None:
    """Write a heatmap and its score as .npz, as `--detector heatmaps:DIR` reads it.

    Raises:
        OutputError: if it cannot be written.
    """
    with atomic(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, map=heatmap, score=np.float32(score))


def data_uri(pixels: Pixels, side: int, *, quality: int = 88) -> str:
    """An image as a data URI (WebP), reduced to at most `side` pixels a side."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    content = BytesIO()
    image.save(content, format="WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(content.getvalue()).decode("ascii")
