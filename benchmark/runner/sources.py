"""Where a plan's samples come from: its data set and its masks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.core.pictures import REVISION
from benchmark.core.types import Mask, Sample
from benchmark.datasets import open_dataset
from benchmark.masks.bucket import Bucket
from benchmark.masks.drawn import DrawnMasks
from benchmark.masks.folder import FolderMasks, Pictures, covers
from benchmark.masks.source import MaskSource
from benchmark.runner.jobs import SampleRef, key_of
from benchmark.runner.plan import Plan

KEPT = 32  # samples kept decoded: the models of a plan ask for the same ones in turn
KEPT_MASKS = 2048  # masks kept as bits, 8 KiB each at 256x256: drawing one takes 10 ms


class Sources:
    """The pictures and masks of a plan.

    Raises:
        DataError: if pictures or masks are missing, or no mask reaches a bucket.
    """

    def __init__(self, plan: Plan) -> None:
        self._size = None if plan.size == "native" else plan.size
        self._dataset = open_dataset(plan.dataset, images=plan.images, size=self._size)
        self._names = list(self._dataset.ids())[: plan.limit]
        self._buckets = [Bucket.parse(label) for label in plan.buckets]
        self._masks = self._open_masks(plan)
        self._kept: OrderedDict[str, Sample] = OrderedDict()
        self._bits: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()

    @property
    def unused(self) -> Sequence[tuple[str, str]]:
        """Mask files that cannot be used, each with the reason."""
        return self._masks.unused

    def refs(self) -> list[SampleRef]:
        """Every sample of the plan, bucket by bucket."""
        found = []
        for bucket in self._buckets:
            for name in self._names:
                hole = self._masks.holes(name).get(bucket.label)
                if hole is not None:
                    rule = f"{self._size} rule {REVISION}"
                    key = key_of("sample", self._dataset.digest(name), rule, hole.digest)
                    found.append(SampleRef(name, bucket.label, hole.name, key))
        return found

    def load(self, sample: SampleRef) -> Sample:
        """Decode a picture and its hole.

        Raises:
            DataError: if either cannot be used.
        """
        if sample.key not in self._kept:
            image = self._dataset.load(sample.id)
            shape = (image.shape[0], image.shape[1])
            mask = self._mask(sample, shape)
            self._kept[sample.key] = Sample(
                id=sample.id, image=image, mask=mask, bucket=sample.bucket
            )
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return self._kept[sample.key]

    def _mask(self, sample: SampleRef, shape: tuple[int, int]) -> Mask:
        if sample.key not in self._bits:
            drawn = self._masks.draw(sample.id, sample.bucket, shape)
            self._bits[sample.key] = np.packbits(drawn)
            if len(self._bits) > KEPT_MASKS:
                self._bits.popitem(last=False)
        count = shape[0] * shape[1]
        return np.unpackbits(self._bits[sample.key], count=count).reshape(shape).astype(np.bool_)

    def _open_masks(self, plan: Plan) -> MaskSource:
        if plan.masks is None:
            return DrawnMasks(self._buckets, seed=plan.seed, margin=plan.margin)
        by_name = plan.pairing == "name"
        if plan.pairing == "auto":
            by_name = covers(plan.masks, self._names)
        return FolderMasks(
            plan.masks,
            Pictures(names=self._names, shape_of=self._dataset.shape, size=self._size),
            self._buckets,
            polarity=plan.mask_polarity,
            by_name=by_name,
            seed=plan.seed,
        )
