"""Thumbnails of the site, and each run's values per image as a file that the browser loads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from benchmark.core.errors import DataError, OutputError
from benchmark.core.paths import make_folder, write_text
from benchmark.core.types import Mask
from benchmark.metrics import METRICS
from benchmark.results.rounding import units
from benchmark.store.store import Store, is_store
from reports.board.names import data_file
from reports.board.run_numbers import BoardRun, ImagePlace, ImageResult
from reports.board.template import json_text
from reports.thumbnails import heatmap_thumbnail, thumbnail, with_hole

MOST_THUMBNAILS = 6000  # files of a site: about 15 MB
MOST_RESULTS = 100_000  # rows of a run's file: about 5 MB
SIDE = 192  # longer side of an image in pixels
THUMBS = "thumbs"
SCORE_DECIMALS = 3


@dataclass(slots=True)
class SiteImages:
    """Images of the site.

    Attributes:
        places: images and holes of all runs by id, data sets and bins in turn.
        runs: positions of the runs that have an image, by the image's id.
        names: keys and ids whose thumbnails were written.
        shown: ids of the images whose thumbnails were written.
        notes: what is not shown, in sentences.
    """

    places: dict[str, ImagePlace] = field(default_factory=dict)
    runs: dict[str, list[int]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def list_images(runs: Sequence[BoardRun]) -> SiteImages:
    """Return the images and holes of all runs; equal ones of several runs are one."""
    found = SiteImages()
    groups: dict[tuple[str, str], dict[str, ImagePlace]] = {}
    for position, run in enumerate(runs):
        for place in run.places:
            groups.setdefault((place.dataset, place.bucket), {})[place.id] = place
            found.runs.setdefault(place.id, []).append(position)
    for row in zip_longest(*(group.values() for group in groups.values())):
        found.places.update({one.id: one for one in row if one is not None})
    return found


def write_thumbnails(
    folder: Path,
    runs: Sequence[BoardRun],
    images: SiteImages,
    progress: Callable[[str], object] = lambda _: None,
) -> None:
    """Write the thumbnails of as many images as fit, each with the outputs of all runs.

    Args:
        folder: folder of the site.
        runs: the runs; images are read from their stores.
        images: images of the runs; what was written is added.
        progress: called with one line at times.

    Raises:
        OutputError: if a file cannot be written.
    """
    with ExitStack() as opened:
        stores = _stores(runs, images, opened)
        if not stores:
            return
        results = {run.id: _by_place(run) for run in runs if run.id in stores}
        missing = 0
        for count, (name, place) in enumerate(images.places.items()):
            having = [runs[at] for at in images.runs[name] if runs[at].id in stores]
            found = [one for run in having for one in results[run.id].get(name, ())]
            keys = {key for one in found for key in (one.image, one.heatmap) if key}
            if len(images.names) + len(keys - images.names) > MOST_THUMBNAILS:
                break
            if count % 20 == 0:
                progress(f"Thumbnails: image {count + 1} of {len(images.places)}")
            missing += _write_place(folder, place, [(run, stores[run.id]) for run in having],
                                    results, images)  # fmt: skip
    if missing:
        images.notes.append(
            f"{missing} outputs are not shown: their runs' stores lack them, or they are damaged."
        )
    if len(images.shown) < len(images.places):
        images.notes.append(
            f"{len(images.shown)} of {len(images.places)} images have thumbnails; the numbers are "
            "of all."
        )


def _stores(runs: Sequence[BoardRun], images: SiteImages, opened: ExitStack) -> dict[str, Store]:
    """Open the stores of the runs, each once, and note the runs without one."""
    stores: dict[str, Store] = {}
    found: dict[str, Store] = {}
    for run in runs:
        place = str(run.store)
        if not any(one.image for one in run.results):
            images.notes.append(f"{run.name}: no images: its files have no keys of its outputs.")
        elif not is_store(place):
            images.notes.append(f"{run.name}: no images: its store is not here.")
        else:
            try:
                if place not in stores:
                    stores[place] = opened.enter_context(Store(place, read_only=True))
                found[run.id] = stores[place]
            except OutputError as error:
                images.notes.append(f"{run.name}: no images: {error}")
    return found


def _by_place(run: BoardRun) -> dict[str, list[ImageResult]]:
    found: dict[str, list[ImageResult]] = {}
    ids = [place.id for place in run.places]
    for one in run.results:
        found.setdefault(ids[one.place], []).append(one)
    return found


def _write_place(
    folder: Path,
    place: ImagePlace,
    having: Sequence[tuple[BoardRun, Store]],
    results: Mapping[str, Mapping[str, Sequence[ImageResult]]],
    images: SiteImages,
) -> int:
    """Write the thumbnails of one image; return the number of outputs that cannot be read."""
    mask = next(
        (mask for _, store in having if (mask := _write_input(folder, place, store)) is not None),
        None,
    )
    if mask is None:
        return 0
    images.shown.add(place.id)
    missing = 0
    for run, store in having:
        for one in results[run.id].get(place.id, ()):
            for key, is_map in ((one.image, False), (one.heatmap, True)):
                if not key or key in images.names:
                    continue
                try:
                    _write_output(folder, store, key, mask if is_map else None)
                    images.names.add(key)
                except OutputError:
                    missing += 1
    return missing


def _write_input(folder: Path, place: ImagePlace, store: Store) -> Mask | None:
    """Write an image and the image with its hole; return the mask, or None if there is none."""
    keys = [place.original, place.mask]
    try:
        if not place.original or len(store.known(keys)) < len(set(keys)):
            return None
        pixels, mask = store.image(place.original), store.mask(place.mask)
    except (DataError, OutputError):
        return None
    for name, shown in (("image", pixels), ("hole", with_hole(pixels, mask))):
        _save(folder / thumbnail_file(f"{place.id}-{name}"), thumbnail(shown, SIDE))
    return mask


def _write_output(folder: Path, store: Store, key: str, mask: Mask | None) -> None:
    if mask is None:
        content = thumbnail(store.image(key), SIDE)
    else:
        content = heatmap_thumbnail(store.heatmap(key), mask)
    _save(folder / thumbnail_file(key, "webp" if mask is None else "jpg"), content)


def _save(path: Path, content: bytes) -> None:
    make_folder(path.parent)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None


def thumbnail_file(name: str, ending: str = "webp") -> str:
    """Return the file of a thumbnail, from the root of the site; `name` is hexadecimal."""
    return f"{THUMBS}/{name[:2]}/{name}.{ending}"


def write_data(folder: Path, run: BoardRun, images: SiteImages) -> None:
    """Write a run's values per image as a script, which pages load without a server.

    Raises:
        OutputError: if the file cannot be written.
    """
    path = folder / data_file(run)
    make_folder(path.parent)
    text = json_text(run_values(run, images))
    write_text(path, f"board.add({json.dumps(run.id)}, {text});\n")


def kept_results(run: BoardRun, images: SiteImages) -> dict[str, list[ImageResult]]:
    """Return the results in a run's file by image; of every run the same images if not all fit."""
    by_place = _by_place(run)
    kept: dict[str, list[ImageResult]] = {}
    rows = 0
    for name in images.places:
        if name not in by_place:
            continue
        rows += len(by_place[name])
        if rows > MOST_RESULTS:
            break
        kept[name] = by_place[name]
    return kept


