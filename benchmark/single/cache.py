"""Outputs for single images in the store of all runs, under keys of their own.

A key hashes all that decides an output: the image's pixels, the mask, the model with its weights,
and what the model sees of the image (crop or tiles).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import DamagedOutput
from benchmark.core.paths import expand_home, home
from benchmark.core.tiles import Tiling
from benchmark.core.types import Mask, Pixels
from benchmark.runner.jobs import ResolvedModel
from benchmark.runner.keys import key_of
from benchmark.single.crop import Crop
from benchmark.store.store import Store, is_address

REVISION = 1  # raised whenever crops, tiles or their blend give another output


@contextmanager
def open_cache(place: str | Path | None = None) -> Iterator[Store]:
    """Open the store of model outputs.

    Args:
        place: a folder, or an address such as s3://bucket/prefix; by default where all runs keep
            theirs.

    Raises:
        OutputError: if it cannot be made, written or read as a store.
    """
    if place is None:
        place = home() / "store"
    elif not is_address(place):
        place = expand_home(Path(place))
    with Store(place) as store, store.used():
        yield store


def array_digest(array: NDArray[np.generic]) -> str:
    """128 bits, as 32 hexadecimal digits, of an array's type, shape and content."""
    state = blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=16)
    state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


def inpaint_key(
    chosen: ResolvedModel, pixels: Pixels, mask: Mask, *, crop: Crop, seed: int, name: str
) -> str:
    """The key of an inpainted image.

    Args:
        chosen: the inpainter.
        pixels: (H, W, 3) uint8, the image.
        mask: (H, W) bool, the hole.
        crop: what the inpainter sees of it.
        seed: of a model that draws; it enters the key of no other.
        name: of the image; it enters the key of a model whose output may depend on it.
    """
    return key_of(
        "single inpaint",
        REVISION,
        chosen.identity,
        array_digest(pixels),
        array_digest(mask),
        crop.key,
        seed if chosen.card.seeded else "",
        name if chosen.card.seeded or chosen.card.by_name else "",
    )


def detect_key(chosen: ResolvedModel, pixels: Pixels, *, tiling: Tiling | None, name: str) -> str:
    """The key of a detection.

    Args:
        chosen: the detector.
        pixels: (H, W, 3) uint8, the image.
        tiling: how the image is divided, or None where the detector sees it whole.
        name: as `inpaint_key` has it.
    """
    return key_of(
        "single detect",
        REVISION,
        chosen.identity,
        array_digest(pixels),
        f"{tiling.side} {tiling.overlap}" if tiling else "",
        name if chosen.card.by_name else "",
    )


def cached_image(store: Store, key: str) -> Pixels | None:
    """The image under a key, or None where there is none; a damaged one is forgotten."""
    try:
        return store.image(key) if store.known([key]) else None
    except DamagedOutput:
        return None


def cached_heatmap(store: Store, key: str) -> NDArray[np.float16] | None:
    """The logits under a key, or None where there are none; damaged ones are forgotten."""
    try:
        return store.heatmap(key) if store.known([key]) else None
    except DamagedOutput:
        return None
