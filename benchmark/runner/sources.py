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
from benchmark.core.images import MOST_PIXELS, REVISION, reading_of
from benchmark.core.paths import expand_home
from benchmark.core.types import Mask, Sample
from benchmark.datasets import DATASETS, Dataset, is_published, open_dataset, takes_images
from benchmark.datasets.irregular_masks import IRREGULAR_MASKS
from benchmark.masks.bucket import Bucket
from benchmark.masks.folder import FolderMasks, MaskTargets
from benchmark.masks.generated import GeneratedMasks
from benchmark.masks.pairing import goes_by_name, marked
from benchmark.masks.source import MaskSource, Pairing
from benchmark.runner.jobs import SampleRef, key_of
from benchmark.runner.outcome import Failure
from benchmark.runner.plan import Plan
from benchmark.runner.shard import WHOLE, Shard
from detectors import DETECTORS
from inpainters import INPAINTERS

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
        self._size = None if plan.size == "native" else plan.size
        self._most = plan.max_pixels or MOST_PIXELS
        self._places = {"folder": plan.images, "masks": plan.masks}
        self._datasets = self._open_datasets(plan)
        images = {name: self._image_names(plan, name) for name in self._datasets}
        self._names = {name: names[: plan.limit] for name, names in images.items()}
        self._others = {name: names[len(self._names[name]) :] for name, names in images.items()}
        self._masks = self._open_all_masks(plan)
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

    def _open_datasets(self, plan: Plan) -> dict[str, Dataset]:
        """Open all data sets, or raise one line per missing one, masks included."""
        found: dict[str, Dataset] = {}
        missing: list[str] = []
        for name in plan.datasets:
            place = plan.data_root if is_published(name) else plan.images
            try:
                found[name] = open_dataset(
                    name, images=place, size=self._size, most=self._most, without=_not_images(plan)
                )
            except DataError as error:
                missing.append(str(error))
        if plan.masks is None and any(map(is_published, plan.datasets)):
            try:
                IRREGULAR_MASKS.find(plan.data_root)
            except DataError as error:
                missing.append(f"{error}; or --masks DIR")
        if missing and any(map(is_published, plan.datasets)):
            missing.append("or use any folder of images, with generated masks: --images DIR")
        if missing:
            raise DataError("\n".join(missing))
        return found

    def _image_names(self, plan: Plan, dataset: str) -> list[str]:
        """Return the names of a data set's images, without masks that lie in the same folder.

        Raises:
            DataError: if the names do not distinguish the masks.
        """
        names = list(self._datasets[dataset].ids())
        if not _same(plan.masks, plan.images) or not takes_images(dataset):
            return names
        masks = marked(names)
        if not masks:
            raise DataError(
                f"{plan.images}: --images and --masks are the same folder, and no name in it marks "
                "a mask, such as a_mask.png beside a.png; put the masks into a folder of their own"
            )
        return [name for name in names if name not in masks]

    def _not_masks(self, plan: Plan, dataset: str) -> list[Path]:
        """Return the paths in the masks' folder that are not masks."""
        if _same(plan.masks, plan.images):
            images = (*self._names[dataset], *self._others[dataset])
            return [self._datasets[dataset].path(name) for name in images]
        return _other(plan.images, plan.masks)

    def _open_all_masks(self, plan: Plan) -> dict[str, MaskSource]:
        """Return the masks of every data set; in one bucket of their own if the plan names none.

        Raises:
            DataError: if they cannot be used.
        """
        named = {name: self._by_name(plan, name) for name in self._datasets}
        buckets: list[Bucket] | None = [Bucket.parse(label) for label in plan.buckets]
        if all(named.values()) and "buckets" not in plan.model_fields_set:
            buckets = None
        masks = {name: self._open_masks(plan, name, buckets, by_name=named[name]) for name in named}
        if buckets is not None or len({tuple(one.buckets) for one in masks.values()}) == 1:
            return masks
        found = [bucket for one in masks.values() for bucket in one.buckets]
        whole = [Bucket(min(one.low for one in found), max(one.high for one in found))]
        return {name: self._open_masks(plan, name, whole, by_name=True) for name in named}

    def _by_name(self, plan: Plan, dataset: str) -> bool:
        """Return whether masks are paired with images by name, or one mask is for all images."""
        if plan.masks is None:
            return False
        if plan.pairing == "auto":
            return goes_by_name(
                plan.masks,
                self._names[dataset],
                self._others[dataset],
                without=self._not_masks(plan, dataset),
            )
        return plan.pairing == "name" or plan.masks.is_file()

    def _open_masks(
        self, plan: Plan, dataset: str, buckets: Sequence[Bucket] | None, *, by_name: bool
    ) -> MaskSource:
        published = plan.masks is None and is_published(dataset)
        folder = IRREGULAR_MASKS.find(plan.data_root) if published else plan.masks
        if folder is None:
            return GeneratedMasks(buckets or (), seed=plan.seed, margin=plan.margin)
        return FolderMasks(
            folder,
            MaskTargets(
                names=self._names[dataset],
                shape_of=self._datasets[dataset].shape,
                size=self._size,
                most=self._most,
                others=self._others[dataset],
                partly=plan.pairing != "name",
                without=() if published else self._not_masks(plan, dataset),
            ),
            buckets,
            polarity="white-hole" if published else plan.mask_polarity,
            by_name=by_name,
            seed=plan.seed,
            other_bands=published,
        )


def _not_images(plan: Plan) -> list[Path]:
    """Return the plan's other paths, which are not images if they lie in the images' folder."""
    models = [INPAINTERS.find(word) for word in plan.inpainters]
    models += [DETECTORS.find(word) for word in plan.detectors]
    folders = [Path(one.argument or "") for one in models if one.scheme in ("outputs", "heatmaps")]
    return [*_other(plan.masks, plan.images), *map(expand_home, folders)]


def _same(one: Path | None, other: Path | None) -> bool:
    return one is not None and other is not None and one.resolve() == other.resolve()


def _other(place: Path | None, folder: Path | None) -> list[Path]:
    """Return `place` in a list, unless it is the folder itself or contains it."""
    if place is None or folder is None or not place.exists():
        return []
    return [] if folder.resolve().is_relative_to(place.resolve()) else [place]
