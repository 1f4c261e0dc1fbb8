"""Numbers of one run as the board needs them: compact, so that hundreds of runs fit in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from benchmark.core.card import Card
from benchmark.metrics import NULLS
from benchmark.metrics.intervals import Interval, Values
from benchmark.results.record import Record
from benchmark.results.rows import ResultRow
from benchmark.results.significance import PairedTest
from benchmark.results.variants import InpainterVariant
from benchmark.runner.plan import Plan
from benchmark.runner.resolve import ORIGINAL

QUALITY = ("psnr", "lpips")  # shown beside the detection metric
PROOFS = ("recomputed", "scored again", "consistent", "claim")  # of bundles, the strongest first
NOT_CHECKED = "not checked"  # numbers of a folder


class Spot(NamedTuple):
    """Where numbers are compared: one data set and mask-ratio bin after one post-processing.

    Attributes:
        dataset: name of the data set.
        launder: post-processing before detection, or "".
        bucket: mask-ratio bin.
    """

    dataset: str
    launder: str
    bucket: str


class RowProof(NamedTuple):
    """How far the numbers of an inpainter are proved, each one of `PROOFS`, or "" without a number.

    Attributes:
        detection: weakest mark of its detections and of their null.
        quality: weakest mark of its image quality.
    """

    detection: str
    quality: str


class Weights(NamedTuple):
    """Weights of a model.

    Attributes:
        edition: weights variant as in tables, such as "mini" or "none".
        identity: SHA-256 of the weights, and the identity of a plugin; the edition if unknown.
    """

    edition: str
    identity: str


class ImagePlace(NamedTuple):
    """One image with one hole, which the same image and hole in another run equals.

    Attributes:
        dataset: name of the data set.
        sample: name of the image.
        bucket: mask-ratio bin.
        original: key of the image's pixels, or "" in runs of older versions.
        mask: key of the mask's pixels, or the description of its source.
    """

    dataset: str
    sample: str
    bucket: str
    original: str
    mask: str

    @property
    def id(self) -> str:
        """Short hash of the image and the hole, the same in every run."""
        return short_hash(repr(tuple(self)))


class ImageResult(NamedTuple):
    """Result of one inpainter, and of one detector, for one image without post-processing.

    Attributes:
        place: position in `BoardRun.places`.
        painter: name of the inpainter with its treatment.
        detector: name of the detector, or "".
        score: image-level score, or None.
        value: value of the detection metric, or None.
        image: key of the inpainted image, or "".
        heatmap: key of the heatmap, or "".
    """

    place: int
    painter: str
    detector: str
    score: float | None
    value: float | None
    image: str
    heatmap: str


@dataclass(slots=True, kw_only=True)
class BoardRun:
    """Numbers of one run.

    Attributes:
        id: hash of its files, for names of the site's files.
        name: name of the run on the board.
        folder: folder of the run; of a bundle only valid while it is open.
        plan: plan of the run.
        record: record of the run.
        store: location of its store.
        date: when its record, or its bundle, was last written.
        of_bundle: whether it is a bundle, unpacked in a temporary folder.
        report: whether `index.html` is in the folder, and the folder is not a bundle's.
        metric: detection metric of the plan's convention.
        variants: inpainters with their treatments, by name.
        cards: cards of its models, by name.
        weights: weights of its models, by name.
        sees_hole: inpainters with their treatments whose output depends on the image in the hole.
        cells: rows of results.csv by inpainter, detector or "", metric and spot.
        order: names of the images by data set and mask-ratio bin.
        values: (N,) detection metric per image by inpainter, detector and spot.
        tests: tests of the AUC against the null, by inpainter, detector and spot; its bin is "" for
            the mean over all bins.
        spans: intervals of means over all bins, by inpainter, detector and spot with the bin "".
        places: its images and holes.
        results: outputs per image without post-processing.
        notes: what is missing in it, in sentences.
        proof: how far its numbers are proved, by inpainter with its treatment; {} of a folder.
    """

    id: str
    name: str
    folder: Path
    plan: Plan
    record: Record
    store: str | Path
    date: datetime
    of_bundle: bool
    report: bool
    metric: str
    variants: Mapping[str, InpainterVariant]
    cards: Mapping[str, Card]
    weights: Mapping[str, Weights]
    sees_hole: set[str] = field(default_factory=set)
    cells: dict[tuple[str, str, str, Spot], ResultRow] = field(default_factory=dict)
    order: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    values: dict[tuple[str, str, Spot], Values] = field(default_factory=dict)
    tests: dict[tuple[str, str, Spot], PairedTest] = field(default_factory=dict)
    spans: dict[tuple[str, str, Spot], Interval] = field(default_factory=dict)
    places: list[ImagePlace] = field(default_factory=list)
    results: list[ImageResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    proof: Mapping[str, RowProof] = field(default_factory=dict)

    @property
    def null(self) -> str:
        """Name of the null of its detection metric, or ""."""
        return NULLS.get(self.metric, "")

    def cell(self, painter: str, detector: str, spot: Spot) -> ResultRow | None:
        """Return the row of the detection metric, or None if the run has none."""
        return self.cells.get((painter, detector, self.metric, spot))

    def null_at(self, detector: str, spot: Spot) -> float | None:
        """Return the null of the detection metric, or None."""
        row = self.cells.get((ORIGINAL, detector, self.null, spot))
        return row.value if row else None


def weakest(marks: Iterable[str]) -> str:
    """Return the weakest of some marks of bundles, or "" without any; `NOT_CHECKED` is weaker."""
    return max(filter(None, marks), key=(*PROOFS, NOT_CHECKED).index, default="")


def strongest(proofs: Iterable[RowProof]) -> RowProof:
    """Return the strongest marks of the same numbers in several bundles."""
    return RowProof(*(min(marks, key=("", *PROOFS).index) for marks in zip(*proofs, strict=True)))


def short_hash(text: str) -> str:
    """Return 12 hexadecimal digits of a text's hash, for names of files and anchors."""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=6).hexdigest()
