"""What every data set must do."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.datasets import DATASETS, Dataset
from benchmark.testing.models import demand

SIZE = 64


def check_dataset(what: str | type[Dataset], *, images: str | Path | None = None) -> None:
    """Check that a data set does what every data set must do, on its first three images.

    Args:
        what: its class, or its name.
        images: its folder, for one that lies in a folder.

    Raises:
        AssertionError: saying in plain words what it does not do.
        DataError: if its images are not there.
    """
    kind = DATASETS.load(what) if isinstance(what, str) else what
    name, place = kind.__name__, None if images is None else Path(images)
    data, again = (kind(images=place, size=SIZE) for _ in range(2))
    ids = list(data.ids())
    demand(held=bool(ids), said=f"{name}: it has no images")
    demand(held=len(set(ids)) == len(ids), said=f"{name}: two images have one name")
    demand(held=list(again.ids()) == ids, said=f"{name}: the order of its images changes")
    native = kind(images=place, size=None)
    for one in ids[:3]:
        pixels = data.load(one)
        demand(
            held=pixels.shape == (SIZE, SIZE, 3) and pixels.dtype == np.uint8,
            said=f"{name}: {one}: expected uint8 of {(SIZE, SIZE, 3)} at size {SIZE}, "
            f"got {pixels.dtype} of {pixels.shape}",
        )
        demand(
            held=np.array_equal(pixels, again.load(one)),
            said=f"{name}: {one}: the same image was read twice and differs",
        )
        demand(
            held=data.digest(one) == again.digest(one) and bool(data.digest(one)),
            said=f"{name}: {one}: its digest changes",
        )
        demand(
            held=native.load(one).shape[:2] == tuple(native.shape(one)),
            said=f"{name}: {one}: `shape` and the image differ",
        )
