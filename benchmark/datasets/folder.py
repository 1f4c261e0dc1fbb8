"""`folder`: any folder of pictures, those in its folders included."""

from __future__ import annotations

from pathlib import Path

from benchmark.core.errors import DataError
from benchmark.core.pictures import named_pictures
from benchmark.datasets.base import Dataset


class Folder(Dataset):
    """All pictures below a folder, named by their path in it without the ending."""

    def _find(self, images: Path | None) -> dict[str, Path]:
        if images is None:
            raise DataError("the data set 'folder' needs a folder of pictures: --images DIR")
        return named_pictures(images)
