"""What moved between two runs, as a part of their comparison's page: numbers and images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from benchmark.core.errors import OutputError
from benchmark.core.types import Mask, Pixels
from benchmark.metrics import METRICS
from benchmark.results.rounding import number, signed
from benchmark.results.rows import SampleKeys, SampleRow
from benchmark.results.run_folder import RunFolder
from benchmark.store.store import Store, is_store
from reports.moved import MovedImage, detection_metric, moved_images
from reports.thumbnails import data_uri, heatmap_thumbnail, thumbnail, truth_image, with_hole

SHOWN = 12  # largest changes on the page
_SIDE = 160  # longer side of an image in pixels
_ON_A_BOARD = "'bench board' has a page with all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One image that moved.

    Attributes:
        title: image, inpainter and detector, in words.
        change: the change with its sign.
        numbers: both numbers, in words.
        images: caption and data URI of each image that the stores have.
    """

    title: str
    change: str
    numbers: str
    images: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The part of the page.

    Attributes:
        metric: title of the metric.
        total: number of detections that moved.
        compared: number of detections that both runs have.
        exhibits: those with the largest changes.
        notes: what is not shown, and why.
    """

    metric: str
    total: int
    compared: int
    exhibits: tuple[Exhibit, ...]
    notes: tuple[str, ...]


def moved_part(first: RunFolder, second: RunFolder) -> Moved:
    """Return what moved between two runs over the same images.

    Raises:
        DataError: if the samples of a run cannot be read.
    """
    metric = detection_metric(first)
    found, compared = moved_images(first, second)
    with ExitStack() as opened:
        stores = [_store(run, opened) for run in (first, second)]
        exhibits = tuple(_exhibit(one, metric, stores) for one in found[:SHOWN])
    names = ("first", "second")
    notes = [
        f"No images of the {name} run: its store is not here."
        for name, store in zip(names, stores, strict=True)
        if store is None and found
    ]
    if len(found) > SHOWN:
        rest = "samples.csv of both runs has all" if found[0].first.forgery else _ON_A_BOARD
        notes.append(f"{SHOWN} of {len(found)} are shown; {rest}.")
    return Moved(
        metric=METRICS.load(metric).title,
        total=len(found),
        compared=compared,
        exhibits=exhibits,
        notes=tuple(notes),
    )


def _store(run: RunFolder, opened: ExitStack) -> Store | None:
    if not is_store(run.store):
        return None
    try:
        return opened.enter_context(Store(run.store, read_only=True))
    except OutputError:
        return None


def _exhibit(one: MovedImage, metric: str, stores: list[Store | None]) -> Exhibit:
    row, digits = one.second, METRICS.load(metric).decimals
    return Exhibit(
        title=_title(row),
        change=signed(one.change, digits),
        numbers=f"{number(one.before, digits)} to {number(one.after, digits)}",
        images=tuple(_images(one, stores)),
    )


def _title(row: SampleRow) -> str:
    """Return image, hole and models in words; of a forgery its subset and method, if they are."""
    if row.forgery is None:
        return f"{row.sample}, mask {row.bucket} %: {row.painter} on {row.detector}"
    about = (row.sample, row.forgery.subset, row.forgery.method)
    return f"{', '.join(filter(None, about))}: {row.detector}"


def _images(one: MovedImage, stores: list[Store | None]) -> Iterator[tuple[str, str]]:
    """Yield caption and data URI of image, hole or truth, outputs and heatmaps that can be read."""
    mask: Mask | None = None
    for row, store in zip((one.first, one.second), stores, strict=True):
        if mask is None and (inputs := _inputs(row.keys, store)) is not None:
            pixels, mask = inputs
            yield "image", data_uri(thumbnail(pixels, _SIDE))
            forged = row.forgery is not None
            shown = truth_image(mask) if forged else with_hole(pixels, mask)
            yield "truth" if forged else "hole", data_uri(thumbnail(shown, _SIDE))
    for name, row, store in zip(("first", "second"), (one.first, one.second), stores, strict=True):
        if store is None:
            continue
        for caption, key in (("output", row.keys.image), ("heatmap", row.keys.heatmap)):
            if key and store.known([key]):
                try:
                    yield f"{name}: {caption}", data_uri(_output(store, key, caption, mask))
                except OutputError:  # damaged: bench check names it
                    continue


def _inputs(keys: SampleKeys, store: Store | None) -> tuple[Pixels, Mask] | None:
    wanted = [keys.original, keys.mask]
    if store is None or not all(wanted) or len(store.known(wanted)) < len(set(wanted)):
        return None
    try:
        return store.image(keys.original), store.mask(keys.mask)
    except OutputError:
        return None


def _output(store: Store, key: str, caption: str, mask: Mask | None) -> bytes:
    if caption == "output":
        return thumbnail(store.image(key), _SIDE)
    edge = mask if mask is not None and np.any(mask) else None
    return heatmap_thumbnail(store.heatmap(key), edge)
