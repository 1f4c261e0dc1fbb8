"""`folder`: any folder of pictures, those in its folders included."""

from __future__ import annotations

from pathlib import Path

from benchmark.core.errors import DataError
from benchmark.core.images import list_pictures
from benchmark.datasets.base import Dataset


class Folder(Dataset):
    """All pictures below a folder, named by their path in it without the ending; or one file."""

    def _find(self, images: Path | None) -> dict[str, Path]:
        if images is None:
            raise DataError("the data set 'folder' needs a folder of pictures: --images DIR")
        listing = list_pictures(images, without=self._without)
        self.left_out = listing.left_out
        return listing.named
