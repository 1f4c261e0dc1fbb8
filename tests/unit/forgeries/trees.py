"""Made-up trees of files: tiny images and truths, written where a layout expects them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 8, 12
SHAPE = (HEIGHT, WIDTH)
FORGED = (slice(2, 5), slice(3, 9))  # where every truth of these trees is forged
Maker = Callable[[Path], None]


def forged() -> np.ndarray:
    """What `read_truth` has to return, (H, W) bool."""
    truth = np.zeros(SHAPE, np.bool_)
    truth[FORGED] = True
    return truth


def image(path: Path, *, level: int = 90, size: tuple[int, int] = SHAPE) -> None:
    pixels = np.full((*size, 3), level, np.uint8)
    pixels[:, ::2, 0] = len(path.name) % 200
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def mask(path: Path, *, inside: int = 255, outside: int = 0, size: tuple[int, int] = SHAPE) -> None:
    gray = np.full(size, outside, np.uint8)
    gray[FORGED] = inside
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(gray).save(path)


def edges(path: Path) -> None:
    """An edge mask of Columbia's: red and green, as a JPEG file."""
    colors = np.zeros((*SHAPE, 3), np.uint8)
    colors[..., 0] = 200
    colors[FORGED] = (0, 200, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colors).save(path, quality=100, subsampling=0)


def make(root: Path, images: tuple[str, ...] = (), masks: tuple[str, ...] = ()) -> Path:
    """Write images and white-on-black truths below a folder."""
    for name in images:
        image(root / name)
    for name in masks:
        mask(root / name)
    return root
