"""Masks from a folder: paired with images by name, or randomly assigned by bucket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from pathlib import Path

from benchmark.core.errors import DataError
from benchmark.core.image_files import list_images
from benchmark.core.seeds import seed_of
from benchmark.core.types import Mask
from benchmark.masks.bucket import Bucket
from benchmark.masks.files import (
    REVISION,
    MaskFile,
    Polarity,
    at_size,
    settle_polarity,
)
from benchmark.masks.pairing import Pairs, pair_some
from benchmark.masks.reader import MaskReader, MaskTargets, Shape
from benchmark.masks.source import MaskId, Pairing

SHOWN = 5  # images without a mask that a message names; the record has all


class FolderMasks:
    """Mask files below a folder, each checked at evaluation size.

    Args:
        folder: folder of mask files, such as the NVIDIA irregular test set; or one mask file, which
            is used for every image.
        targets: the images that masks are assigned to.
        buckets: buckets to use, or None for the smallest one that contains all masks.
        polarity: which color is the hole.
        by_name: assign each image the masks of its name (`masks.pairing`), which must have its
            aspect ratio; else image i gets mask i of each bucket's seeded permutation, cyclically,
            stretched to the image's size.
        seed: seed of the permutation.
        other_bands: whether the folder has masks of other buckets too, so that masks outside the
            buckets are not reported.

    Raises:
        DataError: if the folder cannot be read, looks inverted, or a bucket has no mask.
    """

    def __init__(
        self,
        folder: Path,
        targets: MaskTargets,
        buckets: Sequence[Bucket] | None,
        *,
        polarity: Polarity,
        by_name: bool,
        seed: int,
        other_bands: bool = False,
    ) -> None:
        self._folder = folder
        self._top = folder.parent if folder.is_file() else folder
        self._targets = targets
        self._by_name = by_name or folder.is_file()
        self._other_bands = other_bands
        self._reader = MaskReader(folder, targets, by_name=self._by_name)
        self.unused, self.failed = self._reader.unused, self._reader.failed
        listing = list_images(folder, without=targets.without)
        self.left_out = listing.left_out
        pairs = self._pair(listing.named) if self._by_name else None
        self.pairing = _describe_pairing(folder, listing.named, pairs)
        measured = (
            self._reader.measure_pairs(listing.named, pairs)
            if pairs
            else self._reader.measure(listing.named)
        )
        files = settle_polarity(measured, folder, polarity)
        self.read_as = Counter(reading for _, reading in {(one.path, one.reading) for one in files})
        self.read_as.pop("", None)
        self.buckets = tuple(buckets) if buckets is not None else (self._range(files),)
        binned = self._sort(files, self.buckets)
        self._refuse_empty_buckets(binned, files)
        self._chosen = self._assign_by_name(binned) if pairs else self._assign(binned, seed)

    def holes(self, sample: str) -> Mapping[str, MaskId]:
        """Return an image's masks by bucket; empty if its mask is in no bucket.

        Raises:
            DataError: if a mask file can no longer be read.
        """
        return {
            bucket.label: self._hole(file) for bucket, file in self._chosen.get(sample, {}).items()
        }

    def mask_for(self, sample: str, bucket: str, shape: Shape) -> Mask:
        """Read the mask and resize it to the image's size, (H, W) bool.

        Raises:
            DataError: if its ratio leaves the bucket at this size, which can happen only if images
                keep their own size.
        """
        wanted = Bucket.parse(bucket)
        file = self._chosen[sample][wanted]
        white = self._reader.read(file.path).white
        made_for = self._targets.shape_of(sample) if self._reader.made_for_one(white) else None
        mask = at_size(white, shape, image_shape=made_for) ^ file.inverted
        if not wanted.holds(mask):
            raise DataError(
                f"{file.path}: covers {mask.mean():.2%} at {shape[1]}x{shape[0]}, not {bucket} %"
            )
        return mask

    def _pair(self, named: Mapping[str, Path]) -> Pairs:
        """Find the masks of each image: those of its name, or the single file."""
        names = self._targets.names
        if self._folder.is_file():
            mask = tuple(named)
            return Pairs(masks=dict.fromkeys(names, mask), without=(), spare=())
        pairs = pair_some(names, self._targets.others, named)
        if not pairs.masks or (pairs.without and not self._targets.partly):
            raise DataError(
                f"{self._folder}: {len(pairs.without)} of {len(names)} images have no "
                f"mask of their name here, such as {pairs.without[0]!r}; assign masks by bucket "
                "with --pairing drawn, or add the masks"
            )
        return pairs

    def _range(self, files: Sequence[MaskFile]) -> Bucket:
        """Return the narrowest bucket that contains all masks; 0-100 if there are none."""
        percents = [_percent(file) for file in files if file.share not in (0, 1)]
        if not percents:
            return Bucket(0, 100)
        return Bucket(ceil(min(percents)) - 1, ceil(max(percents)))

    def _sort(
        self, files: Iterable[MaskFile], buckets: Sequence[Bucket]
    ) -> dict[Bucket, list[MaskFile]]:
        binned: dict[Bucket, list[MaskFile]] = {bucket: [] for bucket in buckets}
        for file in files:
            percent = _percent(file)
            fitting = [bucket for bucket in buckets if bucket.low < percent <= bucket.high]
            if file.share in (0, 1):
                where = " in the image's center square" if self._reader.cropped(file) else ""
                self._reader.note(
                    file.path, ("empty mask" if file.share == 0 else "full mask") + where
                )
                continue
            if not fitting and not self._other_bands:
                self._reader.note(file.path, f"its hole of {file.share:.2%} is outside all buckets")
            for bucket in fitting:
                binned[bucket].append(file)
        return binned

    def _refuse_empty_buckets(
        self, binned: Mapping[Bucket, Sequence[MaskFile]], files: Sequence[MaskFile]
    ) -> None:
        usable = [file for file in files if file.share not in (0, 1)]
        if not usable:
            own = dict.fromkeys(self.failed.values())
            reasons = [reason.removeprefix(f"{self._top}/") for reason in own]
            reasons += [f"{file}: {reason}" for file, reason in self.unused]
            more = f" ({len(reasons) - 1} more likewise)" if len(reasons) > 1 else ""
            raise DataError(f"{self._folder}: no usable mask; {reasons[0]}{more}")
        shares = [file.share for file in usable]
        for bucket, found in binned.items():
            if not found:
                raise DataError(
                    f"{self._folder}: no mask reaches the bucket {bucket.label}; this folder has "
                    f"holes of {min(shares):.1%} to {max(shares):.1%}; choose buckets with "
                    f"--buckets, such as {self._range(files).label}{self._unnamed()}"
                )

    def _unnamed(self) -> str:
        """Return a hint that no mask has an image's name, if masks are randomly assigned."""
        if self._by_name or self._other_bands or not self._targets.names:
            return ""
        return (
            "; none has an image's name, so they are randomly assigned; a mask of "
            f"{self._targets.names[0]} would be called {self._targets.names[0]}_mask"
        )

    def _assign_by_name(
        self, binned: Mapping[Bucket, Sequence[MaskFile]]
    ) -> dict[str, dict[Bucket, MaskFile]]:
        """Assign each image its own masks, at most one per bucket."""
        chosen: dict[str, dict[Bucket, MaskFile]] = {}
        for bucket, files in binned.items():
            for file in files:
                other = chosen.setdefault(file.image, {}).setdefault(bucket, file)
                if other != file:
                    first, second = (self._reader.inner(one.path) for one in (other, file))
                    raise DataError(
                        f"{self._folder}: {file.image!r} has two masks in the bucket "
                        f"{bucket.label}, {first} and {second}; remove one, or choose --buckets "
                        "that separate them"
                    )
        return chosen

    def _assign(
        self, binned: Mapping[Bucket, Sequence[MaskFile]], seed: int
    ) -> dict[str, dict[Bucket, MaskFile]]:
        """Assign image i mask i of each bucket's seeded permutation, cyclically."""
        names = self._targets.names
        chosen: dict[str, dict[Bucket, MaskFile]] = {name: {} for name in names}
        for bucket, files in binned.items():
            draws = {
                file: seed_of("pair", seed, bucket.label, self._reader.inner(file.path))
                for file in files
            }
            order = sorted(files, key=draws.__getitem__)
            for row, name in enumerate(names):
                start = row % len(order)
                chosen[name][bucket] = self._fitting(name, bucket, order[start:] + order[:start])
        return chosen

    def _fitting(self, name: str, bucket: Bucket, order: Sequence[MaskFile]) -> MaskFile:
        """Return the first mask that is in the bucket at the image's own size, if any is."""
        if self._targets.size:
            return order[0]
        for file in order:
            white = self._reader.read(file.path).white
            sized = at_size(white, self._reader.shape_of(name, white), image_shape=None)
            if bucket.holds(sized ^ file.inverted):
                return file
        return order[0]

    def _hole(self, file: MaskFile) -> MaskId:
        rule = f"inverted {file.inverted} named {self._by_name} size {self._targets.size}"
        rule += f" {file.reading}" if file.reading else ""  # interpretations since revision 1
        digest = f"{self._reader.digest(file.path)} {REVISION} {rule}"
        return MaskId(name=self._reader.inner(file.path), digest=digest)


def _describe_pairing(folder: Path, named: Mapping[str, Path], pairs: Pairs | None) -> Pairing:
    """Describe the pairing for display."""
    if pairs is None:
        said = f"randomly assigned by bucket from the {len(named)} in {folder}, regardless of names"
        return Pairing(rule="drawn", said=said)
    if folder.is_file():
        return Pairing(rule="one", said=f"{folder} for all {len(pairs.masks)} images")
    count = len(pairs.masks) + len(pairs.without)
    said = f"by name from {folder}, {len(pairs.masks)} of {count} images have one"
    if pairs.without:
        shown = ", ".join(pairs.without[:SHOWN]) + (", ..." if len(pairs.without) > SHOWN else "")
        said += f"; left out without one: {shown}"
    if pairs.spare:
        said += f"; {len(pairs.spare)} masks belong to no image, such as {pairs.spare[0]}"
    return Pairing(rule="name", said=said, without=pairs.without)


def _percent(file: MaskFile) -> float:
    return round(100 * file.share, 9)  # the share k / n is exact to far more digits
