"""Masks of single images: a box, or a mask file checked as `bench run` checks it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from benchmark.core.errors import BadInput, DataError
from benchmark.core.types import Mask
from benchmark.masks.files import MaskFile, Polarity, at_size, read_mask, settle_polarity

_BOX = re.compile(r"\s*(-?\d{1,9})\s*,\s*(-?\d{1,9})\s*,\s*(-?\d{1,9})\s*,\s*(-?\d{1,9})\s*")
POLARITIES: Mapping[str, Polarity] = MappingProxyType(
    {"auto": "auto", "white-hole": "white-hole", "black-hole": "black-hole"}
)
_CENTER = 3  # a centered box has a side of one in so many of the image's


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels that stands for a mask.

    Attributes:
        left: column of its first pixel.
        top: row of its first pixel.
        width: in pixels, at least 1.
        height: likewise.

    Raises:
        BadInput: if a side is empty, or it begins outside every image.
    """

    left: int
    top: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise BadInput(f"--box {self}: expected a width and a height of at least 1")
        if self.left < 0 or self.top < 0:
            raise BadInput(f"--box {self}: outside the image: expected x and y of at least 0")

    def __str__(self) -> str:
        return f"{self.left},{self.top},{self.width},{self.height}"

    @classmethod
    def parse(cls, text: str) -> Box:
        """Read "x,y,width,height", in pixels from the upper left corner.

        Raises:
            BadInput: if the text has another form, or the box is empty.
        """
        found = _BOX.fullmatch(text)
        if found is None:
            raise BadInput(f"--box {text}: expected x,y,width,height in whole pixels")
        return cls(*map(int, found.groups()))

    @classmethod
    def centered(cls, height: int, width: int) -> Box:
        """Return the box in the middle of an image that has a third of either side."""
        across, down = max(1, width // _CENTER), max(1, height // _CENTER)
        return cls((width - across) // 2, (height - down) // 2, across, down)

    def scaled(self, before: tuple[int, int], after: tuple[int, int]) -> Box:
        """Return the box that covers the same part of a resized image.

        Args:
            before: height and width of the image that the box is of.
            after: those of the resized image.
        """
        down, across = after[0] / before[0], after[1] / before[1]
        left, top = int(self.left * across), int(self.top * down)
        right = min(after[1], max(left + 1, round((self.left + self.width) * across)))
        bottom = min(after[0], max(top + 1, round((self.top + self.height) * down)))
        return Box(left, top, right - left, bottom - top)

    def check(self, height: int, width: int) -> None:
        """Refuse a box that is not within an image of this size.

        Raises:
            DataError: if it is not.
        """
        if self.left + self.width > width or self.top + self.height > height:
            raise DataError(
                f"--box {self}: outside the image, which has {width}x{height} pixels; expected "
                "x,y,width,height within it"
            )

    def mask(self, height: int, width: int) -> Mask:
        """Return the box as a mask, (height, width) bool, True inside.

        Raises:
            DataError: if it is not within the image.
        """
        self.check(height, width)
        mask = np.zeros((height, width), dtype=np.bool_)
        mask[self.top : self.top + self.height, self.left : self.left + self.width] = True
        return mask


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMask:
    """A mask at its image's size.

    Attributes:
        mask: (H, W) bool, True = hole, or manipulated.
        notes: what was done to the file, such as that it was resized; often empty.
    """

    mask: Mask
    notes: tuple[str, ...] = ()


def read_hole(
    source: Path | Box,
    shape: tuple[int, int],
    *,
    polarity: Polarity = "auto",
    filed: tuple[int, int] | None = None,
) -> ReadMask:
    """Return the hole of an image.

    Args:
        source: a mask file, white = hole, or a box.
        shape: height and width that the mask is wanted at.
        polarity: which color of a file is the hole.
        filed: height and width of the image as filed, where it was resized; a box counts in these.

    Raises:
        DataError: if the file is no mask, has other proportions than the image, or covers nothing
            or all of it; or if the box is not within the image.
    """
    read = read_truth(source, shape, polarity=polarity, filed=filed)
    where = source if isinstance(source, Path) else f"--box {source}"
    if not read.mask.any():
        raise DataError(f"{where}: the mask is empty, so there is no hole to fill")
    if read.mask.all():
        raise DataError(f"{where}: the mask covers the whole image, so no pixel is known")
    return read


def read_truth(
    source: Path | Box,
    shape: tuple[int, int],
    *,
    polarity: Polarity = "auto",
    filed: tuple[int, int] | None = None,
) -> ReadMask:
    """Return a mask at its image's size; it may be empty. All else as `read_hole`."""
    filed = filed or shape
    if isinstance(source, Box):
        source.check(*filed)
        return ReadMask(mask=source.scaled(filed, shape).mask(*shape))
    found = read_mask(source)
    try:
        white = at_size(found.white, filed, image_shape=filed)
    except DataError as error:
        raise DataError(f"{source}: {error}") from None
    if shape != filed:
        white = at_size(white, shape, image_shape=None)
    file = MaskFile(path=source, white=float(white.mean()), reading=found.reading)
    (settled,) = settle_polarity([file], source, polarity)
    notes = [settled.reading] if settled.reading else []
    if found.white.shape != filed:
        size = (f"{width}x{height}" for height, width in (found.white.shape, filed))
        notes.append("mask resized from {} to {}".format(*size))
    if settled.inverted:
        notes.append("black read as the hole")
    return ReadMask(mask=~white if settled.inverted else white, notes=tuple(notes))
