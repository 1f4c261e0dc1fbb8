"""Check masks of a bundle: bin, size, and the pixels of generated ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.bundle.layout import Manifest
from benchmark.bundle.proof import Findings, Mismatch
from benchmark.core.errors import DataError
from benchmark.datasets import is_published
from benchmark.masks.bucket import Bucket
from benchmark.masks.generated import GeneratedMasks
from benchmark.masks.generator import REVISION
from benchmark.runner.planning import PlanJobs
from benchmark.store.store import Store


class Masks:
    """Check masks against the plan.

    Args:
        jobs: jobs of the run.
        manifest: the bundle's manifest.
        findings: where contradictions and notes are added.
    """

    def __init__(self, jobs: PlanJobs, manifest: Manifest, findings: Findings) -> None:
        self._jobs, self._findings = jobs, findings
        plan = jobs.resolved.plan
        self._forgeries = plan.forgeries is not None
        buckets = [Bucket.parse(label) for label in plan.buckets] if not self._forgeries else []
        self._generated = GeneratedMasks(buckets, seed=plan.seed, margin=plan.margin)
        self._same = manifest.generator == REVISION
        if not self._same and any(map(self._is_generated, plan.datasets)):
            findings.note("masks: drawn by another version of the generator; not compared.")

    def check_names(self) -> None:
        """Check the bin of every sample, and its mask's seed if masks are generated."""
        plan = self._jobs.resolved.plan
        for place, sample in enumerate(self._jobs.resolved.samples):
            if self._forgeries:
                continue
            if sample.bucket not in plan.buckets:
                self._differs(place, "mask_ratio_percent", sample.bucket, "a bin of the plan")
            elif self._is_generated(sample.dataset):
                name = self._generated.holes(sample.id)[sample.bucket].name
                if sample.mask != name:
                    self._differs(place, "mask", sample.mask, name)

    def check(self, store: Store, places: Sequence[int]) -> None:
        """Check enclosed masks: the bin, the size, and the pixels if masks are generated.

        Args:
            store: store of the enclosed outputs.
            places: indexes of the samples whose masks are enclosed.
        """
        plan = self._jobs.resolved.plan
        for place in places:
            sample = self._jobs.resolved.samples[place]
            mask = store.mask(self._jobs.mask_keys()[place])
            if sample.forgery is not None:
                kind = sample.forgery.kind
                if mask.any() and kind != "forged":
                    self._differs(place, "kind", kind, "forged, as its truth has pixels")
                continue
            share = f"{100 * float(np.mean(mask)):.2f}"
            if plan.size != "native" and mask.shape != (plan.size, plan.size):
                size = "x".join(map(str, mask.shape))
                self._differs(place, "mask", size, f"{plan.size}x{plan.size}")
            if sample.bucket not in plan.buckets:
                continue
            if not Bucket.parse(sample.bucket).holds(mask):
                self._differs(place, "mask_ratio_percent", sample.bucket, share)
            if not self._is_generated(sample.dataset) or not self._same:
                continue
            try:
                made = self._generated.mask_for(sample.id, sample.bucket, mask.shape)
            except DataError as error:
                self._differs(place, "mask", sample.mask, str(error))
                continue
            if not np.array_equal(made, mask):
                self._differs(place, "mask", "another mask", "that of the plan's seed")

    def _is_generated(self, dataset: str) -> bool:
        plan = self._jobs.resolved.plan
        return plan.masks is None and not self._forgeries and not is_published(dataset)

    def _differs(self, place: int, column: str, stated: str, computed: str) -> None:
        self._findings.add(
            Mismatch(
                file="samples.csv", row=2 + place, column=column, stated=stated, computed=computed
            )
        )
