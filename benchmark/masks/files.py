"""Mask files: decode, binarize, resize by nearest neighbor, decide the polarity.

A mask is black and white, with soft edges allowed; gray levels of 128 and more are white. Levels 0
and 1 are read as 0 and 255, as are floats from 0 to 1. In a cut-out (an image with varying
transparency) the transparent part is white. Colors, and gray levels as in images, are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.core.images import MOST_PIXELS, center_square, open_upright
from benchmark.core.levels import full_level, is_deep
from benchmark.core.types import Mask

Polarity = Literal["auto", "white-hole", "black-hole"]
REVISION = 1  # raised whenever the same file is read as another mask
SUSPICIOUS = 0.6  # masks with a higher median ratio are probably inverted
SLACK = 0.05  # tolerance of a folder's mean mask ratio around the range in its name
_BAND = re.compile(r"(\d{1,2})\s*[-_]\s*(\d{1,3})\s*%?", re.ASCII)
LOSSY = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".jp2"})
_FEW = 8  # gray levels; images have more
_DARK, _LIGHT = 32, 224  # levels below _DARK are clearly black, from _LIGHT on clearly white
_BETWEEN = 0.5  # largest share of pixels in between in a soft mask
_PLAIN = 0.1  # smallest share of clearly white pixels among the white ones, likewise black
_CHROMA = 40  # difference between channels from which a pixel is colored
_COLORED = 0.01  # share of colored pixels from which an image is colored
_AROUND = tuple((row, column) for row in range(3) for column in range(3))  # a pixel's 3x3
_EXPECTED = "expected black and white (0 and 255); --masks takes a folder of masks"
Gray = NDArray[np.uint8]  # (H, W)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskImage:
    """A decoded mask file.

    Attributes:
        white: (H, W) bool at the file's own size.
        reading: how it was interpreted if it is not plain black and white, such as "0 and 1 read as
            0 and 255"; else "".
    """

    white: Mask
    reading: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskFile:
    """A mask file and its share of white pixels.

    Attributes:
        path: the file.
        white: share of white pixels at evaluation size, in [0, 1].
        inverted: whether black is the hole.
        reading: as in `MaskImage`.
        image: name of the image that it belongs to; "" if it can be used for any.
    """

    path: Path
    white: float
    inverted: bool = False
    reading: str = ""
    image: str = ""

    @property
    def share(self) -> float:
        """The mask ratio, in [0, 1]."""
        return 1 - self.white if self.inverted else self.white


def read_white(path: Path, most: int = MOST_PIXELS) -> Mask:
    """Return where a mask file is white, (H, W) bool at the file's own size; see `read_mask`."""
    return read_mask(path, most).white


def read_mask(path: Path, most: int = MOST_PIXELS, *, sha256: str = "") -> MaskImage:
    """Read a mask file by the rules in this module's docstring.

    Args:
        path: the file.
        most: maximum number of pixels; a larger mask is refused before it is decoded.
        sha256: expected SHA-256 of the file, or "" for any.

    Raises:
        FileChanged: if the file's SHA-256 differs from `sha256`.
        DataError: if it cannot be read as an image, or is not a mask; the message says why.
    """
    image = open_upright(path, most, sha256=sha256)
    if is_deep(image):
        return _of_deep_gray(image, path)
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return _of_gray(np.asarray(image if image.mode == "L" else image.convert("L")), path)
    colors = np.asarray(image.convert("RGB"))
    if "A" in image.getbands() or "transparency" in image.info:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
        if alpha.min() < 128 <= alpha.max() and not _two_levels(colors):
            return _cut_out(colors, alpha, path)
    _refuse_colors(colors, path)
    return _of_gray(np.ascontiguousarray(colors[..., 0]), path)


def _of_deep_gray(image: Image.Image, path: Path) -> MaskImage:
    """Binarize an image of more than 8 bits by its range of levels."""
    values = np.asarray(image)
    full = full_level(values, path)
    if full == 1:
        levels = np.rint(np.clip(values, 0, 1) * 255)
        reading = "floats from 0 to 1 read as 0 to 255"
    elif full == 255:
        levels, reading = np.rint(values), ""
    else:
        levels = values // 257
        reading = "floats read as 0 to 65535" if values.dtype.kind == "f" else ""
    found = _of_gray(levels.astype(np.uint8), path)
    return MaskImage(white=found.white, reading=found.reading or reading)


def _of_gray(gray: Gray, path: Path) -> MaskImage:
    """Binarize (H, W) uint8, unless it is a label map or an image."""
    levels = np.flatnonzero(Image.fromarray(gray).histogram())
    if levels[-1] == 1 and path.suffix.lower() not in LOSSY:
        return MaskImage(white=gray > 0, reading="0 and 1 read as 0 and 255")
    white = gray >= 128
    if 1 < levels[-1] < 128 and len(levels) <= _FEW:
        listed = ", ".join(map(str, levels))
        raise DataError(f"{path}: gray levels {listed} and none of 128 or more; {_EXPECTED}")
    if len(levels) > _FEW:
        _refuse_image(gray, white, path)
    elif len(levels) > 2:
        _refuse_labels(gray, levels, path)
    return MaskImage(white=white)


def _refuse_labels(gray: Gray, levels: NDArray[np.int64], path: Path) -> None:
    """Refuse label maps: areas between black and white that are wider than a soft edge.

    Args:
        gray: (H, W) uint8.
        levels: the levels that occur in it, sorted.
        path: the file, for the message.
    """
    between = np.pad((gray >= _DARK) & (gray < _LIGHT), 1)
    height, width = gray.shape
    parts = [between[row : row + height, column : column + width] for row, column in _AROUND]
    inside = np.logical_and.reduce(parts).mean()
    if inside > _COLORED:
        listed = ", ".join(map(str, levels))
        raise DataError(
            f"{path}: gray levels {listed}, as in a label map ({inside:.0%} of its pixels are in "
            f"areas that are neither black nor white); {_EXPECTED}"
        )