def run_values(run: BoardRun, images: SiteImages) -> dict[str, Any]:
    """Return a run's values per image: per image and inpainter its output and its detections."""
    painters = list(run.variants)
    detectors = list(run.plan.detector_names)
    decimals = METRICS.load(run.metric).decimals
    kept = {
        name: _image_values(results, (painters, detectors), decimals, images)
        for name, results in kept_results(run, images).items()
    }
    return {
        "painters": painters,
        "detectors": detectors,
        "weights": [[name, one.identity] for name, one in run.weights.items()],
        "left": len({run.places[one.place].id for one in run.results}) - len(kept),
        "images": kept,
    }


def _image_values(
    found: Sequence[ImageResult],
    names: tuple[Sequence[str], Sequence[str]],
    decimals: int,
    images: SiteImages,
) -> list[Any]:
    """Return a list per inpainter: its image, then value, score and heatmap by detector."""
    painters, detectors = names
    table: list[Any] = [[0, *([0] * len(detectors))] for _ in painters]
    for one in found:
        row = table[painters.index(one.painter)]
        if one.image in images.names:
            row[0] = one.image
        if one.detector in detectors:
            row[1 + detectors.index(one.detector)] = [
                units(one.value, decimals),
                units(one.score, SCORE_DECIMALS),
                one.heatmap if one.heatmap in images.names else 0,
            ]
    return table


def browser_values(runs: Sequence[BoardRun], images: SiteImages) -> dict[str, Any]:
    """Return what the pages of images know before they load any run's values."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for at, name in enumerate(images.places):
        groups.setdefault(tuple(images.runs[name]), []).append(at)
    return {
        "runs": [
            {
                "id": run.id,
                "name": run.name,
                "file": data_file(run),
                "metric": METRICS.load(run.metric).title,
                "digits": METRICS.load(run.metric).decimals,
                "revision": run.record.metrics.get(run.metric, "not recorded"),
            }
            for run in runs
        ],
        "places": [
            [name, one.dataset, one.sample, one.bucket, int(name in images.shown)]
            for name, one in images.places.items()
        ],
        "groups": [[list(members), places] for members, places in groups.items()],
    }


def first_images(run: BoardRun, images: SiteImages, count: int) -> Iterator[str]:
    """Yield the ids of the first images of a run that have thumbnails."""
    own = {place.id for place in run.places}
    shown = (name for name in images.places if name in own and name in images.shown)
    for _, name in zip(range(count), shown, strict=False):
        yield name
