"""Masks to learn with: drawn by the generator, or from a folder and within the recipe's band."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.core.pictures import is_picture
from benchmark.core.seeds import seed_of
from benchmark.core.types import Mask
from benchmark.core.walk import walk
from benchmark.masks.bucket import Bucket
from benchmark.masks.files import read_white
from benchmark.training.recipe import Holes
from benchmark.training.shapes import shaped_mask


class Masks:
    """Masks for training: drawn, or from a folder; number k is the same at every call.

    They are kept at a bit a pixel, 8 KB for 256x256: at most 98 MB for a pool of 12,000.

    Args:
        holes: the band of hole shares and how many masks are drawn.
        seed: what they are drawn from.
        folder: mask files to use instead, white = hole; those outside the band are left out.

    Attributes:
        files: the mask files that are used; none where masks are drawn.
        left_out: how many files of the folder lie outside the band.

    Raises:
        DataError: if the folder is missing, or has no mask within the band, or one that cannot be
            read.
    """

    def __init__(self, holes: Holes, *, seed: int, folder: Path | None = None) -> None:
        self._holes, self._seed = holes, seed
        self._band = Bucket(low=holes.low, high=holes.high)
        shares = holes.shapes.model_dump()
        self._shapes = {kind: share for kind, share in shares.items() if share}
        found = _mask_files(folder) if folder is not None else ()
        self.files = _within(self._band, found, folder) if folder is not None else ()
        self.left_out = len(found) - len(self.files)
        self._kept: dict[tuple[int, int], NDArray[np.uint8]] = {}  # packed, 8 pixels a byte

    def __str__(self) -> str:
        holes = self._holes
        drawn = f"{holes.pool} drawn by the generator"
        if len(self._shapes) > 1:
            total = sum(self._shapes.values())
            drawn += f" ({', '.join(f'{v / total:.0%} {k}' for k, v in self._shapes.items())})"
        kind = f"{len(self.files)} files" if self.files else drawn
        return f"{kind}, {holes.low} to {holes.high} %"

    def cut(self, side: int, crop: int, draw: np.random.Generator) -> Mask:
        """A (crop, crop) part of a mask of a whole picture of `side`, as thick as it is there.

        Parts with less than 2 % or more than 80 % of hole are drawn anew, a few times.
        """
        for _ in range(8):
            whole = self.mask(side, draw)
            top, left = draw.integers(side - crop + 1, size=2)
            part = whole[top : top + crop, left : left + crop]
            if 0.02 < part.mean() < 0.8:
                return part
        return self.mask(crop, draw)

    def mask(self, size: int, draw: np.random.Generator) -> Mask:
        """A (size, size) mask, True = hole, with at least one hole and one known pixel."""
        number = int(draw.integers(len(self.files) or self._holes.pool))
        if (number, size) not in self._kept:
            self._kept[number, size] = np.packbits(self._make(number, size))
        bits = np.unpackbits(self._kept[number, size], count=size * size)
        mask = np.rot90(bits.view(np.bool_).reshape(size, size), int(draw.integers(4)))
        return mask[:, ::-1] if draw.random() < 0.5 else mask

    def _make(self, number: int, size: int) -> Mask:
        if self.files:
            return _read_mask(self.files[number], size)
        seed = seed_of(self._seed, "mask", number)
        shares = np.array(list(self._shapes.values()))
        if len(shares) == 1:
            return shaped_mask(*self._shapes, size=size, bucket=self._band, seed=seed)
        draw = np.random.default_rng(seed_of(self._seed, "shape", number))
        kind = list(self._shapes)[int(draw.choice(len(shares), p=shares / shares.sum()))]
        return shaped_mask(kind, size=size, bucket=self._band, seed=seed)


def _mask_files(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of masks")
    files = tuple(path for path in walk(folder, results=False).files if is_picture(path))
    if not files:
        raise DataError(f"{folder}: no mask files in this folder; leave --masks out to draw masks")
    return files


def _within(band: Bucket, files: Sequence[Path], folder: Path) -> tuple[Path, ...]:
    """The files whose hole lies in the band, at the size that they are filed in."""
    within, shares = [], []
    for file in files:
        white = read_white(file)
        shares.append(float(white.mean()))
        if band.holds(white):
            within.append(file)
    if not within:
        raise DataError(
            f"{folder}: none of {len(files)} masks covers {band.low} to {band.high} % of its "
            f"picture, as the recipe's holes do: white, the hole, is {min(shares):.0%} to "
            f"{max(shares):.0%}; give other masks, or leave --masks out to draw them"
        )
    return tuple(within)


def _read_mask(path: Path, size: int) -> Mask:
    white = Image.fromarray(read_white(path)).resize((size, size), Image.Resampling.NEAREST)
    mask: Mask = np.asarray(white) > 0
    if mask.all() or not mask.any():
        raise DataError(
            f"{path}: all hole or empty once it is {size}x{size} pixels; remove this mask"
        )
    return mask
