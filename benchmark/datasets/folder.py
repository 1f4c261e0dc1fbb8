"""Data set of all images below a folder."""

from __future__ import annotations

from pathlib import Path

from benchmark.core.errors import DataError
from benchmark.core.image_files import list_images
from benchmark.datasets.base import Dataset


class Folder(Dataset):
    """All images below a folder, named by relative path without extension; or a single file."""

    def _find(self, images: Path | None) -> dict[str, Path]:
        if images is None:
            raise DataError("the data set 'folder' needs a folder of images: --images DIR")
        listing = list_images(images, without=self._without)
        self.left_out = listing.left_out
        return listing.named
