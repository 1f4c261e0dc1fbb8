"""Check which samples a run has: nobody may leave out images, repeat them, or exchange them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.bundle.proof import Findings
from benchmark.bundle.score import Outputs
from benchmark.bundle.tables import SAMPLES
from benchmark.core.errors import BenchError
from benchmark.datasets import DATASETS, Dataset, is_published, open_dataset, takes_images
from benchmark.results.record import Record
from benchmark.results.samples import sample_conditions
from benchmark.runner.planning import PlanJobs
from benchmark.store.store import Store

_LEVELS = 1.0  # mean difference of an image that another decoder of JPEG may make


class SampleList:
    """Check the samples of a run against its plan.

    Args:
        jobs: jobs of the run, with the keys of its files.
        record: its record.
        findings: where contradictions and notes are added.
    """

    def __init__(self, jobs: PlanJobs, record: Record, findings: Findings) -> None:
        self._jobs, self._findings = jobs, findings
        self._plan, self._samples = jobs.resolved.plan, jobs.resolved.samples
        self._forged = self._plan.forgeries is not None
        self._here: dict[str, Dataset | None] = {}
        self._skipped = {
            (one.dataset, one.sample, one.bucket)
            for one in record.failures
            if one.kind == "skipped"
        }

    def check(self) -> None:
        """Check names, bins and repetitions."""
        if self._skipped:
            self._findings.note(
                f"record.json says that the image or mask of {len(self._skipped):,} samples could "
                "not be used; that is a claim."
            )
        if not self._forged:
            for dataset in self._plan.datasets:
                self._check_bins(dataset)
                self._check_images(dataset)
            self._check_sources()
        self._check_repetitions()

    def check_enclosed(self, store: Store, places: Sequence[int], outputs: Outputs) -> None:
        """Check samples whose maps are enclosed; compare images that this project has, too.

        Args:
            store: store of the enclosed outputs.
            places: indexes of these samples.
            outputs: keys and suffixes of the enclosed outputs.
        """
        for place in places:
            sample = self._samples[place]
            if self._is_skipped(sample.dataset, sample.id, sample.bucket):
                self._differs(place, f"{sample.id} has maps, and record.json says it was skipped")
            here = None if self._forged else self._shipped(sample.dataset)
            key = self._jobs.image_keys()[place]
            if here is None or sample.id not in here.ids() or (key, ".png") not in outputs:
                continue
            image, enclosed = here.load(sample.id), store.image(key)
            same = image.shape == enclosed.shape
            if not same or np.abs(image.astype(np.int16) - enclosed).mean() > _LEVELS:
                self._differs(place, f"the image is not {sample.id} of {sample.dataset}")

    def _check_bins(self, dataset: str) -> None:
        """With generated masks each image has one in each bin."""
        if self._plan.masks is not None or is_published(dataset):
            return
        found = {(one.id, one.bucket) for one in self._samples if one.dataset == dataset}
        for name in dict.fromkeys(name for name, _ in found):
            for bucket in self._plan.buckets:
                if (name, bucket) not in found and not self._is_skipped(dataset, name, bucket):
                    self._findings.differs(
                        SAMPLES, f"{name} has no row at {bucket}, as it has in other bins"
                    )

    def _check_images(self, dataset: str) -> None:
        """Of a data set that ships all images are there, as many as the plan's limit."""
        here = self._shipped(dataset)
        if here is None:
            return
        names = set(list(here.ids())[: self._plan.limit])
        found = {one.id for one in self._samples if one.dataset == dataset}
        for name in sorted(found - names):
            self._findings.differs(SAMPLES, f"{name} is not among the images of {dataset}")
        buckets = ("", *self._plan.buckets)
        for name in sorted(names - found):
            if not any(self._is_skipped(dataset, name, bucket) for bucket in buckets):
                self._findings.differs(SAMPLES, f"{name} of {dataset} is missing")

    def _check_sources(self) -> None:
        """An inpainted image is of one image with one mask."""
        masks = self._jobs.mask_keys()
        views = {(one.inpainter, one.treatment) for one in sample_conditions(self._jobs.resolved)}
        for inpainter, treatment in views:
            first: dict[str, int] = {}
            for place, key in enumerate(self._jobs.inpaint_keys(inpainter, treatment)):
                other = first.setdefault(key, place)
                if masks[other] != masks[place]:
                    names = f"{self._samples[place].id} and {self._samples[other].id}"
                    self._differs(place, f"{names} have one inpainted image and two masks")

    def _check_repetitions(self) -> None:
        """An image with its mask is there once."""
        first: dict[str, int] = {}
        places = ((first.setdefault(key, at), at) for at, key in enumerate(self._jobs.mask_keys()))
        again = [(self._samples[one].id, self._samples[at].id) for one, at in places if one != at]
        if again:
            self._findings.note(
                f"samples with image and mask of another one, which count again: {len(again):,}, "
                f"the first {again[0][1]}, with those of {again[0][0]}."
            )

    def _shipped(self, dataset: str) -> Dataset | None:
        """Return a data set whose images come with this project's packages, else None."""
        known = dataset in DATASETS.built_in
        if not known or is_published(dataset) or takes_images(dataset):
            return None
        if dataset not in self._here:
            size = None if self._plan.size == "native" else self._plan.size
            try:
                self._here[dataset] = open_dataset(dataset, images=None, size=size)
            except BenchError as error:
                self._findings.note(f"the images of {dataset} are not compared: {error}.")
                self._here[dataset] = None
        return self._here[dataset]

    def _is_skipped(self, dataset: str, name: str, bucket: str) -> bool:
        return (dataset, name, bucket) in self._skipped

    def _differs(self, place: int, said: str) -> None:
        self._findings.differs(SAMPLES, said, row=2 + place)
