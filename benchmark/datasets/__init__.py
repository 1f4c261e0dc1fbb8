"""Data sets. `DATASETS` is the list; adding one adds a line here and a file beside it."""

from __future__ import annotations

from pathlib import Path

from benchmark.core.registry import Registry
from benchmark.datasets.base import Dataset

__all__ = ["DATASETS", "Dataset", "open_dataset"]

DATASETS: Registry[type[Dataset]] = Registry(
    "data set",
    {
        "samples": "benchmark.datasets.samples:Samples",
        "folder": "benchmark.datasets.folder:Folder",
    },
)


def open_dataset(name: str, *, images: Path | None, size: int | None) -> Dataset:
    """Open a data set.

    Args:
        name: a name of `DATASETS`.
        images: its folder, for a data set that lies in one.
        size: side of the square pictures, or None to leave them as they are.

    Raises:
        UnknownName: if there is no such data set.
        DataError: if its pictures are not there.
    """
    kind = DATASETS.load(name)
    return kind(images=images, size=size)
