"""Contract checks of data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.datasets import DATASETS, Dataset
from benchmark.testing.models import require

SIZE = 64


def check_dataset(what: str | type[Dataset], *, images: str | Path | None = None) -> None:
    """Check that a data set meets the requirements of all data sets, on its first three images.

    Args:
        what: the class, or the name of a registered data set.
        images: the folder, for a data set that reads a folder.

    Raises:
        AssertionError: naming the requirement that is not met.
        DataError: if its images are missing.
    """
    kind = DATASETS.load(what) if isinstance(what, str) else what
    name, place = kind.__name__, None if images is None else Path(images)
    data, again = (kind(images=place, size=SIZE) for _ in range(2))
    ids = list(data.ids())
    require(condition=bool(ids), message=f"{name}: contains no images")
    require(condition=len(set(ids)) == len(ids), message=f"{name}: two images have the same name")
    require(
        condition=list(again.ids()) == ids,
        message=f"{name}: the order of the images differs between two instances",
    )
    native = kind(images=place, size=None)
    for one in ids[:3]:
        pixels = data.load(one)
        require(
            condition=pixels.shape == (SIZE, SIZE, 3) and pixels.dtype == np.uint8,
            message=f"{name}: {one}: expected uint8 of {(SIZE, SIZE, 3)} at size {SIZE}, "
            f"got {pixels.dtype} of {pixels.shape}",
        )
        require(
            condition=np.array_equal(pixels, again.load(one)),
            message=f"{name}: {one}: two reads of the image differ",
        )
        require(
            condition=data.digest(one) == again.digest(one) and bool(data.digest(one)),
            message=f"{name}: {one}: the digest is empty or differs between two instances",
        )
        require(
            condition=native.load(one).shape[:2] == tuple(native.shape(one)),
            message=f"{name}: {one}: `shape` differs from the shape of the image",
        )
