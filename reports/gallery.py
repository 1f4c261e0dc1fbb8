"""Gallery of a run: its images and heatmaps, small enough for a single HTML file.

As in the paper's Figures 5 and 6: image, hole, output of each inpainter, heatmap of each detector.
They are read from the store under the keys of the run; no model is loaded.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from itertools import zip_longest

import numpy as np
from PIL import Image

from benchmark.core.errors import BenchError, DataError, OutputError
from benchmark.core.types import Mask, Pixels
from benchmark.metrics import METRICS
from benchmark.results.displayed import (
    Detected,
    DisplayedRun,
    DisplayedSample,
    Images,
    Inpainted,
    folders,
    read_displayed,
)
from benchmark.results.images import heatmap_image
from benchmark.results.run_folder import RunFolder
from benchmark.runner.jobs import Forgery
from benchmark.store.store import Store

BUDGET = 12_000_000  # characters of all images together: the page stays under 15 MB
SIDES = (224, 192, 160, 128)  # longer side of an image in pixels: the largest that fits is used
HEATMAP_SIDE = 96  # longer side of a heatmap in pixels: heatmaps are smooth
_QUALITY = 70
_HEATMAP_QUALITY = 50
_WHITE = 255  # color of the hole, as in the paper's figures


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


def make_gallery(run: RunFolder, *, budget: int = BUDGET) -> Gallery:
    """Return the gallery of a run, with the images that are still available.

    Args:
        run: the run; images are read from its store.
        budget: largest length of all images together, in characters.

    Returns:
        The gallery; without samples, and with the reason, if data or store are missing.
    """
    try:
        shown = read_displayed(run)
        with Store(run.store, read_only=True) as store:
            source = _Source(
                run=run,
                shown=shown,
                store=store,
                images=Images(store, shown.jobs),
                metric=hiding_metric(run),
                folders=folders(shown.samples),
            )
            return _gallery(source, budget)
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
        """Add a WebP file and return its index."""
        uri = "data:image/webp;base64," + base64.b64encode(content).decode("ascii")
        if uri not in self.indices:
            self.indices[uri] = len(self.indices)
            self.length += len(uri)
        return self.indices[uri]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Source of the images: run, store, and what is known about the samples."""

    run: RunFolder
    shown: DisplayedRun
    store: Store
    images: Images
    metric: str
    folders: Mapping[tuple[str, str], str]


def _gallery(source: _Source, budget: int) -> Gallery:
    samples = _interleaved(source.shown.samples)
    pool, side = _ImagePool(), _side(source, samples, budget)
    shown, unreadable = [], 0
    for sample in samples:
        try:
            shown.append(_sample(source, sample, pool, side))
        except (DataError, OutputError):
            unreadable += 1
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
        for sample in tried:
            try:
                _sample(source, sample, pool, side)
            except (DataError, OutputError):
                continue
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


def _sample(source: _Source, sample: DisplayedSample, pool: _ImagePool, side: int) -> GallerySample:
    image, mask = source.images.load(sample)
    return GallerySample(
        dataset=sample.dataset,
        sample=sample.sample,
        bucket=sample.bucket,
        folder=source.folders[sample.dataset, sample.sample],
        original=pool.add(_thumbnail(image, side, _QUALITY)),
        hole=pool.add(_thumbnail(_shown_mask(sample, image, mask), side, _QUALITY)),
        forgery=sample.forgery,
        outputs=tuple(
            GalleryOutput(
                inpainter=one.name,
                image=pool.add(_thumbnail(source.store.image(one.image), side, _QUALITY)),
                detections=tuple(_detections(source, one, pool, mask)),
            )
            for one in sample.inpainted.values()
            if source.store.known([one.image])
        ),
    )


def _detections(
    source: _Source, inpainted: Inpainted, pool: _ImagePool, mask: Mask
) -> Iterator[GalleryDetection]:
    for one in inpainted.detected:
        (score,) = source.store.scores([one.heatmap])
        if score is not None:
            heatmap = heatmap_image(source.store.heatmap(one.heatmap))
            content = _thumbnail(heatmap, HEATMAP_SIDE, _HEATMAP_QUALITY, edge_of=mask)
            yield GalleryDetection(
                detector=one.detector,
                heatmap=pool.add(content),
                score=score,
                value=_value(source.metric, one),
            )


def _value(name: str, one: Detected) -> float | None:
    numbers = one.row.numbers.get(name)
    if not numbers:
        return None
    value = float(METRICS.load(name)().values(np.asarray([numbers]))[0])
    return value if np.isfinite(value) else None


def _shown_mask(sample: DisplayedSample, image: Pixels, mask: Mask) -> Pixels:
    """Return the image with its hole, or the truth of a forgery, white = forged."""
    if sample.forgery is None:
        return with_hole(image, mask)
    return np.repeat((mask * np.uint8(_WHITE))[..., None], 3, axis=2)


def with_hole(image: Pixels, mask: Mask) -> Pixels:
    """Return an image with a white hole, as in the paper's figures.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) bool, True = hole.

    Returns:
        (H, W, 3) uint8.
    """
    return np.where(mask[..., None], np.uint8(_WHITE), image)


def with_edge(pixels: Pixels, mask: Mask) -> Pixels:
    """Return a heatmap with the edge of the hole as a white line, one pixel wide.

    Args:
        pixels: (H, W, 3) uint8.
        mask: (H', W') bool, True = hole; resized to (H, W) by nearest neighbor.

    Returns:
        (H, W, 3) uint8.
    """
    size = (pixels.shape[1], pixels.shape[0])
    small = Image.fromarray(mask.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    hole = np.pad(np.asarray(small) > 0, 1)
    inside = hole[:-2, 1:-1] & hole[2:, 1:-1] & hole[1:-1, :-2] & hole[1:-1, 2:]
    return np.where((hole[1:-1, 1:-1] & ~inside)[..., None], np.uint8(_WHITE), pixels)


def _thumbnail(pixels: Pixels, side: int, quality: int, *, edge_of: Mask | None = None) -> bytes:
    """Encode an image as WebP, at most `side` pixels on its longer side; never enlarged.

    Args:
        pixels: (H, W, 3) uint8.
        side: largest length of the longer side.
        quality: WebP quality, 0 to 100.
        edge_of: (H', W') bool, mask whose edge is drawn on top, or None.
    """
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    if edge_of is not None:
        image = Image.fromarray(with_edge(np.asarray(image), edge_of))
    content = BytesIO()
    image.save(content, format="WEBP", quality=quality, method=4)
    return content.getvalue()
