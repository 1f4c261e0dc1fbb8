"""Montages of the images that moved most between two runs, as files beside a summary.

From left to right: the image with the edge of its hole, then the outputs of both runs, each with
the heatmap of the cell's detector. They are read from the runs' stores; no model is loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.core.errors import DamagedOutput
from benchmark.core.filenames import file_part
from benchmark.core.paths import atomic, make_folder
from benchmark.core.types import Pixels
from benchmark.results.images import heatmap_image
from benchmark.results.rows import SampleKeys
from benchmark.results.run_folder import RunFolder
from benchmark.store.store import Store, is_store
from reports.comparison import Change, WorstImage
from reports.thumbnails import with_edge

SHOWN_TEXT = "the image, and what both runs made of it"
SIDE = 256  # longer side of a tile in pixels; smaller images are not enlarged
_APART = 4  # pixels between two tiles
_WHITE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Montage:
    """One image in two runs, side by side.

    Attributes:
        image: the image.
        path: the file, or None if nothing of it is in either store.
        said: what it shows from left to right, and what is missing.
    """

    image: WorstImage
    path: Path | None
    said: str


@dataclass(frozen=True, slots=True)
class _Tile:
    """One part of a montage: what it shows, and its pixels (H, W, 3) uint8, or None."""

    said: str
    pixels: Pixels | None = None


def write_montages(
    worst: Sequence[WorstImage], runs: Sequence[RunFolder], folder: Path
) -> list[Montage]:
    """Write METRIC-NUMBER.png for every image, the worst of a metric first.

    Args:
        worst: the images.
        runs: both runs.
        folder: destination, created if missing.

    Returns:
        One montage per image, in the same order.

    Raises:
        DataError: if the samples of a run cannot be read.
        OutputError: if a file cannot be written.
    """
    tiles: list[list[_Tile]] = [[] for _ in worst]
    holes: list[_Tile | None] = [None for _ in worst]
    for nth, run in zip(("first", "second"), runs, strict=True):
        if not is_store(run.store):
            for row in tiles:
                row.append(_Tile(f"{nth} run: its store is not here"))
            continue
        keys = _keys(run, worst)
        with Store(run.store, read_only=True) as store:
            for place, one in enumerate(worst):
                here = keys.get(_identity(one), SampleKeys())
                holes[place] = holes[place] or _hole(store, here, one.cell)
                tiles[place] += _outputs(store, here, nth, one.cell)
    return [
        _written(one, [*([hole] if hole else []), *row], folder / name)
        for one, hole, row, name in zip(worst, holes, tiles, _names(worst), strict=True)
    ]


def _names(worst: Iterable[WorstImage]) -> Iterator[str]:
    """Yield METRIC-NUMBER.png for every image."""
    counts: Counter[str] = Counter()
    for one in worst:
        counts[one.cell.metric] += 1
        yield f"{file_part(one.cell.metric)}-{counts[one.cell.metric]}.png"


def _identity(one: WorstImage) -> tuple[str, ...]:
    cell = one.cell
    if cell.of_forgeries:
        return cell.dataset, cell.launder, "", "", cell.detector, one.sample
    return cell.dataset, cell.launder, cell.bucket, cell.inpainter, cell.detector, one.sample


def _keys(run: RunFolder, worst: Iterable[WorstImage]) -> dict[tuple[str, ...], SampleKeys]:
    """Return the keys of the images in one run; a number of no detector is in any row."""
    wanted = {_identity(one) for one in worst}
    found: dict[tuple[str, ...], SampleKeys] = {}
    for row in run.each_sample():
        for detector in (row.detector, ""):
            about = ("", "") if row.forgery else (row.bucket, row.painter)
            key = (row.dataset, row.launder, *about, detector, row.sample)
            if key in wanted:
                found[key] = row.keys
    return found


def _hole(store: Store, keys: SampleKeys, cell: Change) -> _Tile | None:
    """Return the image with the edge of its hole or truth, or None if it is not in the store."""
    if len(store.known([keys.original, keys.mask])) < 2:
        return None
    try:
        edged = with_edge(store.image(keys.original), store.mask(keys.mask))
    except DamagedOutput:
        return None
    edge = "truth" if cell.of_forgeries else "hole"
    return _Tile(f"the image with the edge of its {edge}", edged)


def _outputs(store: Store, keys: SampleKeys, nth: str, cell: Change) -> Iterator[_Tile]:
    """Yield the inpainted image and, with a detector, its heatmap."""
    if not cell.of_forgeries:
        before = f" before {cell.launder}" if cell.launder else ""
        yield _stored(store, f"{nth} run{before}", keys.image, store.image)
    if cell.detector:
        load = lambda key: heatmap_image(store.heatmap(key))  # noqa: E731
        yield _stored(store, f"heatmap of the {nth} run", keys.heatmap, load)


def _stored(store: Store, name: str, key: str, load: Callable[[str], Pixels]) -> _Tile:
    if not key or not store.known([key]):
        return _Tile(f"{name}: not in its store")
    try:
        return _Tile(name, load(key))
    except DamagedOutput:
        return _Tile(f"{name}: damaged in its store")


def _written(one: WorstImage, tiles: Sequence[_Tile], path: Path) -> Montage:
    said = ", ".join(tile.said for tile in tiles) + "."
    pixels = [tile.pixels for tile in tiles if tile.pixels is not None]
    if not pixels:
        return Montage(image=one, path=None, said=said)
    make_folder(path.parent)
    with atomic(path) as draft:
        Image.fromarray(_strip(pixels)).save(draft, format="PNG")
    return Montage(image=one, path=path, said=said)


def _strip(tiles: Sequence[Pixels]) -> Pixels:
    """Return tiles side by side, (H, W, 3) uint8, each at most `SIDE` pixels on its longer side."""
    small = [_thumbnail(one) for one in tiles]
    height = max(len(one) for one in small)
    padded = [
        np.pad(one, ((0, height - len(one)), (0, _APART), (0, 0)), constant_values=_WHITE)
        for one in small
    ]
    return np.concatenate(padded, axis=1)[:, :-_APART]


def _thumbnail(pixels: Pixels) -> Pixels:
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)
