"""The one rule of what a grey level means: how large white is, told by an image's largest level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.errors import DataError

TWELVE_BITS = 4095
_DARKEST = (
    16  # of 256 levels: an image that has none as large is all but black, or on another scale
)
ROUNDING = 1e-3  # by which a float may leave [0, 1]: a step of half precision at 1


def is_deep(picture: Image.Image) -> bool:
    """Whether an image has grey of more than 8 bits: whole numbers of 16 or 32, or floats."""
    return picture.mode.startswith(("I", "F"))


def full_level(values: NDArray[Any], path: Path) -> int:
    """Which level of deep grey is white: 1, 255 or 65535.

    Floats up to 1 mean 0 to 1; levels up to 255, of whatever type, mean 0 to 255 (a 16-bit file
    whose levels are all below is black else), but for floats below 16; all above mean 0 to 65535,
    but for those up to 4095: they are 10 or 12 bits, or an image that is all but black. Where
    every level is 0 it is the type's own.

    Args:
        values: (H, W) whole numbers or floats.
        path: the file they are from, to be named.

    Raises:
        DataError: if they are no such levels; the message has the least and the largest.
    """
    low, high = float(values.min()), float(values.max())
    floats = values.dtype.kind == "f"
    slack = ROUNDING if floats else 0.0
    between = floats and 1 + slack < high < _DARKEST  # too large for 0 to 1, too small for 0 to 255
    if not np.isfinite(values).all() or low < -slack or high > 65535 or between:
        raise DataError(
            f"{path}: grey levels from {low:g} to {high:g}, expected 0 to 1 (floats), 0 to 255 or "
            "0 to 65535; save it as 8-bit grey"
        )
    if 255 < high <= TWELVE_BITS:
        raise DataError(
            f"{path}: grey levels up to {high:g} of 65535, as 10 or 12 bits in a file of 16 have; "
            "save it as 8-bit grey"
        )
    if floats and high <= 1 + slack:
        return 1
    return 255 if 0 < high <= 255 else 65535


def is_deep_color(file: Image.Image) -> bool:
    """Whether a file that is not decoded yet has colour of 16 bits, of which Pillow keeps 8."""
    tiles = getattr(file, "tile", ())
    return not is_deep(file) and any(";16" in str(tile[3]) for tile in tiles)


def refuse_dark_color(picture: Image.Image, path: Path) -> None:
    """Refuse colour of 16 bits whose levels stay below 4096, as those of 8 to 12 bits do.

    Args:
        picture: decoded, with the upper bytes alone.
        path: the file, to be named.

    Raises:
        DataError: if no channel but transparency reaches that level.
    """
    bands = zip(picture.getbands(), picture.split(), strict=True)
    high = max(int(np.asarray(band).max()) for name, band in bands if name != "A")
    if high < _DARKEST:
        raise DataError(
            f"{path}: colour of 16 bits with no level of {256 * _DARKEST} or more of 65535, as 8, "
            "10 or 12 bits in a file of 16 have; save it with 8 bits a channel"
        )
