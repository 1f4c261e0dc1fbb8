"""Thumbnails of a run's samples, made in threads: Pillow and OpenCV release Python's lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.errors import DataError, OutputError
from benchmark.core.types import Mask
from benchmark.results.displayed import Detected, DisplayedRun, DisplayedSample, Images, Inpainted
from benchmark.store.store import Store
from reports.thumbnails import heatmap_thumbnail, thumbnail, truth_image, with_hole

THREADS = min(4, os.cpu_count() or 1)
TOGETHER = 8  # samples of a task: each opens the store and reads the rows once


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnails:
    """Files of one sample: images as WebP, heatmaps as JPEG.

    Attributes:
        original: the image, or the forged image of a set of forgeries.
        hole: the image with a white hole, or the truth of a forgery.
        outputs: the inpainted images that are in the store, each with its heatmaps and scores.
    """

    original: bytes
    hole: bytes
    outputs: tuple[tuple[Inpainted, bytes, tuple[tuple[Detected, float, bytes], ...]], ...]


def render(
    store: str | Path, run: DisplayedRun, samples: Sequence[DisplayedSample], side: int
) -> Iterator[tuple[DisplayedSample, Thumbnails | None]]:
    """Yield each sample, in order, with its thumbnails.

    Args:
        store: the store of the images.
        run: what is known about the images of the run.
        samples: the samples to show; a few for each thread are held in memory.
        side: longer side of the images in pixels.

    Yields:
        The sample and its thumbnails, or None if one of its images is missing or damaged.
    """
    pending: deque[Future[list[tuple[DisplayedSample, Thumbnails | None]]]] = deque()
    with ThreadPoolExecutor(THREADS) as threads:
        for start in range(0, len(samples), TOGETHER):
            part = samples[start : start + TOGETHER]
            pending.append(threads.submit(_render_together, store, run, part, side))
            if len(pending) > THREADS:
                yield from pending.popleft().result()
        for last in pending:
            yield from last.result()


def _render_together(
    place: str | Path, run: DisplayedRun, samples: Sequence[DisplayedSample], side: int
) -> list[tuple[DisplayedSample, Thumbnails | None]]:
    """Return each sample with its files, or with None if its image is missing or damaged.

    Each call opens the store: a connection to its database belongs to one thread.
    """
    try:
        with Store(place, read_only=True) as store:
            store.prefetch([key for one in samples for key in _keys(one)])
            renderer = _Renderer(store, run, side)
            return [(one, renderer.render(one)) for one in samples]
    except OutputError:
        return [(one, None) for one in samples]


def _keys(sample: DisplayedSample) -> Iterator[str]:
    yield sample.original
    yield sample.mask
    for output in sample.inpainted.values():
        yield output.image
        yield from (one.heatmap for one in output.detected)


class _Renderer:
    """Makes the thumbnails of samples; an image that the next sample has too is read once."""

    def __init__(self, store: Store, run: DisplayedRun, side: int) -> None:
        self._store, self._side = store, side
        self._images = Images(store, run.jobs)
        self._original: tuple[str, bytes] | None = None  # key and thumbnail

    def render(self, sample: DisplayedSample) -> Thumbnails | None:
        """Return a sample's files, or None if its image is missing or damaged."""
        store, side = self._store, self._side
        try:
            image, mask = self._images.load(sample)
            shown_mask = with_hole(image, mask) if sample.forgery is None else truth_image(mask)
            if self._original is None or self._original[0] != sample.original:
                self._original = sample.original, thumbnail(image, side)
            original = self._original[1]
            return Thumbnails(
                original=original,
                hole=thumbnail(shown_mask, side),
                outputs=tuple(
                    (
                        one,
                        original
                        if one.image == sample.original
                        else thumbnail(store.image(one.image), side),
                        tuple(_heatmaps(store, one.detected, mask)),
                    )
                    for one in sample.inpainted.values()
                    if store.known([one.image])
                ),
            )
        except (DataError, OutputError):
            return None


def _heatmaps(
    store: Store, detected: Sequence[Detected], mask: Mask
) -> Iterator[tuple[Detected, float, bytes]]:
    """Yield the detections of one image that are in the store, with scores and heatmaps."""
    scores = store.scores([one.heatmap for one in detected])
    for one, score in zip(detected, scores, strict=True):
        if score is not None:
            yield one, score, heatmap_thumbnail(store.heatmap(one.heatmap), mask)
