"""Training masks: randomly generated, or from files whose mask ratio is in the recipe's range."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.core.filenames import printable
from benchmark.core.image_files import ImageFiles, find_images
from benchmark.core.seeds import seed_of
from benchmark.core.types import Mask
from benchmark.masks.bucket import Bucket
from benchmark.masks.files import read_white
from benchmark.training.data.mask_shapes import shaped_mask
from benchmark.training.recipe_tables import Holes

SHOWN = 3  # excluded files that are named in a message


class Masks:
    """A pool of training masks, generated or from files; mask k is equal in every call.

    They are kept in memory at one bit per pixel, 8 KB for 256x256: at most 98 MB for a pool of
    12,000.

    Args:
        holes: range of the mask ratio, and number of generated masks.
        seed: of generated masks.
        folder: mask files, or one file, to use instead, white = hole; invalid ones, and those
            outside the range, are excluded.
        sizes: sides in pixels at which masks are used: masks that are all hole or empty at one of
            them are excluded too.

    Attributes:
        files: the mask files in use; empty if masks are generated.
        left_out: excluded mask files, each with the reason.
        beside: other files in the folder, with a count for each reason.

    Raises:
        DataError: if the folder does not exist, or has no usable mask.
    """

    def __init__(
        self, holes: Holes, *, seed: int, folder: Path | None = None, sizes: Iterable[int] = ()
    ) -> None:
        self._holes, self._seed = holes, seed
        self._band = Bucket(low=holes.low, high=holes.high)
        shares = holes.shapes.model_dump()
        self._shapes = {kind: share for kind, share in shares.items() if share}
        self.files: tuple[Path, ...] = ()
        self.left_out: tuple[str, ...] = ()
        self.beside: tuple[str, ...] = ()
        if folder is not None:
            found = _mask_files(folder)
            self.files, self.left_out = _usable(self._band, found, set(sizes))
            self.beside = found.left_out
        self._kept: dict[tuple[int, int], NDArray[np.uint8]] = {}  # packed, 8 pixels a byte

    def __str__(self) -> str:
        holes = self._holes
        generated = f"{holes.pool} drawn by the generator"  # as in facts of earlier trainings
        if len(self._shapes) > 1:
            total = sum(self._shapes.values())
            generated += f" ({', '.join(f'{v / total:.0%} {k}' for k, v in self._shapes.items())})"
        kind = f"{len(self.files)} files" if self.files else generated
        return f"{kind}, {holes.low} to {holes.high} %"

    def cut(self, side: int, crop: int, draw: np.random.Generator) -> Mask:
        """A random crop of a mask of a whole image, so that strokes keep their thickness.

        Crops with a mask ratio below 2 % or above 80 % are rejected, up to eight times.

        Args:
            side: height and width of the whole mask.
            crop: height and width of the crop.
            draw: random generator.

        Returns:
            (crop, crop) bool, True = hole.
        """
        for _ in range(8):
            whole = self.mask(side, draw)
            top, left = draw.integers(side - crop + 1, size=2)
            part = whole[top : top + crop, left : left + crop]
            if 0.02 < part.mean() < 0.8:
                return part
        return self.mask(crop, draw)

    def mask(self, size: int, draw: np.random.Generator) -> Mask:
        """A random mask of the pool, rotated and flipped.

        Args:
            size: height and width.
            draw: random generator.

        Returns:
            (size, size) bool, True = hole; at least one hole pixel and one known pixel.
        """
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


def _mask_files(folder: Path) -> ImageFiles:
    if not folder.exists():
        raise DataError(f"{folder}: no such folder of masks")
    try:
        return find_images(folder)
    except DataError as error:
        raise DataError(f"{error}; leave out --masks to generate masks") from None


def _usable(
    band: Bucket, found: ImageFiles, sizes: Collection[int]
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """The files with a mask ratio in the range, at their own size; and why others are excluded."""
    usable, reasons = [], []
    for path in found.files:
        name = printable(path.relative_to(found.top).as_posix())
        try:
            white = read_white(path)
            if not band.holds(white):
                raise DataError(
                    f"its hole (white) covers {white.mean():.0%}, expected {band.low} to "
                    f"{band.high} %"
                )
            for size in sizes:
                _at_size(white, path, size)
        except DataError as error:
            reasons.append(f"{name}: {str(error).removeprefix(f'{path}: ')}")
        else:
            usable.append(path)
    if not usable:
        raise DataError(
            f"{found.top}: none of {len(found.files)} masks can be used; {told(reasons)}; give "
            "other masks, or leave out --masks to generate them"
        )
    return tuple(usable), tuple(reasons)


def told(reasons: Sequence[str]) -> str:
    """The first of some excluded files, each with the reason, in one line."""
    return "; ".join(reasons[:SHOWN]) + ("; ..." if len(reasons) > SHOWN else "")


def _read_mask(path: Path, size: int) -> Mask:
    return _at_size(read_white(path), path, size)


def _at_size(whole: Mask, path: Path, size: int) -> Mask:
    white = Image.fromarray(whole).resize((size, size), Image.Resampling.NEAREST)
    mask: Mask = np.asarray(white) > 0
    if mask.all() or not mask.any():
        raise DataError(f"{path}: all hole or empty at {size}x{size} pixels; remove this mask")
    return mask
