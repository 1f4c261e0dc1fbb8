"""Data sets in the layout in which their authors publish them, below one folder: the data root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmark.core.errors import DataError
from benchmark.core.image_files import is_image
from benchmark.datasets.base import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedLayout:
    """Where something published lies below the data root.

    Attributes:
        name: what it is called, and the folder of its own that it may lie in.
        folders: as its archives unpack, in the order in which they are looked for.
        files: what the images in it are called, as a pattern for file names.
        source: where to get it.
    """

    name: str
    folders: tuple[str, ...]
    files: str
    source: str

    def find(self, root: Path | None) -> Path:
        """The folder that has the images.

        Raises:
            DataError: one line: where it was looked for, what should be there, where to get it.
        """
        if root is None:
            raise DataError(f"{self.name}: needs --data-root DIR with {self._wanted}")
        for place in (root / self.name, root):
            for folder in self.folders:
                if any(map(is_image, (place / folder).glob(self.files))):
                    return place / folder
        raise DataError(f"{self.name}: not found in {root / self.name} or {root}: {self._wanted}")

    def pictures(self, folder: Path) -> list[Path]:
        """The images in one of its folders, in the order of their names."""
        return sorted(path for path in folder.glob(self.files) if is_image(path))

    @property
    def _wanted(self) -> str:
        places = " or ".join(f"{folder}/{self.files}" for folder in self.folders)
        return f"{places}, from {self.source}"


class Published(Dataset):
    """The images of a published data set, named by their files; `images` is the data root."""

    layout: ClassVar[PublishedLayout]

    def _find(self, images: Path | None) -> dict[str, Path]:
        folder = self.layout.find(images)
        found = {path.stem: path for path in self.layout.pictures(folder) if self._tests(path)}
        if not found:
            raise DataError(f"{self.layout.name}: {folder} has no image of the test part")
        return found

    def _tests(self, path: Path) -> bool:
        """Whether a file belongs to the part that models are tested on."""
        return True
