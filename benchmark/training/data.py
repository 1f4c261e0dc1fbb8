"""What inpainters learn from: photographs shrunk from their stored size, and masks.

Everything is a pure function of the recipe's seed and the number of the picture, so a resumed run
sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmark.core.errors import DataError
from benchmark.core.pictures import is_picture, read_picture
from benchmark.core.pixels import to_images, to_masks
from benchmark.core.seeds import seed_of
from benchmark.core.types import Mask, Pixels
from benchmark.masks.bucket import Bucket
from benchmark.masks.files import read_white
from benchmark.masks.generator import irregular_mask
from benchmark.training.recipe import Holes, Recipe, Stage
from benchmark.training.refused import digest_of, refused_digests


class Source(Protocol):
    """Where batches come from: a pure function of the step."""

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Pictures (N, 3, H, W) in [0, 1] and masks (N, 1, H, W) of 0 and 1 for a step."""

    def held_out(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """The same of at most `count` photographs that no step uses, the same in a whole stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Photographs:
    """Photographs in memory, 8-bit RGB, shrunk to each of some short sides.

    Attributes:
        names: file names, in the order of the pictures.
        shrunk: per short side the pictures, (H, W, 3) uint8 with that short side.
        test: names of those that are test photographs.
    """

    names: tuple[str, ...]
    shrunk: dict[int, tuple[Pixels, ...]]
    test: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def part(self, chosen: Iterable[int]) -> Photographs:
        """Some of the photographs, by their positions; nothing is copied."""
        kept = list(chosen)
        return Photographs(
            names=tuple(self.names[i] for i in kept),
            shrunk={side: tuple(all_[i] for i in kept) for side, all_ in self.shrunk.items()},
            test=tuple(self.names[i] for i in kept if self.names[i] in self.test),
        )

    def cut(self, number: int, stage: Stage, side: int, draw: np.random.Generator) -> Pixels:
        """A (crop, crop, 3) square of photograph `number` at `side`; place and flip are drawn."""
        pixels = self.shrunk[side][number]
        height, width = pixels.shape[:2]
        down, right = height - stage.crop, width - stage.crop
        top, left = int(draw.integers(down + 1)), int(draw.integers(right + 1))
        if stage.place == "centre":
            top, left = down // 2, right // 2
        square = pixels[top : top + stage.crop, left : left + stage.crop]
        return square[:, ::-1] if draw.random() < 0.5 else square


def read_photographs(
    folder: Path, *, sides: Iterable[int], minimum: int, allow_test: bool = False
) -> Photographs:
    """Read the photographs under a folder that have the largest side, shrunk to each side.

    Shrinking (by at least a quarter for a photograph of 320 and a side of 256) wipes out JPEG's
    grid; without it a detector would learn that the hole never was a JPEG.

    Args:
        folder: searched with its subfolders.
        sides: short sides in pixels.
        minimum: fewest photographs to go on with.
        allow_test: whether photographs that results are measured on may be among them.

    Returns:
        The photographs, in the order of their names.

    Raises:
        DataError: if the folder is missing, has fewer usable photographs than `minimum`, or test
            photographs that are not allowed.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of photographs; give one with --data")
    wanted = sorted(set(sides), reverse=True)
    files = sorted(path for path in folder.rglob("*") if is_picture(path))
    read = [(path, _seen(path, wanted)) for path in files]
    usable = [(path, seen) for path, seen in read if seen is not None]
    if len(usable) < max(minimum, 1):
        raise DataError(
            f"{folder}: {len(usable)} of {len(files)} files can be read and have sides of "
            f"{wanted[0]} or more; training takes at least {max(minimum, 1)} photographs"
        )
    found = Photographs(
        names=tuple(str(path.relative_to(folder)) for path, _ in usable),
        shrunk={side: tuple(seen.sizes[side] for _, seen in usable) for side in wanted},
        test=tuple(str(path.relative_to(folder)) for path, seen in usable if seen.test),
    )
    if found.test and not allow_test:
        example = next(seen for _, seen in usable if seen.test)
        raise DataError(
            f"{folder}: {len(found.test)} of {len(found)} are test photographs, such as "
            f"{found.test[0]} ({example.test}); take them out, or give --allow-test-photos, which "
            "is noted in the weights"
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A photograph at each short side, and which test photograph it is, or ""."""

    sizes: dict[int, Pixels]
    test: str


def _seen(path: Path, sides: Sequence[int]) -> _Seen | None:
    """The photograph, or None where it is unreadable or too small."""
    try:
        pixels = read_picture(path)
    except DataError:
        return None
    picture = Image.fromarray(pixels)
    short = min(picture.size)
    if short < sides[0]:
        return None
    sizes = {side: np.asarray(_resized(picture, side / short)) for side in sides}
    return _Seen(sizes=sizes, test=refused_digests().get(digest_of(pixels), ""))


def _resized(picture: Image.Image, factor: float) -> Image.Image:
    width, height = (round(length * factor) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.BICUBIC)


def divide(photographs: Photographs, held_out: int) -> tuple[Photographs, Photographs]:
    """Photographs to train on, and `held_out` others, chosen by the hash of their names.

    Raises:
        DataError: if nothing would be left to train on.
    """
    if held_out >= len(photographs):
        raise DataError(
            f"{held_out} of {len(photographs)} photographs are to be held out; add more"
        )
    order = sorted(range(len(photographs)), key=lambda i: seed_of(photographs.names[i]))
    return photographs.part(sorted(order[held_out:])), photographs.part(sorted(order[:held_out]))


class Masks:
    """Masks for training: drawn, or from a folder; number k is the same at every call.

    Args:
        holes: the band of hole shares and how many masks are drawn.
        seed: what they are drawn from.
        folder: mask files to use instead, white = hole.

    Raises:
        DataError: if the folder is missing or has no mask that can be read.
    """

    def __init__(self, holes: Holes, *, seed: int, folder: Path | None = None) -> None:
        self._holes, self._seed = holes, seed
        self._files = _mask_files(folder) if folder is not None else ()
        self._kept: dict[tuple[int, int], Mask] = {}

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
        number = int(draw.integers(len(self._files) or self._holes.pool))
        if (number, size) not in self._kept:
            self._kept[number, size] = self._make(number, size)
        mask = np.rot90(self._kept[number, size], int(draw.integers(4)))
        return mask[:, ::-1] if draw.random() < 0.5 else mask

    def _make(self, number: int, size: int) -> Mask:
        if self._files:
            return _read_mask(self._files[number], size)
        seed = seed_of(self._seed, "mask", number)
        band = Bucket(low=self._holes.low, high=self._holes.high)
        return irregular_mask(height=size, width=size, bucket=band, seed=seed)


def _mask_files(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of masks")
    files = tuple(sorted(path for path in folder.rglob("*") if is_picture(path)))
    if not files:
        raise DataError(f"{folder}: no mask files in this folder; leave --masks out to draw masks")
    return files


def _read_mask(path: Path, size: int) -> Mask:
    white = Image.fromarray(read_white(path)).resize((size, size), Image.Resampling.NEAREST)
    mask: Mask = np.asarray(white) > 0
    if mask.all() or not mask.any():
        raise DataError(
            f"{path}: a mask that is {'all hole' if mask.all() else 'empty'}; remove it"
        )
    return mask


def order(seed: int, count: int, position: int) -> int:
    """Which of `count` photographs comes at `position`: each epoch is a permutation of its own."""
    epoch, place = divmod(position, count)
    return int(np.random.default_rng(seed_of(seed, "epoch", epoch)).permutation(count)[place])


class InpaintingData:
    """Batches for inpainters: whole pictures, and the masks to paint.

    Args:
        recipe: its seed and stages decide every batch.
        photographs: at all sides that the stages name.
        masks: where masks come from.
    """

    def __init__(self, recipe: Recipe, photographs: Photographs, masks: Masks) -> None:
        self._recipe, self._masks = recipe, masks
        self._train, self._held = divide(photographs, recipe.held_out)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Pictures and masks of a step, (N, 3, S, S) and (N, 1, S, S)."""
        turn = self._recipe.at(step)
        pairs = []
        for position in range(turn.seen, turn.seen + turn.stage.batch):
            draw = np.random.default_rng(seed_of(self._recipe.seed, "picture", position))
            number = order(self._recipe.seed, len(self._train), position)
            pairs.append(self._pair(self._train, number, turn.stage, draw))
        return stack(pairs)

    def held_out(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """Held-out pictures at the step's size; training pictures where none are held out."""
        stage = self._recipe.at(step).stage
        photographs = self._held if len(self._held) else self._train
        pairs = []
        for number in range(min(count, len(photographs))):
            draw = np.random.default_rng(seed_of(self._recipe.seed, "held out", number))
            pairs.append(self._pair(photographs, number, stage, draw))
        return stack(pairs)

    def _pair(
        self, photographs: Photographs, number: int, stage: Stage, draw: np.random.Generator
    ) -> tuple[Pixels, Mask]:
        side = stage.sides[int(draw.integers(len(stage.sides)))]
        square = photographs.cut(number, stage, side, draw)
        return square, self._masks.cut(side, stage.crop, draw)


def stack(pairs: Sequence[tuple[Pixels, Mask]]) -> tuple[Tensor, Tensor]:
    """Pixels and masks of equal size as tensors (N, 3, H, W) and (N, 1, H, W)."""
    pixels = np.stack([picture for picture, _ in pairs])
    masks = np.stack([mask for _, mask in pairs])
    return to_images(pixels), to_masks(masks).to(torch.float32)