def _refuse_image(gray: Gray, white: Mask, path: Path) -> None:
    """Refuse images: a soft or JPEG mask is clearly black or white almost everywhere.

    Args:
        gray: (H, W) uint8.
        white: (H, W) bool, levels of 128 and more.
        path: the file, for the message.
    """
    dark, light = gray < _DARK, gray >= _LIGHT
    between = 1 - float((dark | light).mean())
    plain = min(_share(light, white), _share(dark, ~white))
    if between > _BETWEEN or plain < _PLAIN:
        raise DataError(
            f"{path}: many gray levels, as in an image ({between:.0%} of its pixels are "
            f"neither black nor white); {_EXPECTED}, --images the images"
        )


def _share(part: Mask, whole: Mask) -> float:
    """Return the ratio of True pixels of two (H, W) bool; 1 if `whole` has none."""
    count = int(np.count_nonzero(whole))
    return int(np.count_nonzero(part)) / count if count else 1.0


def _refuse_colors(colors: NDArray[np.uint8], path: Path) -> None:
    """Refuse (H, W, 3) uint8 with more than a few colored pixels."""
    red, green, blue = (colors[..., channel] for channel in range(3))
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return
    chroma = colors.max(axis=2).astype(np.int16) - colors.min(axis=2)
    colored = chroma > _CHROMA
    if colored.mean() > _COLORED:
        shown, counts = np.unique(colors[colored], axis=0, return_counts=True)
        most = ", ".join(str(tuple(map(int, shown[i]))) for i in np.argsort(-counts)[:2])
        raise DataError(
            f"{path}: colored, as label maps and images are ({colored.mean():.0%} of its "
            f"pixels, most of them RGB {most}); {_EXPECTED}"
        )


def _two_levels(colors: NDArray[np.uint8]) -> bool:
    """Whether (H, W, 3) uint8 alone is a mask: nearly all black or white, and both present."""
    dark, light = (colors < _DARK).all(axis=-1), (colors >= _LIGHT).all(axis=-1)
    return bool(dark.any() and light.any() and (dark | light).mean() > 1 - _COLORED)


def _cut_out(colors: NDArray[np.uint8], alpha: Gray, path: Path) -> MaskImage:
    """Read the transparent part of an image as white; a single-color image is ambiguous.

    Args:
        colors: (H, W, 3) uint8.
        alpha: (H, W) uint8.
        path: the file, for the message.
    """
    shown = colors[alpha >= 128]
    if len(np.unique(shown[:, 0] // 8)) <= 2:
        raise DataError(
            f"{path}: a single color with varying transparency: the hole may be either part; "
            "save it without transparency, white = hole"
        )
    return MaskImage(white=alpha < 128, reading="transparent parts read as white")


def at_size(white: Mask, size: tuple[int, int], *, image_shape: tuple[int, int] | None) -> Mask:
    """Resize a mask to an image's evaluation size by nearest neighbor.

    Args:
        white: (H, W) bool at the file's own size.
        size: height and width at evaluation size.
        image_shape: height and width of the image file that the mask was made for: the aspect
            ratios must match, and the mask is center-cropped if the image is. None for a mask that
            was made for no particular image, and is stretched.

    Returns:
        (*size) bool.

    Raises:
        DataError: if the aspect ratios differ.
    """
    gray = white.astype(np.uint8)
    if image_shape is not None:
        _refuse_other_shape(white.shape, image_shape)
        if size[0] == size[1]:
            gray = center_square(gray)
    if gray.shape == size:
        return gray > 0
    resized = Image.fromarray(gray).resize((size[1], size[0]), Image.Resampling.NEAREST)
    return np.asarray(resized) > 0


def settle_polarity(files: Iterable[MaskFile], folder: Path, polarity: Polarity) -> list[MaskFile]:
    """Decide which color is the hole.

    Raises:
        DataError: if `polarity` is "auto" and the masks look inverted, but no folder's name
            confirms it.
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
            f"{folder}: half of the masks cover more than {median(unnamed):.0%} of the image; "
            "set --mask-polarity white-hole or black-hole"
        )
    return sorted(settled, key=lambda file: file.path)


def _refuse_other_shape(mask: tuple[int, int], image_shape: tuple[int, int]) -> None:
    """Refuse other aspect ratios, up to rounding a side by a pixel, as in 481x321 and 512x342."""
    if abs(mask[0] * image_shape[1] - mask[1] * image_shape[0]) > max(*mask, *image_shape) // 2:
        raise DataError(
            "image and mask of different shape: the image has "
            f"{image_shape[1]}x{image_shape[0]} pixels, the mask {mask[1]}x{mask[0]}"
        )


def _turned(file: MaskFile, *, inverted: bool) -> MaskFile:
    return replace(file, inverted=inverted)


def _stated(place: Path) -> tuple[float, float] | None:
    """Return the range of ratios in a folder's name, such as "10-20"; None if there is none."""
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
            f"{place}: the masks are {white:.0%} white on average, which matches the folder's name "
            "in neither polarity; set --mask-polarity white-hole or black-hole"
        )
    return as_black < as_white


def _outside(share: float, band: tuple[float, float]) -> float:
    return max(band[0] - share, share - band[1], 0.0)
