"""Training images: read, checked against the test images, downscaled, split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.core.filenames import printable
from benchmark.core.image_files import find_images
from benchmark.core.images import read_image
from benchmark.core.seeds import seed_of
from benchmark.core.types import Pixels
from benchmark.training.data.masks import told
from benchmark.training.leakage import digest_of, refused_digests
from benchmark.training.recipe_tables import Stage

IN_MEMORY = 20_000  # largest number of images kept in memory; more are read when they are used
AT_ONCE = 1000  # files queued for the reading threads


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingImages:
    """8-bit RGB images, downscaled to several short sides.

    Attributes:
        names: file names, in the order of the images.
        files: their paths.
        digests: `digest_of` each image at its own size.
        shrunk: by short side, the images (H, W, 3) uint8; empty if there are too many to keep.
        test: names of test images among them.
        left_out: files that cannot be read or are too small, each with the reason.
        beside: other files in the folder, with a count for each reason.
    """

    names: tuple[str, ...]
    files: tuple[Path, ...]
    digests: tuple[str, ...]
    shrunk: dict[int, tuple[Pixels, ...]]
    test: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted digests of all images, independent of file names."""
        return hashlib.sha256("\n".join(sorted(self.digests)).encode()).hexdigest()

    def part(self, chosen: Iterable[int]) -> TrainingImages:
        """A subset of the images, by their indices; nothing is copied."""
        kept = list(chosen)
        return TrainingImages(
            names=tuple(self.names[i] for i in kept),
            files=tuple(self.files[i] for i in kept),
            digests=tuple(self.digests[i] for i in kept),
            shrunk={side: tuple(all_[i] for i in kept) for side, all_ in self.shrunk.items()},
            test=tuple(self.names[i] for i in kept if self.names[i] in self.test),
        )

    def picture(self, number: int, side: int) -> Pixels:
        """Image `number`, (H, W, 3) uint8, of short side `side`.

        Raises:
            DataError: if its file can no longer be read.
        """
        if self.shrunk:
            return self.shrunk[side][number]
        return _shrunk(Image.fromarray(read_image(self.files[number])), side)

    def cut(self, number: int, stage: Stage, side: int, draw: np.random.Generator) -> Pixels:
        """A crop of image `number` at a short side of `side`, with a random place and flip.

        Args:
            number: index of the image.
            stage: its `crop` is the size, its `place` random or the center.
            side: short side of the image.
            draw: random generator.

        Returns:
            (crop, crop, 3) uint8 RGB.
        """
        pixels = self.picture(number, side)
        height, width = pixels.shape[:2]
        down, right = height - stage.crop, width - stage.crop
        top, left = int(draw.integers(down + 1)), int(draw.integers(right + 1))
        if stage.place == "centre":
            top, left = down // 2, right // 2
        square = pixels[top : top + stage.crop, left : left + stage.crop]
        return square[:, ::-1] if draw.random() < 0.5 else square


def read_training_images(
    folder: Path,
    *,
    sides: Iterable[int],
    minimum: int,
    allow_test: bool = False,
    workers: int = 0,
) -> TrainingImages:
    """Read all images in a folder that are large enough, and downscale them to each side.

    Downscaling (by 1.25 or more from a short side of 320 to 256) removes the JPEG grid; otherwise a
    detector would learn that holes are not JPEG-compressed.

    Args:
        folder: searched recursively; or one image.
        sides: short sides in pixels; images need the largest of them.
        minimum: smallest number of images.
        allow_test: whether test images are accepted.
        workers: number of reading threads; 0 reads in this thread.

    Returns:
        The images, in the order of their names.

    Raises:
        DataError: if the folder does not exist, has fewer usable images than `minimum`, or test
            images that are not allowed.
    """
    if not folder.exists():
        raise DataError(f"{folder}: no such folder of images; give one with --data")
    wanted = sorted(set(sides), reverse=True)
    there = find_images(folder)
    files, top = there.files, there.top
    kept = wanted if len(files) <= IN_MEMORY else []
    read = list(_all_seen(files, wanted[0], kept, workers))
    usable = [(path, seen) for path, seen in read if isinstance(seen, _Seen)]
    reasons = _reasons(read, top)
    if len(usable) < max(minimum, 1):
        excluded = f"; left out: {told(reasons)}" if reasons else ""
        raise DataError(
            f"{folder}: {len(usable)} of {len(files)} files can be read and have sides of "
            f"{wanted[0]} or more; training needs at least {max(minimum, 1)} images: "
            f"add some, or lower 'minimum' in a copy of the recipe{excluded}"
        )
    found = TrainingImages(
        names=tuple(str(path.relative_to(top)) for path, _ in usable),
        files=tuple(path for path, _ in usable),
        digests=tuple(seen.digest for _, seen in usable),
        shrunk={side: tuple(seen.sizes[side] for _, seen in usable) for side in kept},
        test=tuple(str(path.relative_to(top)) for path, seen in usable if seen.test),
        left_out=reasons,
        beside=there.left_out,
    )
    if found.test and not allow_test:
        example = next(seen for _, seen in usable if seen.test)
        raise DataError(
            f"{folder}: {len(found.test)} of {len(found)} are test images, such as "
            f"{found.test[0]} ({example.test}); remove them, or give --allow-test-photos, which is "
            "recorded in the weights"
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """An image at each short side, its digest, and the name of the test image it is, or ""."""

    sizes: dict[int, Pixels]
    digest: str
    test: str


def _all_seen(
    files: Sequence[Path], least: int, kept: Sequence[int], workers: int
) -> Iterator[tuple[Path, _Seen | str]]:
    """Every file with its image, or why it cannot be used, in order."""
    refused_digests()  # cached once, not by every thread

    def see(path: Path) -> _Seen | str:
        return _seen(path, least, kept)

    if not workers:
        yield from zip(files, map(see, files), strict=True)
        return
    with ThreadPoolExecutor(workers) as threads:
        for first in range(0, len(files), AT_ONCE):
            some = files[first : first + AT_ONCE]
            yield from zip(some, threads.map(see, some), strict=True)


def _seen(path: Path, least: int, kept: Sequence[int]) -> _Seen | str:
    """The image, or why it cannot be used."""
    try:
        pixels = read_image(path)
    except DataError as error:
        return str(error).removeprefix(f"{path}: ")
    picture = Image.fromarray(pixels)
    if min(picture.size) < least:
        return f"{picture.width}x{picture.height} pixels, expected sides of {least} or more"
    sizes = {side: _shrunk(picture, side) for side in kept}
    digest = digest_of(pixels)
    return _Seen(sizes=sizes, digest=digest, test=refused_digests().get(digest, ""))


def _reasons(read: Iterable[tuple[Path, _Seen | str]], top: Path) -> tuple[str, ...]:
    """The files that cannot be used, each with the reason."""
    return tuple(
        f"{printable(str(path.relative_to(top)))}: {seen}"
        for path, seen in read
        if isinstance(seen, str)
    )


def _shrunk(picture: Image.Image, side: int) -> Pixels:
    factor = side / min(picture.size)
    width, height = (round(length * factor) for length in picture.size)
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def divide(images: TrainingImages, held_out: int) -> tuple[TrainingImages, TrainingImages]:
    """Split images into training images and `held_out` others, by the hash of their names.

    Raises:
        DataError: if no training image would remain.
    """
    if held_out >= len(images):
        raise DataError(f"held_out is {held_out} of {len(images)} images; add more images")
    order = sorted(range(len(images)), key=lambda i: seed_of(images.names[i]))
    return images.part(sorted(order[held_out:])), images.part(sorted(order[:held_out]))
