"""Stored outputs of each sample of a run: what a proof of its numbers needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from benchmark.bundle.layout import Place, draw_rank
from benchmark.datasets import DATASETS, takes_images
from benchmark.results.rows import SampleRow
from benchmark.runner.plan import Plan

Name = tuple[str, str]  # key and suffix of a stored output
NOT_STORED = "images of a set of forgeries are not in the store"


@dataclass(slots=True)
class Part:
    """The stored outputs of one sample, without repetition.

    Attributes:
        maps: mask and heatmaps: without them no number of a detection is scored again.
        images: original and inpainted images, as far as their terms allow.
    """

    maps: dict[Name, None] = field(default_factory=dict)
    images: dict[Name, None] = field(default_factory=dict)

    @property
    def names(self) -> list[Name]:
        """All of them, sorted."""
        return sorted({**self.maps, **self.images})


def parts_of(
    rows: Iterable[SampleRow], may_pass_on: Callable[[str, str], bool]
) -> dict[Place, Part]:
    """Return the stored outputs by sample, in the order of the rows.

    Args:
        rows: rows of samples.csv; those without a number need nothing.
        may_pass_on: whether an image may be passed on, by data set and name.
    """
    found: dict[Place, Part] = {}
    for row in rows:
        part = found.setdefault((row.dataset, row.sample, row.bucket), Part())
        keys = row.keys
        if not keys.mask or (row.score is None and not row.numbers):
            continue
        part.maps[keys.mask, ".png"] = None
        if keys.heatmap and row.score is not None:
            part.maps[keys.heatmap, ".npy"] = None
        if row.forgery is None and may_pass_on(row.dataset, row.sample):
            part.images[keys.original, ".png"] = None
            part.images[keys.image, ".png"] = None
    return found


def in_drawn_order(parts: Iterable[Place], seed: str) -> list[Place]:
    """Return the samples in the order in which they are enclosed."""
    return sorted(parts, key=lambda place: draw_rank(seed, place))


def why_no_images(plan: Plan, *, own: bool) -> dict[str, str]:
    """Return by data set why its images are not enclosed; "" for one whose images are.

    Args:
        plan: the plan.
        own: whether the user says that images of an own folder may be passed on.
    """
    if plan.forgeries is not None:
        return dict.fromkeys(plan.datasets, NOT_STORED)
    return {name: _why_no_images(name, own=own) for name in plan.datasets}


def _why_no_images(name: str, *, own: bool) -> str:
    if name in DATASETS.built_in and takes_images(name):
        return "" if own else "a folder of your own; --images encloses them"
    terms = DATASETS.load(name).terms if name in DATASETS.built_in else ""
    return "" if terms else "its terms are not known to allow that images are passed on"


def passes_on(images: dict[str, str]) -> Callable[[str, str], bool]:
    """Return a function that tells whether an image is enclosed, by data set and name.

    Args:
        images: as `Manifest.images`.
    """

    def allowed(dataset: str, sample: str) -> bool:
        if images.get(dataset, NOT_STORED):
            return False
        if dataset not in DATASETS.built_in:
            return False
        return takes_images(dataset) or DATASETS.load(dataset).may_redistribute(sample)

    return allowed
