"""Mask files of a folder, decoded and measured at the size of the images."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import DataError
from benchmark.core.image_open import MOST_PIXELS
from benchmark.core.types import Mask
from benchmark.masks.files import LOSSY, MaskFile, MaskImage, at_size, read_mask
from benchmark.masks.pairing import Pairs, unended

TWINS = 0.01  # share of pixels by which a mask and its copy in another format may differ
Shape = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskTargets:
    """The images that masks are assigned to.

    Attributes:
        names: names of the images, in order.
        shape_of: returns height and width of an image file.
        size: side of the square images at evaluation size, or None if they keep their size.
        most: maximum number of pixels; a larger mask is refused before it is decoded.
        others: names of unused images in the same folder, such as those beyond a limit; their masks
            are not given to other images.
        partly: whether images without a mask of their name are left out; else they are an error.
        without: files and folders to skip if they are below the masks' folder.
    """

    names: Sequence[str]
    shape_of: Callable[[str], Shape]
    size: int | None
    most: int = MOST_PIXELS
    others: Sequence[str] = ()
    partly: bool = False
    without: Collection[Path] = ()


class MaskReader:
    """Reader of mask files; the last decoded one is kept.

    Args:
        folder: folder of mask files, or one mask file for all images.
        targets: the images that masks are assigned to.
        by_name: whether each image has the masks of its name.

    Attributes:
        unused: unusable mask files, each with the reason.
        failed: images whose own mask is unusable, each with the mask's file and the reason.
    """

    def __init__(self, folder: Path, targets: MaskTargets, *, by_name: bool) -> None:
        self._top = folder.parent if folder.is_file() else folder
        self._one = folder.is_file()
        self._targets = targets
        self._by_name = by_name
        self._digests: dict[Path, str] = {}
        self._last: tuple[Path, MaskImage] | None = None
        self.unused: list[tuple[str, str]] = []
        self.failed: dict[str, str] = {}

    def measure_pairs(self, named: Mapping[str, Path], pairs: Pairs) -> Iterable[MaskFile]:
        """Yield the usable masks of each image with their white share at evaluation size."""
        for image, masks in pairs.masks.items():
            for path in self._one_of_twins(image, named, masks):
                try:
                    read = self.read(path)
                    made_for = self.shape_of(image, read.white)
                    shape = made_for if self.made_for_one(read.white) else None
                    side = self._targets.size
                    sized = at_size(
                        read.white, (side, side) if side else made_for, image_shape=shape
                    )
                except DataError as error:
                    reason = str(error).removeprefix(f"{path}: ")
                    self.failed.setdefault(image, f"{path}: {reason}")
                    continue
                share = float(sized.mean())
                yield MaskFile(path=path, white=share, reading=read.reading, image=image)

    def _one_of_twins(
        self, image: str, named: Mapping[str, Path], masks: Sequence[str]
    ) -> Iterable[Path]:
        """Yield the mask files; of copies in several formats with the same content, only one."""
        groups: dict[str, list[Path]] = {}
        for name in masks:
            groups.setdefault(unended(name), []).append(named[name])
        for twins in groups.values():
            first = min(twins, key=lambda path: (path.suffix.lower() in LOSSY, path))
            others = [path for path in twins if path != first]
            different = next((path for path in others if not self._same(first, path)), None)
            if different is not None:
                self.failed.setdefault(
                    image, f"{first}: {self.inner(different)} is another mask of the same name"
                )
            else:
                yield first

    def _same(self, one: Path, other: Path) -> bool:
        try:
            first, second = self.read(one).white, self.read(other).white
        except DataError:  # an image of the same name that is not a mask
            return False
        apart = np.count_nonzero(first != second) if first.shape == second.shape else first.size
        return bool(apart <= TWINS * first.size)

    def made_for_one(self, white: Mask) -> bool:
        """Whether a mask has its image's aspect ratio and is cropped like it.

        A single square mask for all images may be made for their center squares.
        """
        square = white.shape[0] == white.shape[1] and self._targets.size is not None
        return self._by_name and not (self._one and square)

    def measure(self, named: Mapping[str, Path]) -> Iterable[MaskFile]:
        """Yield the usable files with their white share at evaluation size; report the others."""
        side = self._targets.size
        for path in named.values():
            try:
                if side:
                    changed = path.stat().st_mtime_ns
                    white, reading = _white_at(path, changed, side, self._targets.most)
                else:
                    read = self.read(path)
                    white, reading = float(read.white.mean()), read.reading
                yield MaskFile(path=path, white=white, reading=reading)
            except OSError as error:
                self.note(path, f"cannot be read ({error.strerror})")
            except DataError as error:
                self.note(path, str(error).removeprefix(f"{path}: "))

    def shape_of(self, name: str, white: Mask) -> Shape:
        """Return the image's shape, or the mask's if the image cannot be read (reported later)."""
        try:
            return self._targets.shape_of(name)
        except DataError:
            return white.shape[0], white.shape[1]

    def cropped(self, file: MaskFile) -> bool:
        """Whether an image's own mask was cropped to its center square."""
        if not file.image or self._targets.size is None:
            return False
        height, width = self.read(file.path).white.shape
        return bool(height != width)

    def read(self, path: Path) -> MaskImage:
        """Decode a mask file.

        Raises:
            DataError: if it is not a mask, or not the file whose digest was taken.
        """
        if self._last is None or self._last[0] != path:
            self._last = (
                path,
                read_mask(path, self._targets.most, sha256=self._digests.get(path, "")),
            )
        return self._last[1]

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of a mask file; the file is later refused if it changed.

        Raises:
            DataError: if the file can no longer be read.
        """
        if path not in self._digests:
            try:
                self._digests[path] = sha256_of(path)
            except OSError as error:
                raise DataError(f"{path}: cannot be read ({error.strerror})") from None
        return self._digests[path]

    def inner(self, path: Path) -> str:
        """Return a file's name below the folder."""
        return path.relative_to(self._top).as_posix()

    def note(self, path: Path, reason: str) -> None:
        """Note that a file is not used."""
        self.unused.append((self.inner(path), reason))


@cache
def _white_at(path: Path, changed: int, side: int, most: int) -> tuple[float, str]:
    """Return white share and reading of a mask for any image, cached as data sets share masks.

    `changed`, the modification time, is part of the cache key, so that changed files are re-read.
    """
    read = read_mask(path, most)
    return float(at_size(read.white, (side, side), image_shape=None).mean()), read.reading
