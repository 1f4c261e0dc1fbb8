"""Data sets: add a module here and an entry to `DATASETS`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from benchmark.core.images import MOST_PIXELS
from benchmark.core.inspecting import is_inspecting
from benchmark.core.registry import Registry
from benchmark.datasets.base import Dataset
from benchmark.datasets.published import Published

__all__ = ["DATASETS", "Dataset", "is_published", "open_dataset", "takes_images"]

DATASETS: Registry[type[Dataset]] = Registry(
    "data set",
    {
        "samples": "benchmark.datasets.samples:Samples",
        "folder": "benchmark.datasets.folder:Folder",
        "places2": "benchmark.datasets.places2:Places2",
        "paris-street-view": "benchmark.datasets.paris_street_view:ParisStreetView",
        "celeba": "benchmark.datasets.celeba:CelebA",
    },
    base="benchmark.datasets.base:Dataset",
    group="bench.datasets",
)


def is_published(name: str) -> bool:
    """Whether a data set is read from the data root, in its authors' layout.

    Raises:
        UnknownName: if there is no such data set.
    """
    if is_inspecting() and name not in DATASETS.built_in:
        return False
    return issubclass(DATASETS.load(name), Published)


def takes_images(name: str) -> bool:
    """Whether a data set takes the folder of `--images`: `folder` and those of plugins.

    Raises:
        UnknownName: if there is no such data set.
    """
    return name == "folder" or (name not in DATASETS.built_in and not is_published(name))


def open_dataset(
    name: str,
    *,
    images: Path | None,
    size: int | None,
    most: int = MOST_PIXELS,
    without: Collection[Path] = (),
) -> Dataset:
    """Open a data set.

    Args:
        name: a name in `DATASETS`.
        images: the folder of images; for a published data set the data root.
        size: side of the square images, or None to keep their size.
        most: maximum number of pixels; a larger image is refused before it is decoded.
        without: files and folders in `images` to skip, for `folder`.

    Raises:
        UnknownName: if there is no such data set.
        DataError: if its images are missing.
    """
    kind = DATASETS.load(name)
    if name == "folder" and without:
        return kind(images=images, size=size, most=most, without=without)
    return kind(images=images, size=size, most=most)
