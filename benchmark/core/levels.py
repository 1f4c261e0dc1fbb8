"""The one rule of what a grey level means: how large white is, told by an image's largest level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.errors import DataError

TWELVE_BITS = 4095
ROUNDING = 1e-3  # by which a float may leave [0, 1]: a step of half precision at 1


def is_deep(picture: Image.Image) -> bool:
    """Whether an image has grey of more than 8 bits: whole numbers of 16 or 32, or floats."""
    return picture.mode.startswith(("I", "F"))


def full_level(values: NDArray[Any], path: Path) -> int:
    """Which level of deep grey is white: 1, 255 or 65535.

    Floats up to 1 mean 0 to 1; levels up to 255, of whatever type, mean 0 to 255 (a 16-bit file
    whose levels are all below is black else); all above mean 0 to 65535, but for those up to 4095:
    they are 10 or 12 bits, or an image that is all but black. Where every level is 0 it is the
    type's own.

    Args:
        values: (H, W) whole numbers or floats.
        path: the file they are from, to be named.

    Raises:
        DataError: if they are no such levels; the message has the least and the largest.
    """
    low, high = float(values.min()), float(values.max())
    floats = values.dtype.kind == "f"
    slack = ROUNDING if floats else 0.0
    between = floats and 1 + slack < high < 2  # neither 0 to 1 nor 0 to 255 has this largest level
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
