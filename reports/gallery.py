"""Gallery of a run: its images and heatmaps, small enough for a single HTML file.

As in the paper's Figures 5 and 6: image, hole, output of each inpainter, heatmap of each detector.
They are read from the store under the keys of the run; no model is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import numpy as np

from benchmark.core.errors import BenchError
from benchmark.metrics import METRICS
from benchmark.results.displayed import (
    Detected,
    DisplayedRun,
    DisplayedSample,
    folders,
    read_displayed,
)
from benchmark.results.run_folder import RunFolder
from benchmark.runner.jobs import Forgery
from benchmark.store.store import Store
from reports.sample_thumbnails import Thumbnails, render
from reports.thumbnails import data_uri

BUDGET = 12_000_000  # characters of all images together: the page stays under 15 MB
SIDES = (224, 192, 160, 128)  # longer side of an image in pixels: the largest that fits is used


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryDetection:
    """Detection of one inpainted image by one detector.

    Attributes:
        detector: name of the detector.
        heatmap: index of the heatmap among the images of the gallery.
        score: image-level score in [0, 1], or None.
        value: value of the gallery's metric on this image, or None.
    """

    detector: str
    heatmap: int
    score: float | None
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryOutput:
    """Output of one inpainter for one sample.

    Attributes:
        inpainter: name of the inpainter, with its retouching.
        image: index of the inpainted image among the images of the gallery.
        detections: detections of the inpainted image.
    """

    inpainter: str
    image: int
    detections: tuple[GalleryDetection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GallerySample:
    """One image with one mask.

    Attributes:
        dataset: name of the data set.
        sample: name of the image.
        bucket: mask-ratio bin.
        folder: name of the folder for its full-size images.
        original: index of the image among the images of the gallery.
        hole: index of the image with a white hole.
        outputs: outputs of the inpainters that are in the store.
        forgery: what it is in a set of forgeries, or None; then `original` is the forged image and
            `hole` its truth.
    """

    dataset: str
    sample: str
    bucket: str
    folder: str
    original: int
    hole: int
    outputs: tuple[GalleryOutput, ...]
    forgery: Forgery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """Images of a run.

    Attributes:
        metric: metric by which samples are ordered, or "" if there is none.
        side: longer side of the images in pixels, at most.
        images: data URIs without duplicates.
        samples: the samples shown, mask-ratio bins in turn.
        total: number of samples in the run.
        notes: what is not shown, and why.
    """

    metric: str
    side: int
    images: tuple[str, ...]
    samples: tuple[GallerySample, ...]
    total: int
    notes: tuple[str, ...]


def make_gallery(
    run: RunFolder,
    *,
    budget: int = BUDGET,
    progress: Callable[[int, int], object] = lambda _done, _total: None,
) -> Gallery:
    """Return the gallery of a run, with the images that are still available.

    Args:
        run: the run; images are read from its store.
        budget: largest length of all images together, in characters.
        progress: called with the number of finished samples and of all after each sample.

    Returns:
        The gallery; without samples, and with the reason, if data or store are missing.
    """
    try:
        shown = read_displayed(run)
        source = _Source(
            run=run,
            shown=shown,
            metric=hiding_metric(run),
            folders=folders(shown.samples),
        )
        with Store(run.store, read_only=True):  # a damaged one is one error, not one a sample
            return _gallery(source, budget, progress)
    except BenchError as error:
        return Gallery(
            metric="",
            side=0,
            images=(),
            samples=(),
            total=0,
            notes=(f"No images: {error}",),
        )


def hiding_metric(run: RunFolder) -> str:
    """Return the first detection metric of the plan: it measures how well inpainting is hidden."""
    metrics = [name for name in run.plan.metrics if METRICS.load(name).needs == "verdict"]
    return metrics[0] if metrics and run.plan.detectors else ""


@dataclass(slots=True)
class _ImagePool:
    """Images as data URIs without duplicates: identical images share an index."""

    indices: dict[str, int] = field(default_factory=dict)
    length: int = 0

    def add(self, content: bytes) -> int:
        """Add a thumbnail's file and return its index."""
        uri = data_uri(content)
        if uri not in self.indices:
            self.indices[uri] = len(self.indices)
            self.length += len(uri)
        return self.indices[uri]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Source of the images: the run, and what is known about its samples."""

    run: RunFolder
    shown: DisplayedRun
    metric: str
    folders: Mapping[tuple[str, str], str]


def _gallery(source: _Source, budget: int, progress: Callable[[int, int], object]) -> Gallery:
    samples = _interleaved(source.shown.samples)
    pool, side = _ImagePool(), _side(source, samples, budget)
    shown, unreadable = [], 0
    for done, (sample, rendered) in enumerate(
        render(source.run.store, source.shown, samples, side), 1
    ):
        if rendered is None:
            unreadable += 1
        else:
            shown.append(_add(source, sample, rendered, pool))
        progress(done, len(samples))
        if pool.length > budget:
            break
    return Gallery(
        metric=source.metric,
        side=side,
        images=tuple(pool.indices),
        samples=tuple(shown),
        total=len(samples),
        notes=tuple(_notes(source, shown, unreadable)),
    )


def _notes(source: _Source, shown: Sequence[GallerySample], unreadable: int) -> Iterator[str]:
    """Yield what is not shown, and why."""
    for name in source.shown.left_out:
        yield f"{name} is left out: its weights here are not those of the run."
    yield from _missing_models(source, shown)
    if unreadable:
        yield (
            f"{unreadable} samples are left out: their images are missing in this store, or "
            "damaged; rerun the plan to compute them, or give the run's own store with --store."
        )
    total = len(source.shown.samples)
    if len(shown) + unreadable < total:
        yield (
            f"{len(shown)} of {total} samples are shown, to keep the page small; the numbers are "
            "of all."
        )


def _missing_models(source: _Source, shown: Sequence[GallerySample]) -> Iterator[str]:
    """Yield models without any output in the store: another store, or keys of an older version."""
    outputs = [one for sample in shown for one in sample.outputs]
    found = {one.inpainter for one in outputs}
    found |= {detection.detector for one in outputs for detection in one.detections}
    made = [one for sample in source.shown.samples for one in sample.inpainted.values()]
    names = [one.name for one in made]
    names += [detection.detector for one in made for detection in one.detected]
    for name in dict.fromkeys(names):
        if shown and name not in found:
            yield (
                f"{name}: the store has no image of this version; rerun the plan to compute them, "
                "or give the run's own store with --store."
            )


def _side(source: _Source, samples: Sequence[DisplayedSample], budget: int) -> int:
    """Return the largest side at which all samples fit, estimated from one sample per bin."""
    tried = samples[: len(source.run.plan.buckets)]
    for side in SIDES[:-1]:
        pool = _ImagePool()
        for sample, rendered in render(source.run.store, source.shown, tried, side):
            if rendered is not None:
                _add(source, sample, rendered, pool)
        if pool.length * len(samples) <= 0.9 * budget * max(1, len(tried)):
            return side
    return SIDES[-1]


def _interleaved(samples: Sequence[DisplayedSample]) -> list[DisplayedSample]:
    """Return the samples with data sets and bins in turn, so that a cut keeps some of each."""
    groups: dict[tuple[str, str], list[DisplayedSample]] = {}
    for sample in samples:
        about = sample.forgery
        part = (sample.dataset, sample.bucket) if about is None else (about.subset, about.method)
        groups.setdefault(part, []).append(sample)
    return [one for row in zip_longest(*groups.values()) for one in row if one is not None]


def _add(
    source: _Source, sample: DisplayedSample, rendered: Thumbnails, pool: _ImagePool
) -> GallerySample:
    """Add a sample's files to the images of the gallery."""
    return GallerySample(
        dataset=sample.dataset,
        sample=sample.sample,
        bucket=sample.bucket,
        folder=source.folders[sample.dataset, sample.sample],
        original=pool.add(rendered.original),
        hole=pool.add(rendered.hole),
        forgery=sample.forgery,
        outputs=tuple(
            GalleryOutput(
                inpainter=one.name,
                image=pool.add(image),
                detections=tuple(
                    GalleryDetection(
                        detector=detected.detector,
                        heatmap=pool.add(heatmap),
                        score=score,
                        value=_value(source.metric, detected),
                    )
                    for detected, score, heatmap in heatmaps
                ),
            )
            for one, image, heatmaps in rendered.outputs
        ),
    )


def _value(name: str, one: Detected) -> float | None:
    numbers = one.row.numbers.get(name)
    if not numbers:
        return None
    value = float(METRICS.load(name)().values(np.asarray([numbers]))[0])
    return value if np.isfinite(value) else None
