"""Where a plan's samples come from: its data sets and their masks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import DataError
from benchmark.core.pictures import MOST_PIXELS, REVISION
from benchmark.core.types import Mask, Sample
from benchmark.datasets import DATASETS, Dataset, is_published, open_dataset
from benchmark.datasets.irregular_masks import IRREGULAR_MASKS
from benchmark.masks.bucket import Bucket
from benchmark.masks.drawn import DrawnMasks
from benchmark.masks.folder import FolderMasks, Pictures, covers
from benchmark.masks.source import MaskSource
from benchmark.runner.jobs import SampleRef, key_of
from benchmark.runner.plan import Plan
from benchmark.runner.shard import WHOLE, Shard

KEPT = 32  # samples kept decoded: the models of a plan ask for the same ones in turn
KEPT_MASKS = 2048  # masks kept as bits, 8 KiB each at 256x256: drawing one takes 10 ms


class Sources:
    """The pictures and masks of a plan.

    Raises:
        DataError: if pictures or masks are missing, or no mask reaches a bucket.
    """

    def __init__(self, plan: Plan) -> None:
        self._size = None if plan.size == "native" else plan.size
        self._most = plan.max_pixels or MOST_PIXELS
        self._buckets = [Bucket.parse(label) for label in plan.buckets]
        self._datasets = self._open_datasets(plan)
        self._names = {name: list(one.ids())[: plan.limit] for name, one in self._datasets.items()}
        self._masks = {name: self._open_masks(plan, name) for name in self._datasets}
        self._kept: OrderedDict[str, Sample] = OrderedDict()
        self._bits: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()

    @property
    def folders(self) -> dict[str, Path]:
        """Where each data set was found: the folder of its first picture."""
        return {name: self._datasets[name].path(ids[0]).parent for name, ids in self._names.items()}

    @property
    def unused(self) -> Sequence[tuple[str, str]]:
        """Mask files that cannot be used, each with the reason; once if data sets share them."""
        return list(dict.fromkeys(one for masks in self._masks.values() for one in masks.unused))

    def refs(self, shard: Shard = WHOLE) -> list[SampleRef]:
        """Every sample of the plan, data set by data set and bucket by bucket.

        Args:
            shard: which share of each data set's pictures.
        """
        return [
            ref
            for dataset in self._datasets
            for bucket in self._buckets
            for ref in self._in_bucket(dataset, bucket.label, shard)
        ]

    def load(self, sample: SampleRef) -> Sample:
        """Decode a picture and its hole.

        Raises:
            DataError: if either cannot be used.
        """
        if sample.key not in self._kept:
            image = self._datasets[sample.dataset].load(sample.id)
            shape = (image.shape[0], image.shape[1])
            mask = self._mask(sample, shape)
            self._kept[sample.key] = Sample(
                id=sample.id, image=image, mask=mask, bucket=sample.bucket
            )
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return self._kept[sample.key]

    def _in_bucket(self, dataset: str, bucket: str, shard: Shard) -> list[SampleRef]:
        found = []
        source = DATASETS.decides(dataset)  # "" for ours
        rule = f"{self._size} rule {REVISION}{source}"
        for name in shard.of(self._names[dataset]):
            hole = self._masks[dataset].holes(name).get(bucket)
            if hole is not None:
                digest = self._datasets[dataset].digest(name)
                key = key_of("sample", digest, rule, hole.digest)
                found.append(SampleRef(dataset, name, bucket, hole.name, key))
        return found

    def _mask(self, sample: SampleRef, shape: tuple[int, int]) -> Mask:
        if sample.key not in self._bits:
            drawn = self._masks[sample.dataset].draw(sample.id, sample.bucket, shape)
            self._bits[sample.key] = np.packbits(drawn)
            if len(self._bits) > KEPT_MASKS:
                self._bits.popitem(last=False)
        count = shape[0] * shape[1]
        return np.unpackbits(self._bits[sample.key], count=count).reshape(shape).astype(np.bool_)

    def _open_datasets(self, plan: Plan) -> dict[str, Dataset]:
        """All of them, or one line for each that is not there, masks included."""
        found: dict[str, Dataset] = {}
        missing: list[str] = []
        for name in plan.datasets:
            place = plan.data_root if is_published(name) else plan.images
            try:
                found[name] = open_dataset(name, images=place, size=self._size, most=self._most)
            except DataError as error:
                missing.append(str(error))
        if plan.masks is None and any(map(is_published, plan.datasets)):
            try:
                IRREGULAR_MASKS.find(plan.data_root)
            except DataError as error:
                missing.append(f"{error}; or --masks DIR")
        if missing and any(map(is_published, plan.datasets)):
            missing.append("any folder of pictures does as well, with holes drawn: --images DIR")
        if missing:
            raise DataError("\n".join(missing))
        return found

    def _open_masks(self, plan: Plan, dataset: str) -> MaskSource:
        published = plan.masks is None and is_published(dataset)
        folder = IRREGULAR_MASKS.find(plan.data_root) if published else plan.masks
        if folder is None:
            return DrawnMasks(self._buckets, seed=plan.seed, margin=plan.margin)
        names = self._names[dataset]
        by_name = plan.pairing == "name"
        if plan.pairing == "auto":
            by_name = not published and covers(folder, names)
        return FolderMasks(
            folder,
            Pictures(
                names=names,
                shape_of=self._datasets[dataset].shape,
                size=self._size,
                most=self._most,
            ),
            self._buckets,
            polarity="white-hole" if published else plan.mask_polarity,
            by_name=by_name,
            seed=plan.seed,
            other_bands=published,
        )
