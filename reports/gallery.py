"""The images behind the numbers, small enough to travel inside one HTML file.

As the paper's Figures 5 and 6: image, hole, what each inpainter inpainted and what each detector
saw in it. They come from the store under the keys of the run; no model is loaded.
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
from benchmark.store.store import Store

BUDGET = 12_000_000  # characters of all images together: the page stays under 15 MB
SIDES = (224, 192, 160, 128)  # pixels of an image's longer side: the largest that fits all samples
HEAT = 96  # pixels of a heatmap's longer side: heatmaps are smooth
_QUALITY = 70
_HEAT_QUALITY = 50
_HOLE = 255  # white, as the paper's figures show it


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one detector saw in one inpainted image.

    Attributes:
        detector: who looked.
        heatmap: place of the heatmap among the gallery's images.
        score: its image-level score in [0, 1], or None.
        value: the first localisation metric of the plan on this image, or None.
    """

    detector: str
    heatmap: int
    score: float | None
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Painting:
    """What one inpainter made of one image.

    Attributes:
        inpainter: who inpainted, with its retouching.
        picture: place of the inpainted image among the gallery's images.
        looks: what the detectors saw.
    """

    inpainter: str
    picture: int
    looks: tuple[Look, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One image with one hole.

    Attributes:
        dataset: the data set's name.
        sample: the image's name.
        bucket: the hole's bucket.
        folder: name of the folder that its full images would have.
        original: place of the image among the gallery's images.
        hole: place of the image with its hole.
        paintings: one an inpainter whose answer is in the store.
    """

    dataset: str
    sample: str
    bucket: str
    folder: str
    original: int
    hole: int
    paintings: tuple[Painting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """The images of a run.

    Attributes:
        metric: the metric that says how well an image hid, or "" where there is none.
        side: pixels of an image's longer side, at most.
        pictures: data URIs, each once however often it is shown.
        exhibits: what is shown, the buckets in turn.
        samples: how many the run has.
        notes: what is not shown, and why.
    """

    metric: str
    side: int
    pictures: tuple[str, ...]
    exhibits: tuple[Exhibit, ...]
    samples: int
    notes: tuple[str, ...]


def make_gallery(run: RunFolder, *, budget: int = BUDGET) -> Gallery:
    """The gallery of a run, as far as the images are still there.

    Args:
        run: the run; its store is looked into.
        budget: characters that all images together may take.

    Returns:
        The gallery; without exhibits, and with the reason, where data or store are gone.
    """
    try:
        shown = read_displayed(run)
        with Store(run.store, read_only=True) as store:
            hall = _Hall(
                run=run,
                shown=shown,
                store=store,
                images=Images(store, shown.jobs),
                metric=hiding_metric(run),
                folders=folders(shown.samples),
            )
            return _hang(hall, budget)
    except BenchError as error:
        return Gallery(
            metric="",
            side=0,
            pictures=(),
            exhibits=(),
            samples=0,
            notes=(f"No images: {error}",),
        )


def hiding_metric(run: RunFolder) -> str:
    """The metric that says how well an image hid: the plan's first of a detector's answer."""
    verdicts = [name for name in run.plan.metrics if METRICS.load(name).needs == "verdict"]
    return verdicts[0] if verdicts and run.plan.detectors else ""


@dataclass(slots=True)
class _Wall:
    """Images as data URIs, each once; the same image keeps its place."""

    places: dict[str, int] = field(default_factory=dict)
    length: int = 0

    def place(self, content: bytes) -> int:
        uri = "data:image/webp;base64," + base64.b64encode(content).decode("ascii")
        if uri not in self.places:
            self.places[uri] = len(self.places)
            self.length += len(uri)
        return self.places[uri]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hall:
    """Where images come from, and what is known about them."""

    run: RunFolder
    shown: DisplayedRun
    store: Store
    images: Images
    metric: str
    folders: Mapping[tuple[str, str], str]


def _hang(hall: _Hall, budget: int) -> Gallery:
    samples = _in_turn(hall.shown.samples)
    wall, side = _Wall(), _side(hall, samples, budget)
    exhibits, unread = [], 0
    for sample in samples:
        try:
            exhibits.append(_exhibit(hall, sample, wall, side))
        except (DataError, OutputError):
            unread += 1
        if wall.length > budget:
            break
    said = [
        f"{name} is left out: its weights here are not those of the run."
        for name in hall.shown.left_out
    ]
    said += _unseen(hall, exhibits)
    if unread:
        said.append(
            f"{unread} samples are left out: their images are not in this store, or damaged; run "
            "again to make them, or name the run's own store with --store."
        )
    if len(exhibits) + unread < len(samples):
        said.append(
            f"Shown are {len(exhibits)} of {len(samples)} samples, so that the page stays small; "
            "the numbers are of all."
        )
    return Gallery(
        metric=hall.metric,
        side=side,
        pictures=tuple(wall.places),
        exhibits=tuple(exhibits),
        samples=len(samples),
        notes=tuple(said),
    )


def _unseen(hall: _Hall, exhibits: Sequence[Exhibit]) -> Iterator[str]:
    """Models of which the store has nothing: another store, or an older version's keys."""
    paintings = [one for exhibit in exhibits for one in exhibit.paintings]
    seen = {one.inpainter for one in paintings}
    seen |= {look.detector for one in paintings for look in one.looks}
    made = [one for sample in hall.shown.samples for one in sample.inpainted.values()]
    names = [one.name for one in made] + [look.detector for one in made for look in one.detected]
    for name in dict.fromkeys(names):
        if exhibits and name not in seen:
            yield (
                f"{name}: the store has no image of this version; run again to make them, "
                "or name the run's own store with --store."
            )


def _side(hall: _Hall, samples: Sequence[DisplayedSample], budget: int) -> int:
    """The largest size at which all samples fit, judged by the first of every bucket."""
    tried = samples[: len(hall.run.plan.buckets)]
    for side in SIDES[:-1]:
        wall = _Wall()
        for sample in tried:
            try:
                _exhibit(hall, sample, wall, side)
            except (DataError, OutputError):
                continue
        if wall.length * len(samples) <= 0.9 * budget * max(1, len(tried)):
            return side
    return SIDES[-1]


def _in_turn(samples: Sequence[DisplayedSample]) -> list[DisplayedSample]:
    """One sample of each data set and bucket after the other, so that a cut leaves some of each."""
    piles: dict[tuple[str, str], list[DisplayedSample]] = {}
    for sample in samples:
        piles.setdefault((sample.dataset, sample.bucket), []).append(sample)
    return [one for row in zip_longest(*piles.values()) for one in row if one is not None]


def _exhibit(hall: _Hall, sample: DisplayedSample, wall: _Wall, side: int) -> Exhibit:
    image, mask = hall.images.load(sample)
    return Exhibit(
        dataset=sample.dataset,
        sample=sample.sample,
        bucket=sample.bucket,
        folder=hall.folders[sample.dataset, sample.sample],
        original=wall.place(_small(image, side, _QUALITY)),
        hole=wall.place(_small(with_hole(image, mask), side, _QUALITY)),
        paintings=tuple(_paintings(hall, sample, wall, (side, mask))),
    )


def _paintings(
    hall: _Hall, sample: DisplayedSample, wall: _Wall, what: tuple[int, Mask]
) -> Iterator[Painting]:
    side, mask = what
    for made in sample.inpainted.values():
        if hall.store.known([made.image]):
            yield Painting(
                inpainter=made.name,
                picture=wall.place(_small(hall.store.image(made.image), side, _QUALITY)),
                looks=tuple(_looks(hall, made, wall, mask)),
            )


def _looks(hall: _Hall, made: Inpainted, wall: _Wall, mask: Mask) -> Iterator[Look]:
    for one in made.detected:
        (score,) = hall.store.scores([one.heatmap])
        if score is not None:
            seen = heatmap_image(hall.store.heatmap(one.heatmap))
            yield Look(
                detector=one.detector,
                heatmap=wall.place(_small(seen, HEAT, _HEAT_QUALITY, edge_of=mask)),
                score=score,
                value=_value(hall.metric, one),
            )


def _value(name: str, one: Detected) -> float | None:
    numbers = one.row.numbers.get(name)
    if not numbers:
        return None
    value = float(METRICS.load(name)().values(np.asarray([numbers]))[0])
    return value if np.isfinite(value) else None


def with_hole(image: Pixels, mask: Mask) -> Pixels:
    """An image with its hole in white, as the paper shows it.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) bool, True = hole.

    Returns:
        (H, W, 3) uint8.
    """
    return np.where(mask[..., None], np.uint8(_HOLE), image)


def with_edge(pixels: Pixels, mask: Mask) -> Pixels:
    """A heatmap with the edge of the hole as a white line of one pixel.

    Args:
        pixels: (H, W, 3) uint8.
        mask: (H', W') bool, True = hole; brought to the image's size by nearest neighbour.

    Returns:
        (H, W, 3) uint8.
    """
    size = (pixels.shape[1], pixels.shape[0])
    small = Image.fromarray(mask.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    hole = np.pad(np.asarray(small) > 0, 1)
    inside = hole[:-2, 1:-1] & hole[2:, 1:-1] & hole[1:-1, :-2] & hole[1:-1, 2:]
    return np.where((hole[1:-1, 1:-1] & ~inside)[..., None], np.uint8(_HOLE), pixels)


def _small(pixels: Pixels, side: int, quality: int, *, edge_of: Mask | None = None) -> bytes:
    """A WebP of at most `side` pixels a side; smaller images keep their size."""
    picture = Image.fromarray(pixels)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    if edge_of is not None:
        picture = Image.fromarray(with_edge(np.asarray(picture), edge_of))
    content = BytesIO()
    picture.save(content, format="WEBP", quality=quality, method=4)
    return content.getvalue()
