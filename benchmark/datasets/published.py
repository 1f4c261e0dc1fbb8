"""Published data sets, in their authors' layout below the data root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmark.core.errors import DataError
from benchmark.core.image_files import is_image
from benchmark.datasets.base import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLayout:
    """Location of a published data set below the data root.

    Attributes:
        name: its name, and its own folder below the data root, which is optional.
        folders: folders of images as its archives unpack, in order of preference.
        files: glob pattern of the image files.
        source: where to get it, for display.
    """

    name: str
    folders: tuple[str, ...]
    files: str
    source: str

    def find(self, root: Path | None) -> Path:
        """Find the folder of images.

        Raises:
            DataError: with the folders searched, the expected files, and where to get them.
        """
        if root is None:
            raise DataError(f"{self.name}: needs --data-root DIR with {self._wanted}")
        for place in (root / self.name, root):
            for folder in self.folders:
                if any(map(is_image, (place / folder).glob(self.files))):
                    return place / folder
        raise DataError(f"{self.name}: not found in {root / self.name} or {root}: {self._wanted}")

    def images(self, folder: Path) -> list[Path]:
        """List the images in one of its folders, sorted by name."""
        return sorted(path for path in folder.glob(self.files) if is_image(path))

    @property
    def _wanted(self) -> str:
        places = " or ".join(f"{folder}/{self.files}" for folder in self.folders)
        return f"{places}, from {self.source}"


class Published(Dataset):
    """Images of a published data set, named by file; the argument `images` is the data root."""

    layout: ClassVar[PublishedLayout]

    def _find(self, images: Path | None) -> dict[str, Path]:
        folder = self.layout.find(images)
        found = {path.stem: path for path in self.layout.images(folder) if self._tests(path)}
        if not found:
            raise DataError(f"{self.layout.name}: {folder} has no image of the test split")
        return found

    def _tests(self, path: Path) -> bool:
        """Whether a file belongs to the test split."""
        return True
