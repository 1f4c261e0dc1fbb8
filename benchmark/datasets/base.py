"""What a data set is: named images, with a digest that needs no decoding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path

from benchmark.core.checkpoints.resolve import sha256_of
from benchmark.core.errors import DataError
from benchmark.core.image_limits import refuse_large
from benchmark.core.images import MOST_PIXELS, fit, image_shape, read_image
from benchmark.core.types import Pixels


class Dataset(ABC):
    """Named images in files; a subclass finds them.

    Args:
        images: the folder, for a data set that lies in one; for a published one the data root.
        size: side of the square images, or None to leave them as they are.
        most: pixels; an image that has more is refused before it is decoded.
        without: files and folders that hold no images of the data set, such as its masks; only
            `folder` is told of them.

    Attributes:
        left_out: what lies beside the images and is not used, a count for each reason.

    Raises:
        DataError: if the images are not there.
    """

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

    @abstractmethod
    def _find(self, images: Path | None) -> dict[str, Path]:
        """The files by the images' names, in the order of the names."""

    def ids(self) -> Sequence[str]:
        """The images' names, in a stable order."""
        return list(self._files)

    def path(self, name: str) -> Path:
        """The file of an image."""
        return self._files[name]

    def digest(self, name: str) -> str:
        """SHA-256 of an image's file.

        Raises:
            DataError: if the file cannot be opened, or is too large for an image's.
        """
        if name not in self._digests:
            try:
                refuse_large(self._files[name], self._most)
                self._digests[name] = sha256_of(self._files[name])
            except OSError as error:
                raise DataError(f"{self._files[name]}: cannot be read ({error.strerror})") from None
        return self._digests[name]

    def shape(self, name: str) -> tuple[int, int]:
        """Height and width of an image as it is filed, upright, before cropping and resizing.

        Raises:
            DataError: if its file cannot be read as an image.
        """
        return image_shape(self._files[name], self._most)

    def load(self, name: str) -> Pixels:
        """An image at evaluation size, (H, W, 3) uint8 RGB.

        Raises:
            FileChanged: if its file is not what `digest` was taken of.
            DataError: if its file cannot be read as an image.
        """
        digest = self._digests.get(name, "")
        return fit(read_image(self._files[name], self._most, sha256=digest), self._size)
