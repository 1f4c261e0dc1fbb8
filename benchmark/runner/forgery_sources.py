"""Samples of a plan of forgeries: images and truths of a set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, zip_longest
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np

from benchmark.core.errors import DataError, FileChanged
from benchmark.core.external.files import alike_of
from benchmark.core.filenames import printable
from benchmark.core.images import MOST_PIXELS, REVISION, fit
from benchmark.core.types import Mask, Pixels, Sample
from benchmark.forgeries import LAYOUTS
from benchmark.forgeries.item import FileBytes, ForgeryItem, ForgerySet
from benchmark.forgeries.reading import read_forgeries
from benchmark.forgeries.truth import pixels_shape, read_pixels, read_truth
from benchmark.masks.files import REVISION as MASK_REVISION
from benchmark.masks.files import SUSPICIOUS, at_size
from benchmark.masks.source import Pairing
from benchmark.runner.forgery_plan import FORGERIES
from benchmark.runner.jobs import Forgery, SampleRef
from benchmark.runner.keys import key_of
from benchmark.runner.outcome import Failure
from benchmark.runner.plan import Plan
from benchmark.runner.shard import WHOLE, Shard
from benchmark.runner.sources import Sources

ALL, AUTHENTIC, UNNAMED = "all", "authentic", "(none)"  # words of the results, and no names
_RESERVED = frozenset({ALL, AUTHENTIC, UNNAMED})
_TRIED = 16  # truths that are read to see whether they are inverted
_BUCKET = ""  # forgeries have no mask-ratio bins


def open_sources(plan: Plan) -> Sources:
    """Return the samples of a plan: a set of forgeries, or images and masks to inpaint.

    Raises:
        DataError: if they are missing or cannot be used.
    """
    return Sources(plan) if plan.forgeries is None else ForgerySources(plan)


class ForgerySources(Sources):
    """The images and truths of a plan of forgeries.

    Args:
        plan: the plan.

    Raises:
        DataError: if the set cannot be read, or names a subset or method by a word of the results.
    """

    def __init__(self, plan: Plan) -> None:
        if plan.forgeries is None:
            raise ValueError("expected a plan of forgeries")
        self._place = plan.forgeries
        self._size = None if plan.size == "native" else plan.size
        self._most = plan.max_pixels or MOST_PIXELS
        self.set: ForgerySet = read_forgeries(self._place, plan.layout, black=plan.black_forged)
        _refuse_reserved(self.set, self._place)
        self._limit = plan.limit
        items = _limited(self.set.items, plan.limit)
        self._items = {item.name: item for item in items}
        self._digests: dict[str, tuple[str, str]] = {}  # SHA-256 of image and truth, by name
        self._bad: dict[str, str] = {}

    @property
    def folders(self) -> dict[str, Path]:
        """The place of the set."""
        return {FORGERIES: self._place}

    @property
    def unused(self) -> Sequence[tuple[str, str]]:
        """Nothing: what is left out of a set is in its notes."""
        return ()

    @property
    def alike(self) -> frozenset[str]:
        """Names that differ only in case and punctuation, as `alike_of` returns."""
        return alike_of(self._items)

    @property
    def buckets(self) -> tuple[str, ...]:
        """One bin without a name."""
        return (_BUCKET,)

    @property
    def pairing(self) -> dict[str, Pairing]:
        """Nothing: no mask is paired by this program."""
        return {}

    @property
    def left_out(self) -> dict[str, Sequence[str]]:
        """The notes on what was guessed, is missing or was left out, by the set's place."""
        return {str(self._place): list(self.set.notes)} if self.set.notes else {}

    @property
    def read_as(self) -> dict[str, int]:
        """Nothing: the layout says how its truths are read."""
        return {}

    def lines(self) -> list[str]:
        """Return the notes on the set for the user, line by line."""
        items = list(self._items.values())
        authentic = sum(item.authentic for item in items)
        groups = len({item.group for item in items})
        counts = f"{len(items) - authentic} forged and {authentic} authentic images"
        lines = [f"Forgeries: {note}." for note in self.set.notes]
        if self._limit is not None:
            lines.append(
                f"Forgeries: limited to the first {self._limit} originals, those with and those "
                "without forgeries in turn."
            )
        if self._size:
            lines.append(
                f"Forgeries: the central square of each image, resized to {self._size} pixels a "
                "side; resizing removes traces of forgery (--size native keeps them)."
            )
        return [*lines, f"Forgeries: {counts} of {groups} originals.", *self._inverted()]

    def _inverted(self) -> list[str]:
        """Return a line if the truths look inverted and the layout has no rule of its own."""
        own = LAYOUTS.load(self.set.layout)(self.set.layout).any_set
        items = [one for one in self._items.values() if one.mask is not None] if own else []
        shares = []
        for item in items[:: max(1, len(items) // _TRIED)]:
            with suppress(DataError):  # reported when the truth is read
                shares.append(float(read_truth(item, None, self._most).mean()))
        if not shares or median(shares) <= SUSPICIOUS:
            return []
        hint = "leave out --black-forged" if items[0].truth == "black" else "add --black-forged"
        much = f"Forgeries: half of the truths mark more than {median(shares):.0%} of the image as"
        return [f"{much} forged; if that is the authentic part, {hint}."]

    def refs(self, shard: Shard = WHOLE) -> list[SampleRef]:
        """Return every item of the set; those whose files cannot be read are in `failures`.

        Args:
            shard: share of the items.
        """
        found = []
        for name in shard.of(list(self._items)):
            item = self._items[name]
            try:
                found.append(self._ref(item))
            except DataError as error:
                self._bad[name] = str(error)
        return found

    def image_digests(self) -> Iterator[str]:
        """Yield the SHA-256 of each image's bytes, of the whole set; one that fails is left out."""
        for item in self._items.values():
            with suppress(DataError):  # among `failures`
                yield self._digest(item)[0]

    def names(self, shard: Shard) -> dict[str, tuple[str, ...]]:
        """Return the names of a shard's images in order."""
        return {FORGERIES: tuple(shard.of(list(self._items)))}

    def failures(self, shard: Shard = WHOLE) -> list[Failure]:
        """Return the items whose files cannot be read; call `refs` first.

        Args:
            shard: share of the items.
        """
        return [
            Failure(
                kind="skipped",
                dataset=FORGERIES,
                sample=name,
                bucket=_BUCKET,
                model="",
                reason=self._bad[name],
            )
            for name in shard.of(list(self._items))
            if name in self._bad
        ]

    def load(self, sample: SampleRef) -> Sample:
        """Decode an image and its truth.

        Raises:
            FileChanged: if a file has changed since `refs`.
            DataError: if either cannot be used.
        """
        return self.load_parts(sample, image=True, truth=True)

    def load_parts(self, sample: SampleRef, *, image: bool, truth: bool) -> Sample:
        """Decode an image, its truth, or both; black and empty in the place of the other.

        Raises:
            FileChanged: if a file has changed since `refs`.
            DataError: if what is decoded cannot be used.
        """
        item = self._items[sample.id]
        pixels = read_pixels(item, self._most, sha256=self._digest(item)[0]) if image else None
        shape = pixels_shape(item, self._most) if pixels is None else pixels.shape[:2]
        whole = fit(pixels, self._size) if pixels is not None else self._nothing(shape)
        mask = self._truth(item, shape) if truth else np.zeros(whole.shape[:2], np.bool_)
        return Sample(id=sample.id, image=whole, mask=mask, bucket=sample.bucket)

    def _nothing(self, shape: tuple[int, int]) -> Pixels:
        sides = (self._size, self._size) if self._size else shape
        return np.broadcast_to(np.uint8(0), (*sides, 3))

    def _truth(self, item: ForgeryItem, shape: tuple[int, int]) -> Mask:
        """Return an item's truth at evaluation size, (H, W) bool; empty if it is not known."""
        if item.has_truth:
            if item.mask is not None and item.mask.sha256() != self._digest(item)[1]:
                raise FileChanged(item.mask.label)
            mask = read_truth(item, shape, self._most)
        else:
            mask = np.zeros(shape, np.bool_)
        if self._size is None:
            return mask
        small = at_size(mask, (self._size, self._size), image_shape=shape)
        if mask.any() and not small.any():
            raise DataError(
                f"{item.name}: no forged pixel is left in the central square at --size {self._size}"
            )
        return small

    def _digest(self, item: ForgeryItem) -> tuple[str, str]:
        if item.name not in self._digests:
            truth = "" if item.mask is None else item.mask.sha256()
            self._digests[item.name] = item.image.sha256(), truth
        return self._digests[item.name]

    def _ref(self, item: ForgeryItem) -> SampleRef:
        image, truth = self._digest(item)
        kind: Literal["forged", "authentic", "unknown"] = "forged"
        if item.authentic or not item.has_truth:
            kind = "authentic" if item.authentic else "unknown"
        pixels = key_of("forged image", image, f"{self._size} rule {REVISION}")
        return SampleRef(
            dataset=FORGERIES,
            id=item.name,
            bucket=_BUCKET,
            mask=self._origin(item, kind),
            key=key_of("forgery", pixels, truth, f"{item.truth} rule {MASK_REVISION}", kind),
            forgery=Forgery(
                image=pixels,
                group=item.group,
                subset=item.subset,
                method=item.method,
                kind=kind,
            ),
        )

    def _origin(self, item: ForgeryItem, kind: str) -> str:
        """Return where an item's truth is from: its file, below the set's folder if it is."""
        if item.mask is None:
            return "every pixel" if kind == "forged" else kind
        if isinstance(item.mask, FileBytes):
            folder = self._place if self._place.is_dir() else self._place.parent
            if item.mask.path.is_relative_to(folder):
                return printable(item.mask.path.relative_to(folder).as_posix())
        return printable(item.mask.label)


def _refuse_reserved(found: ForgerySet, place: Path) -> None:
    for item in found.items:
        for what, word in (("subset", item.subset), ("method", item.method)):
            if word in _RESERVED:
                raise DataError(
                    f"{place}: {item.name}: the {what} {word!r} has another meaning in results; "
                    "give it another name"
                )


def _limited(items: Sequence[ForgeryItem], limit: int | None) -> Sequence[ForgeryItem]:
    """Return the items of the first originals: in turn those with and those without forgeries."""
    if limit is None:
        return items
    forged = dict.fromkeys(item.group for item in items if not item.authentic)
    others = dict.fromkeys(item.group for item in items if item.group not in forged)
    turns = chain.from_iterable(zip_longest(forged, others))
    kept = set([group for group in turns if group is not None][:limit])
    return [item for item in items if item.group in kept]
