"""Samples of a plan: its data sets' images and their masks."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import DataError
from benchmark.core.external.files import alike_of
from benchmark.core.images import REVISION, reading_of
from benchmark.core.types import Mask, Sample
from benchmark.datasets import DATASETS, takes_images
from benchmark.masks.source import Pairing
from benchmark.runner.jobs import SampleRef
from benchmark.runner.keys import key_of
from benchmark.runner.outcome import Failure
from benchmark.runner.plan import Plan
from benchmark.runner.plan_data import open_images, open_masks
from benchmark.runner.shard import WHOLE, Shard

CACHED_SAMPLES = 32  # decoded samples in memory: the models of a plan use the same ones in turn
CACHED_BYTES = 2**29  # of these samples together: 32 of 4 megapixels
CACHED_MASKS = 2048  # masks in memory as bits, 8 KiB each at 256x256: generating one takes 10 ms
CACHED_MASK_BYTES = 2**27


class Sources:
    """The images and masks of a plan.

    Raises:
        DataError: if images or masks are missing, or no mask is in a bucket.
    """

    def __init__(self, plan: Plan) -> None:
        images = open_images(plan)
        self._size, self._most, self._datasets = images.size, images.most, images.datasets
        self._names, self._others = images.names, images.others
        self._places = {"folder": plan.images, "masks": plan.masks}
        self._masks = open_masks(plan, images)
        self._buckets = next(iter(self._masks.values())).buckets
        self._unread: dict[tuple[str, str, str], str] = {}
        self._cached: OrderedDict[str, Sample] = OrderedDict()
        self._mask_bits: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()
        self._mask_bytes = 0

    @property
    def folders(self) -> dict[str, Path]:
        """Folder of each data set: that of its first image."""
        return {name: self._datasets[name].path(ids[0]).parent for name, ids in self._names.items()}

    @property
    def unused(self) -> Sequence[tuple[str, str]]:
        """Mask files that cannot be used, with the reason; once if data sets share them."""
        return list(dict.fromkeys(one for masks in self._masks.values() for one in masks.unused))

    @property
    def alike(self) -> frozenset[str]:
        """Names of one data set that differ only in case and punctuation, as `alike_of` returns."""
        found = [alike_of((*names, *self._others[name])) for name, names in self._names.items()]
        return frozenset().union(*found)

    @property
    def buckets(self) -> tuple[str, ...]:
        """Labels of the buckets: the plan's, or the range of the masks if the plan names none."""
        return tuple(bucket.label for bucket in self._buckets)

    @property
    def pairing(self) -> dict[str, Pairing]:
        """The pairing of images and masks, by data set."""
        return {name: masks.pairing for name, masks in self._masks.items()}

    @property
    def left_out(self) -> dict[str, Sequence[str]]:
        """Files in the folders that are not used, a line per reason, by folder."""
        found: dict[str, Sequence[str]] = {}
        for name, dataset in self._datasets.items():
            found[str(self._places.get(name, name))] = dataset.left_out
        for masks in self._masks.values():
            found[f"{self._places.get('masks', '')} (masks)"] = masks.left_out
        return {place: lines for place, lines in found.items() if lines}

    @property
    def read_as(self) -> dict[str, int]:
        """Number of masks that are not plain black and white, by how they were read."""
        found: Counter[str] = Counter()
        for masks in self._masks.values():
            found.update(masks.read_as)
        return dict(found)

    def lines(self) -> list[str]:
        """Return the notes on images and masks for the user, line by line."""
        several = len(self._datasets) > 1
        notes = [
            f"Masks{f' of {name}' if several else ''}: {one.said}."
            for name, one in self.pairing.items()
        ]
        notes += [f"Masks: of {count}, {how}." for how, count in self.read_as.items()]
        notes += self._enlarged()
        notes += [
            f"Left out of {place}: {'; '.join(lines)}." for place, lines in self.left_out.items()
        ]
        return notes

    def _enlarged(self) -> list[str]:
        """Return a line if a user's images are smaller than the plan's size."""
        small: dict[str, tuple[int, int]] = {}
        for dataset in filter(takes_images, self._datasets if self._size else ()):
            for name in self._names[dataset]:
                with suppress(DataError):  # reported when the image is decoded
                    shape = self._datasets[dataset].shape(name)
                    if min(shape) < (self._size or 0):
                        small[name] = shape
        if not small:
            return []
        name, (height, width) = min(small.items(), key=lambda one: min(one[1]))
        whole = sum(len(names) for one, names in self._names.items() if takes_images(one))
        count = f"{len(small)} of {whole}"
        note = f"Images: {count} are smaller than --size {self._size} and are enlarged, such as "
        return [f"{note}{name} of {width}x{height}."]

    def refs(self, shard: Shard = WHOLE) -> list[SampleRef]:
        """Return every sample of the plan, data set by data set and bucket by bucket.

        Samples whose files cannot be read are in `failures` instead.

        Args:
            shard: share of each data set's images.
        """
        return [
            ref
            for dataset in self._datasets
            for bucket in self._buckets
            for ref in self._in_bucket(dataset, bucket.label, shard)
        ]

    def names(self, shard: Shard) -> dict[str, tuple[str, ...]]:
        """Return the names of a shard's images in order, by data set."""
        return {name: tuple(shard.of(names)) for name, names in self._names.items()}

    @property
    def known_names(self) -> list[str]:
        """Names of all images of the data sets, also of those that the plan's limit leaves out."""
        return [one for name, names in self._names.items() for one in (*names, *self._others[name])]

    def failures(self, shard: Shard = WHOLE) -> list[Failure]:
        """Return the images and masks that cannot be used; call `refs` first.

        The failure has no bucket if the image's own mask cannot be used.

        Args:
            shard: share of each data set's images.
        """
        found = {
            (name, image, ""): reason
            for name, masks in self._masks.items()
            for image, reason in masks.failed.items()
        }
        chosen = {(name, one) for name, names in self._names.items() for one in shard.of(names)}
        return [
            Failure(
                kind="skipped",
                dataset=dataset,
                sample=sample,
                bucket=bucket,
                model="",
                reason=reason,
            )
            for (dataset, sample, bucket), reason in (found | self._unread).items()
            if (dataset, sample) in chosen
        ]

    def load(self, sample: SampleRef) -> Sample:
        """Decode an image and its hole.

        Raises:
            DataError: if either cannot be used.
        """
        if sample.key not in self._cached:
            image = self._datasets[sample.dataset].load(sample.id)
            shape = (image.shape[0], image.shape[1])
            mask = self._mask(sample, shape)
            self._cached[sample.key] = Sample(
                id=sample.id, image=image, mask=mask, bucket=sample.bucket
            )
            self._evict()
        return self._cached[sample.key]

    def load_parts(self, sample: SampleRef, *, image: bool, truth: bool) -> Sample:
        """Decode an image and its hole; both are cached, so neither is left out.

        Raises:
            DataError: as `load`.
        """
        return self.load(sample)

    def _evict(self) -> None:
        """Limit the cache to `CACHED_SAMPLES` and `CACHED_BYTES`, but keep the last sample."""
        cached = self._cached
        size = sum(one.image.nbytes + one.mask.nbytes for one in cached.values())
        while len(cached) > 1 and (len(cached) > CACHED_SAMPLES or size > CACHED_BYTES):
            _, first = cached.popitem(last=False)
            size -= first.image.nbytes + first.mask.nbytes

    def _in_bucket(self, dataset: str, bucket: str, shard: Shard) -> list[SampleRef]:
        found = []
        source = DATASETS.fingerprint(dataset)  # "" for ours
        dataset_rule = f"{self._size} rule {REVISION}{source}"
        for name in shard.of(self._names[dataset]):
            try:
                hole = self._masks[dataset].holes(name).get(bucket)
                digest = self._datasets[dataset].digest(name) if hole else ""
            except DataError as error:  # the file is missing or unreadable
                self._unread[dataset, name, bucket] = str(error)
                continue
            if hole is not None:
                rule = dataset_rule + reading_of(self._datasets[dataset].path(name), self._most)
                key = key_of("sample", digest, rule, hole.digest)
                found.append(SampleRef(dataset, name, bucket, hole.name, key))
        return found

    def _mask(self, sample: SampleRef, shape: tuple[int, int]) -> Mask:
        """Return a sample's mask, (H, W) bool, cached as packed bits."""
        bits = self._mask_bits
        if sample.key not in bits:
            mask = self._masks[sample.dataset].mask_for(sample.id, sample.bucket, shape)
            bits[sample.key] = np.packbits(mask)
            self._mask_bytes += bits[sample.key].nbytes
            while len(bits) > 1 and (
                len(bits) > CACHED_MASKS or self._mask_bytes > CACHED_MASK_BYTES
            ):
                self._mask_bytes -= bits.popitem(last=False)[1].nbytes
        count = shape[0] * shape[1]
        return np.unpackbits(bits[sample.key], count=count).reshape(shape).astype(np.bool_)
