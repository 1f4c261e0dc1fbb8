"""The range of gray levels in images of more than 8 bits, inferred from their largest level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.errors import DataError

TWELVE_BITS = 4095
_DARKEST = 16  # of 256 levels: an image whose levels are all below is black, or has another range
ROUNDING = 1e-3  # tolerance of floats beyond [0, 1]: one half-precision step at 1


def is_deep(image: Image.Image) -> bool:
    """Whether an image is gray with more than 8 bits: 16- or 32-bit integers, or floats."""
    return image.mode.startswith(("I", "F"))


def full_level(values: NDArray[Any], path: Path) -> int:
    """Return the white level of deep gray: 1, 255 or 65535.

    Floats up to 1 have the range 0 to 1. Levels up to 255 of any type have the range 0 to 255 (a
    16-bit file with no level above would be black otherwise), except for floats between 1 and 16,
    which are refused. Larger levels have the range 0 to 65535, except for those up to 4095, which
    are refused: they have 10 or 12 bits, or are almost black. If all levels are 0, the range is
    that of the type.

    Args:
        values: (H, W) integers or floats.
        path: the file, for messages.

    Raises:
        DataError: if the levels fit no such range; the message has the smallest and the largest.
    """
    low, high = float(values.min()), float(values.max())
    floats = values.dtype.kind == "f"
    slack = ROUNDING if floats else 0.0
    between = floats and 1 + slack < high < _DARKEST  # too large for 0 to 1, too small for 0 to 255
    if not np.isfinite(values).all() or low < -slack or high > 65535 or between:
        raise DataError(
            f"{path}: gray levels from {low:g} to {high:g}, expected 0 to 1 (floats), 0 to 255 or "
            "0 to 65535; save it as 8-bit gray"
        )
    if 255 < high <= TWELVE_BITS:
        raise DataError(
            f"{path}: gray levels up to {high:g} of 65535, as of 10 or 12 bits in a 16-bit file; "
            "save it as 8-bit gray"
        )
    if floats and high <= 1 + slack:
        return 1
    return 255 if 0 < high <= 255 else 65535


def is_deep_color(file: Image.Image) -> bool:
    """Whether a file that is not decoded yet has 16-bit color, of which Pillow keeps 8 bits."""
    tiles = getattr(file, "tile", ())
    return not is_deep(file) and any(";16" in str(tile[3]) for tile in tiles)


def refuse_dark_color(image: Image.Image, path: Path) -> None:
    """Refuse 16-bit color with no level of 4096 or more, as of 8 to 12 bits in a 16-bit file.

    Args:
        image: decoded, with the upper bytes alone.
        path: the file, for messages.

    Raises:
        DataError: if no channel except alpha reaches that level.
    """
    bands = zip(image.getbands(), image.split(), strict=True)
    high = max(int(np.asarray(band).max()) for name, band in bands if name != "A")
    if high < _DARKEST:
        raise DataError(
            f"{path}: 16-bit color with no level of {256 * _DARKEST} or more of 65535, as of 8, 10 "
            "or 12 bits in a 16-bit file; save it with 8 bits per channel"
        )
