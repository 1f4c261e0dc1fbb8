"""Mask files: read, brought to size by nearest neighbour, binarised, and their polarity settled."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.core.pictures import MOST_PIXELS, centre_square, open_upright
from benchmark.core.types import Mask

Polarity = Literal["auto", "white-hole", "black-hole"]
REVISION = 1  # raised whenever the same file gives another mask
SUSPICIOUS = 0.6  # a folder whose median share is above this is probably inverted
SLACK = 0.05  # how far the mean of a folder's masks may lie outside the band that its name states
_BAND = re.compile(r"(\d{1,2})\s*[-_]\s*(\d{1,3})\s*%?", re.ASCII)
Grey = NDArray[np.uint8]  # (H, W)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskFile:
    """A mask file and how much of it is white.

    Attributes:
        path: the file.
        white: share of the pixels that are white, at evaluation size.
        inverted: whether black is the hole.
    """

    path: Path
    white: float
    inverted: bool = False

    @property
    def share(self) -> float:
        """The hole's share."""
        return 1 - self.white if self.inverted else self.white


def read_white(path: Path, most: int = MOST_PIXELS) -> Mask:
    """Where a mask file's first channel is 128 or more, (H, W) bool at the file's own size.

    Args:
        path: the file.
        most: pixels; a mask that has more is refused before it is decoded.

    Raises:
        DataError: if it cannot be read as a picture.
    """
    return _first_channel(open_upright(path, most)) >= 128


def at_size(white: Mask, size: tuple[int, int], *, picture: tuple[int, int] | None) -> Mask:
    """Bring a mask to a picture's evaluation size by nearest neighbour.

    Args:
        white: (H, W) bool at the file's own size.
        size: height and width at evaluation size.
        picture: height and width, as filed, of the picture that the mask was made for: it must have
            their proportions, and is cropped to its centre square where the picture is. None for a
            mask that was made for no picture, and takes the proportions of any.

    Returns:
        (*size) bool.

    Raises:
        DataError: if the mask has other proportions than its picture.
    """
    grey = white.astype(np.uint8)
    if picture is not None:
        _refuse_other_shape(white.shape, picture)
        if size[0] == size[1]:
            grey = centre_square(grey)
    if grey.shape == size:
        return grey > 0
    resized = Image.fromarray(grey).resize((size[1], size[0]), Image.Resampling.NEAREST)
    return np.asarray(resized) > 0


def settle_polarity(files: Iterable[MaskFile], folder: Path, polarity: Polarity) -> list[MaskFile]:
    """Decide which colour is the hole.

    Raises:
        DataError: if `polarity` is "auto" and the masks look inverted but no folder's name says so.
    """
    found = list(files)
    if polarity != "auto":
        return [_turned(file, inverted=polarity == "black-hole") for file in found]
    settled: list[MaskFile] = []
    for place in sorted({file.path.parent for file in found}):
        group = [file for file in found if file.path.parent == place]
        settled += [_turned(file, inverted=_inverted(place, group)) for file in group]
    unnamed = [file.share for file in settled if _stated(file.path.parent) is None]
    if unnamed and median(unnamed) > SUSPICIOUS:
        raise DataError(
            f"{folder}: half of the masks cover more than {median(unnamed):.0%} of the picture; "
            "say with --mask-polarity white-hole or black-hole which colour is the hole"
        )
    return sorted(settled, key=lambda file: file.path)


def _refuse_other_shape(mask: tuple[int, int], picture: tuple[int, int]) -> None:
    """Proportions may differ by the pixel that rounding a side costs, as 481x321 and 512x342 do."""
    if abs(mask[0] * picture[1] - mask[1] * picture[0]) > max(*mask, *picture) // 2:
        raise DataError(
            "image and mask of different shape: the image has "
            f"{picture[1]}x{picture[0]} pixels, the mask {mask[1]}x{mask[0]}"
        )


def _first_channel(picture: Image.Image) -> Grey:
    if picture.mode.startswith("I"):
        values = np.asarray(picture).astype(np.int64)
        deep = values.max() > 255
        return np.clip(values // 257 if deep else values, 0, 255).astype(np.uint8)
    if picture.mode in ("1", "L", "LA", "La"):
        return np.asarray(picture.convert("L"))
    return np.asarray(picture.convert("RGB"))[..., 0]


def _turned(file: MaskFile, *, inverted: bool) -> MaskFile:
    return MaskFile(path=file.path, white=file.white, inverted=inverted)


def _stated(place: Path) -> tuple[float, float] | None:
    """The band that a folder's name states, such as "10-20", as shares."""
    match = _BAND.fullmatch(place.name.strip())
    low, high = (int(part) / 100 for part in match.groups()) if match else (0, 0)
    return (low, high) if low < high <= 1 else None


def _inverted(place: Path, group: list[MaskFile]) -> bool:
    band = _stated(place)
    if band is None:
        return False
    white = mean(file.white for file in group)
    as_white, as_black = _outside(white, band), _outside(1 - white, band)
    if min(as_white, as_black) > SLACK:
        raise DataError(
            f"{place}: the masks are {white:.0%} white on average, which fits the folder's name in "
            "neither polarity; say with --mask-polarity white-hole or black-hole which is the hole"
        )
    return as_black < as_white


def _outside(share: float, band: tuple[float, float]) -> float:
    return max(band[0] - share, share - band[1], 0.0)
