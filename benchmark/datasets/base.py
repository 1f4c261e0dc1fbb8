"""Base class of data sets: named image files, hashed without decoding them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import ClassVar

from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import DataError
from benchmark.core.image_limits import refuse_large
from benchmark.core.images import MOST_PIXELS, fit, image_shape, read_image
from benchmark.core.types import Pixels


class Dataset(ABC):
    """Named image files, which a subclass finds.

    Args:
        images: the folder of images; for a published data set the data root.
        size: side of the square images, or None to keep their size.
        most: maximum number of pixels; a larger image is refused before it is decoded.
        without: files and folders to skip, such as masks; given to `folder` only.

    Attributes:
        terms: terms under which its images may be passed on, or "" if they may not, or it is
            unknown.
        left_out: unused files in the folder: a count for each reason.

    Raises:
        DataError: if the images are missing.
    """

    terms: ClassVar[str] = ""

    def __init__(
        self,
        *,
        images: Path | None,
        size: int | None,
        most: int = MOST_PIXELS,
        without: Collection[Path] = (),
    ) -> None:
        self._without = without
        self._size = size
        self._most = most
        self.left_out: tuple[str, ...] = ()
        self._files = self._find(images)
        self._digests: dict[str, str] = {}

    @classmethod
    def may_redistribute(cls, name: str) -> bool:
        """Return whether the terms of an image allow that it is passed on, as in a bundle.

        Args:
            name: the image's name.
        """
        return bool(cls.terms)

    @abstractmethod
    def _find(self, images: Path | None) -> dict[str, Path]:
        """Find the image files by name, sorted by name."""

    def ids(self) -> Sequence[str]:
        """Return the images' names, in a stable order."""
        return list(self._files)

    def path(self, name: str) -> Path:
        """Return the file of an image."""
        return self._files[name]

    def digest(self, name: str) -> str:
        """Return the SHA-256 of an image's file.

        Raises:
            DataError: if the file cannot be read, or is too large.
        """
        if name not in self._digests:
            try:
                refuse_large(self._files[name], self._most)
                self._digests[name] = sha256_of(self._files[name])
            except OSError as error:
                raise DataError(f"{self._files[name]}: cannot be read ({error.strerror})") from None
        return self._digests[name]

    def shape(self, name: str) -> tuple[int, int]:
        """Return height and width of an image file after EXIF rotation, before crop and resize.

        Raises:
            DataError: if it cannot be read as an image.
        """
        return image_shape(self._files[name], self._most)

    def load(self, name: str) -> Pixels:
        """Return an image at evaluation size, (H, W, 3) uint8 RGB.

        Raises:
            FileChanged: if its file has changed since `digest` was computed.
            DataError: if it cannot be read as an image.
        """
        digest = self._digests.get(name, "")
        return fit(read_image(self._files[name], self._most, sha256=digest), self._size)
