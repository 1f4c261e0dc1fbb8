"""Decode any image file to upright 8-bit RGB at evaluation size.

The rules, in order: the first frame; rotated by its EXIF orientation (values other than 1 to 8 are
ignored); gray of more than 8 bits scaled to 8 by its largest level (`core.levels`), halves rounded
up; 16-bit color truncated to its upper byte, which is how Pillow reads it, and refused if that is
all but black; palettes looked up; transparency composited over white; CMYK and all other color
spaces converted by Pillow; gray repeated to three channels. Color profiles are not applied.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from benchmark.core.errors import DataError
from benchmark.core.image_files import is_image, list_images, named_images
from benchmark.core.image_open import MOST_PIXELS, SUFFIXES, image_shape, open_image
from benchmark.core.levels import full_level, is_deep, is_deep_color, refuse_dark_color
from benchmark.core.types import Pixels

__all__ = [  # the modules beside this one hold some of them; data sets import them all from here
    "MOST_PIXELS", "REVISION", "SUFFIXES", "center_square", "fit", "image_shape", "is_image",
    "is_transparent", "list_images", "named_images", "open_upright", "read_image", "reading_of",
]  # fmt: skip

REVISION = 1  # raised whenever the same file decodes to other pixels


def read_image(path: Path, most: int = MOST_PIXELS, *, sha256: str = "") -> Pixels:
    """Read an image as upright 8-bit RGB.

    Args:
        path: the file.
        most: maximum number of pixels; a larger image is refused before it is decoded.
        sha256: expected SHA-256 of the file, or "" for any.

    Returns:
        (H, W, 3) uint8.

    Raises:
        FileChanged: if the file's SHA-256 differs from `sha256`.
        DataError: if it is missing, truncated, not an image, or too large.
    """
    image = open_upright(path, most, sha256=sha256)
    if is_deep(image):
        return _from_deep_gray(image, path)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))


def open_upright(path: Path, most: int = MOST_PIXELS, *, sha256: str = "") -> Image.Image:
    """Open and decode an image, rotated by its EXIF orientation.

    Args:
        path: the file.
        most: maximum number of pixels; a larger image is refused before it is decoded.
        sha256: expected SHA-256 of the file, or "" for any.

    Raises:
        FileChanged: if the file's SHA-256 differs from `sha256`.
        DataError: if it is missing, truncated, not an image, or too large.
    """
    with open_image(path, most, sha256, whole=True) as file:
        deep = is_deep_color(file)
        file.load()
        if deep:
            refuse_dark_color(file, path)
        return ImageOps.exif_transpose(file)


def is_transparent(path: Path, most: int = MOST_PIXELS) -> bool:
    """Whether any pixel is not opaque; an image without an alpha channel is not decoded.

    Raises:
        DataError: if the file cannot be read as an image.
    """
    with open_image(path, most) as file:
        if "A" not in file.getbands() and "transparency" not in file.info:
            return False
        file.load()
        return bool((np.asarray(file.convert("RGBA"))[..., 3] != 255).any())


def reading_of(path: Path, most: int = MOST_PIXELS) -> str:
    """Return how an image is decoded if that changed between versions; part of its sample's key.

    Returns:
        "" for all images but deep gray without a level above 255, which earlier versions read as
        black; only files that can be deep gray are decoded.
    """
    try:
        state = path.stat()
        return _reading_of(path, (state.st_size, state.st_mtime_ns), most)
    except (DataError, OSError):  # raised again where the image is read
        return ""


@lru_cache(maxsize=1 << 16)
def _reading_of(path: Path, state: tuple[int, int], most: int) -> str:
    if not _may_be_deep(path):
        return ""
    with open_image(path, most) as file:
        if not is_deep(file):
            return ""
    image = open_upright(path, most)
    return " levels to 255" if full_level(np.asarray(image), path) == 255 else ""


def _may_be_deep(path: Path) -> bool:
    """Whether the file's first bytes are of 16-bit gray PNG, TIFF, JPEG 2000 or PGM."""
    with path.open("rb") as file:
        head = file.read(26)
    if head.startswith(b"\x89PNG"):
        return head[24:26] == b"\x10\x00"
    return head.startswith((b"II", b"MM", b"P2", b"P5", b"\0\0\0\x0cjP", b"\xff\x4f"))


def _from_deep_gray(image: Image.Image, path: Path) -> Pixels:
    """Scale gray of more than 8 bits to (H, W, 3) uint8."""
    values = np.asarray(image).astype(np.float64)
    full = full_level(np.asarray(image), path)
    if full == 1:
        values, full = np.clip(values, 0, 1) * 65535, 65535
    gray = np.floor(values / (full // 255) + 0.5).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)


def fit(pixels: Pixels, size: int | None) -> Pixels:
    """Center-crop to a square and resize by Pillow's bicubic filter, as the paper's program does.

    Args:
        pixels: (H, W, 3) uint8.
        size: side of the result, or None to return the image unchanged.

    Returns:
        (size, size, 3) uint8, or `pixels` itself.
    """
    if size is None or pixels.shape[:2] == (size, size):
        return pixels
    square = center_square(pixels)
    if square.shape[:2] == (size, size):
        return np.ascontiguousarray(square)
    resized = Image.fromarray(square).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def center_square(pixels: Pixels) -> Pixels:
    """Return the central square of (H, W, ...) as a view; an odd extra pixel is cut at the end."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]
