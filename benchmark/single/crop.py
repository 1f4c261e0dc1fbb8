"""The part of an image that an inpainter sees: all of it, or a crop around the hole."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image

from benchmark.core.card import Card
from benchmark.core.types import Mask, Pixels

WHOLE_PIXELS = 1024 * 1024  # an image with more is not shown whole to a network
CONTEXT = 128  # least context around a hole in a large image, in pixels, where the image has it
_BICUBIC = np.ones((5, 5), dtype=np.uint8)  # pixels that a reducing bicubic filter reaches
ALIGNED = 8  # sides of crops of models that take any size are multiples of this where they can


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """What an inpainter sees of an image.

    Attributes:
        top: first row of the crop.
        left: first column of the crop.
        height: of the crop, in pixels.
        width: likewise.
        extend: rows and columns that are added at the bottom and right by reflection.
        size: height and width that the extended crop is resized to, or None.
        whole: whether the crop is the whole image.
        multiple: what the model extends both sides to a multiple of, by itself.
    """

    top: int
    left: int
    height: int
    width: int
    extend: tuple[int, int] = (0, 0)
    size: tuple[int, int] | None = None
    whole: bool = False
    multiple: int = 1

    @property
    def key(self) -> str:
        """The crop as it enters the key of an output."""
        place = (self.top, self.left, self.height, self.width)
        return " ".join(map(str, (*place, *self.extend, *(self.size or ()))))

    @property
    def text(self) -> str:
        """What is done to the image, such as "a crop of 256x256 around the hole, pasted back"."""
        added = any(length % self.multiple for length in self.seen)
        inside = f"extended by reflection to multiples of {self.multiple}" if added else ""
        if self.whole and not any(self.extend) and self.size is None:
            return ", ".join(("the whole image", *([inside] if inside else [])))
        steps = [
            "the whole image"
            if self.whole
            else f"a crop of {self.width}x{self.height} at {self.left},{self.top} around the hole"
        ]
        if any(self.extend):
            height, width = self.height + self.extend[0], self.width + self.extend[1]
            steps.append(f"extended by reflection to {width}x{height}")
        if self.size is not None:
            steps.append(f"resized to {self.size[1]}x{self.size[0]} and back")
        steps += [inside] if inside else []
        return ", ".join((*steps, "the hole pasted back"))

    @property
    def seen(self) -> tuple[int, int]:
        """Height and width of what the inpainter gets."""
        return self.size or (self.height + self.extend[0], self.width + self.extend[1])


def plan_crop(card: Card, mask: Mask) -> Crop:
    """Decide what an inpainter sees.

    A model of a fixed size (`Card.side`) gets a square around the hole: of that side, or twice as
    large as the hole and resized, extended by reflection where the image is smaller.
    Another network gets the whole image up to a megapixel, else a crop around the hole with
    context, which is resized if it has more than a megapixel. A model without weights always gets
    the whole image.

    Args:
        card: the inpainter's.
        mask: (H, W) bool with a hole.
    """
    height, width = mask.shape
    whole = Crop(top=0, left=0, height=height, width=width, whole=True)
    crop = whole
    if card.side and (height, width) != (card.side, card.side):
        crop = _square(mask, card.side)
    elif not card.side and not card.weightless and height * width > WHOLE_PIXELS:
        crop = _bounded(mask, max(ALIGNED, card.multiple))
    return replace(crop, multiple=card.multiple)


def _square(mask: Mask, side: int) -> Crop:
    rows, columns = _extent(mask)
    longest = max(rows[1] - rows[0], columns[1] - columns[0])
    wanted = max(side, 2 * longest)  # so the hole takes half of either side at most
    top, height = _span(rows, wanted, mask.shape[0])
    left, width = _span(columns, wanted, mask.shape[1])
    square = max(side, height, width)
    return Crop(
        top=top,
        left=left,
        height=height,
        width=width,
        extend=(square - height, square - width),
        size=(side, side) if square != side else None,
        whole=(height, width) == mask.shape,
    )


def _bounded(mask: Mask, multiple: int) -> Crop:
    rows, columns = _extent(mask)
    longest = max(rows[1] - rows[0], columns[1] - columns[0])
    spans = []
    for span, length in zip((rows, columns), mask.shape, strict=True):
        wanted = span[1] - span[0] + 2 * max(CONTEXT, longest // 2)
        spans.append(_span(span, wanted + -wanted % multiple, length))
    (top, height), (left, width) = spans
    size = None
    if height * width > WHOLE_PIXELS:
        factor = (WHOLE_PIXELS / (height * width)) ** 0.5
        size = (_down(height * factor, multiple), _down(width * factor, multiple))
    whole = (height, width) == mask.shape
    return Crop(top=top, left=left, height=height, width=width, size=size, whole=whole)


def _down(length: float, multiple: int) -> int:
    return max(multiple, int(length) // multiple * multiple)


def _extent(mask: Mask) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last + 1 row, and column, of the hole."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)


def _span(hole: tuple[int, int], wanted: int, length: int) -> tuple[int, int]:
    """Start and length of a span of `wanted` pixels around a hole, moved into the image."""
    taken = min(wanted, length)
    start = (hole[0] + hole[1] - taken) // 2
    return min(max(0, start), length - taken), taken


def cut(pixels: Pixels, mask: Mask, crop: Crop) -> tuple[Pixels, Mask]:
    """Return what the inpainter sees.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, True = hole.
        crop: what to cut.

    Returns:
        The part of the image, (h, w, 3) uint8, and of the mask, (h, w) bool. A pixel of a resized
        part is hole if any pixel of the hole went into it, so that nothing shows what the hole
        holds; pixels that were added are known.
    """
    rows, columns = _slices(crop)
    part, hole = pixels[rows, columns], mask[rows, columns]
    if any(crop.extend):
        edges = ((0, crop.extend[0]), (0, crop.extend[1]))
        part = np.pad(part, (*edges, (0, 0)), mode="symmetric")
        hole = np.pad(hole, edges)
    if crop.size is not None:
        size = (crop.size[1], crop.size[0])
        part = np.asarray(Image.fromarray(part).resize(size, Image.Resampling.BICUBIC))
        gray = Image.fromarray(hole * np.uint8(255)).convert("F")
        hole = np.asarray(gray.resize(size, Image.Resampling.BOX)) > 0
        wide = cv2.dilate(hole.astype(np.uint8), _BICUBIC) > 0
        hole = hole if wide.all() else wide
    return np.ascontiguousarray(part), np.ascontiguousarray(hole)


def paste(pixels: Pixels, mask: Mask, crop: Crop, filled: Pixels) -> Pixels:
    """Return the image with its hole filled; known pixels are the image's, bit for bit.

    Args:
        pixels: (H, W, 3) uint8 RGB, the image.
        mask: (H, W) bool, True = hole.
        crop: what was cut.
        filled: (h, w, 3) uint8, the inpainted part.
    """
    height, width = crop.height + crop.extend[0], crop.width + crop.extend[1]
    if crop.size is not None:
        resized = Image.fromarray(filled).resize((width, height), Image.Resampling.BICUBIC)
        filled = np.asarray(resized)
    rows, columns = _slices(crop)
    result = pixels.copy()
    hole = mask[rows, columns]
    result[rows, columns][hole] = filled[: crop.height, : crop.width][hole]
    return result


def _slices(crop: Crop) -> tuple[slice, slice]:
    return slice(crop.top, crop.top + crop.height), slice(crop.left, crop.left + crop.width)
