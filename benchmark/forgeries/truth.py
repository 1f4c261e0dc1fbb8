"""Pixels of an item: its image, and which of its pixels are forged."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import DataError
from benchmark.core.images import MOST_PIXELS, image_shape, open_upright, read_image
from benchmark.core.levels import is_deep
from benchmark.core.types import Mask, Pixels
from benchmark.forgeries.item import ByteSource, ForgeryItem, TruthRule
from benchmark.masks.files import read_white

_ABOVE = {"nonzero": 0, "above-10": 10, "above-25": 25}


def read_pixels(item: ForgeryItem, most: int = MOST_PIXELS, *, sha256: str = "") -> Pixels:
    """Read an item's image as upright 8-bit RGB.

    Args:
        item: whose image.
        most: pixels; an image that has more is refused before it is decoded.
        sha256: of the bytes that are to be decoded, or "" for any.

    Returns:
        (H, W, 3) uint8 in [0, 255].

    Raises:
        FileChanged: if it holds other bytes.
        DataError: if it cannot be read as an image.
    """
    with item.image.as_file() as path:
        try:
            return read_image(path, most, sha256=sha256)
        except DataError as error:
            raise _named(error, path, item.image) from None


def pixels_shape(item: ForgeryItem, most: int = MOST_PIXELS) -> tuple[int, int]:
    """Return height and width of an item's image, upright; most formats are not decoded for it.

    Raises:
        DataError: if it cannot be read as an image.
    """
    with item.image.as_file() as path:
        try:
            return image_shape(path, most)
        except DataError as error:
            raise _named(error, path, item.image) from None


def read_truth(
    item: ForgeryItem, shape: tuple[int, int] | None = None, most: int = MOST_PIXELS
) -> Mask:
    """Read which pixels of an item are forged.

    Args:
        item: whose truth; of an authentic image no pixel is forged.
        shape: height and width of its image, or None to look.
        most: pixels; a truth that has more is refused before it is decoded.

    Returns:
        (H, W) bool, True = forged.

    Raises:
        DataError: if a forged image has no truth, its truth cannot be read, has another shape than
            the image, or is empty.
    """
    shape = pixels_shape(item, most) if shape is None else shape
    if item.authentic:
        return np.zeros(shape, np.bool_)
    if item.truth == "all":
        return np.ones(shape, np.bool_)
    if item.mask is None:
        raise DataError(f"{item.name}: no truth: it is not known which pixels are forged")
    with item.mask.as_file() as path:
        try:
            forged = _forged(path, item.truth, most)
        except DataError as error:
            raise _named(error, path, item.mask) from None
    if forged.shape != shape:
        raise DataError(
            f"{item.mask.label}: truth of another shape: the image has {shape[1]}x{shape[0]} "
            f"pixels, the truth {forged.shape[1]}x{forged.shape[0]}"
        )
    if not forged.any():
        raise DataError(f"{item.mask.label}: empty truth: no pixel is marked as forged")
    return forged


def _forged(path: Path, rule: TruthRule, most: int) -> Mask:
    if rule in ("white", "black"):
        white = read_white(path, most)
        return white if rule == "white" else ~white
    channels = _channels(path, most)
    if rule == "green":
        return channels[..., 1] > channels[..., 0]
    return cast(Mask, channels.max(axis=2) > _ABOVE[rule])


def _channels(path: Path, most: int) -> NDArray[np.uint8]:
    """Read a truth's file as (H, W, 3) uint8 RGB; transparency, which no reader reads, is gone."""
    picture = open_upright(path, most)
    if is_deep(picture):
        return read_image(path, most)
    return np.asarray(picture.convert("RGB"))


def _named(error: DataError, path: Path, source: ByteSource) -> DataError:
    """Return an error that names the source, where its bytes lay in a temporary file."""
    if str(path) == source.label or not str(error).startswith(str(path)):
        return error
    return DataError(source.label + str(error).removeprefix(str(path)))
