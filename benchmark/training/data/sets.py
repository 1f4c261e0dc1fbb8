"""Sets of existing forgeries to train on: read, checked before training, split by original."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path

from benchmark.core.errors import DataError
from benchmark.core.seeds import seed_of
from benchmark.forgeries.item import ForgeryItem
from benchmark.forgeries.reading import AUTO, read_forgeries
from benchmark.forgeries.truth import read_pixels, read_truth
from benchmark.training.data.masks import told
from benchmark.training.leakage import digest_of, refused_digests

AT_ONCE = 1000  # images queued for the reading threads
HELD_OUT_SHARE = 5  # at most one original of so many is held out


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOptions:
    """Which set of forgeries to train on.

    Attributes:
        place: a folder, a manifest (.csv), a list of pairs (.json) or a .parquet file.
        layout: a name of `LAYOUTS`, or "auto".
        black_forged: whether black is forged in the truths.
    """

    place: Path
    layout: str = AUTO
    black_forged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingItem:
    """An image of a set that can be trained on.

    Attributes:
        item: the image and its truth.
        sha256: of the image's bytes.
        pixels: `digest_of` its pixels.
        truth: SHA-256 of the bytes of its truth, or "" if it has none.
    """

    item: ForgeryItem
    sha256: str
    pixels: str
    truth: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingForgeries:
    """The images of a set of forgeries that can be trained on.

    Attributes:
        items: in the order of their names.
        layout: name of the set's layout.
        digest: SHA-256 over the images and truths, regardless of their names and order.
        notes: a line each on what was guessed, is missing or was left out when the set was read.
        test: names of test images of the benchmark among them.
        left_out: images that cannot be used, each with the reason.
    """

    items: tuple[TrainingItem, ...]
    layout: str
    digest: str
    notes: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def forged(self) -> int:
        """The number of forged images."""
        return sum(not one.item.authentic for one in self.items)

    @property
    def authentic(self) -> int:
        """The number of authentic images."""
        return sum(one.item.authentic for one in self.items)

    @property
    def groups(self) -> int:
        """The number of originals."""
        return len({one.item.group for one in self.items})

    @property
    def methods(self) -> tuple[str, ...]:
        """What the forgeries were made with, sorted; "" where the set does not say."""
        return tuple(sorted({one.item.method for one in self.items if not one.item.authentic}))

    def part(self, chosen: Iterable[TrainingItem]) -> TrainingForgeries:
        """A subset of the images."""
        return replace(self, items=tuple(chosen))


def read_training_forgeries(
    options: SetOptions, *, least: int, allow_test: bool = False, workers: int = 0
) -> TrainingForgeries:
    """Read a set, and decode each image and truth once to see whether it can be used.

    Args:
        options: the set.
        least: smallest side of an image, pixels.
        allow_test: whether test images of the benchmark are accepted.
        workers: number of reading threads; 0 reads in this thread.

    Returns:
        The usable images, in the order of their names.

    Raises:
        UnknownName: if there is no such layout.
        DataError: if the set cannot be read, has no usable forged image, or has test images that
            are not allowed.
    """
    place = options.place
    found = read_forgeries(place, options.layout, black=options.black_forged)
    read = list(_all_seen(found.items, least, workers))
    usable = [one for one in read if isinstance(one, _Seen)]
    reasons = tuple(one for one in read if isinstance(one, str))
    usable, twice = _without_contradictions(usable)
    reasons += twice
    if all(one.used.item.authentic for one in usable):
        forged = tuple(f"{one.name}: " for one in found.items if not one.authentic)
        own = [reason for reason in reasons if reason.startswith(forged)]
        why = f"; left out: {told(own)}" if own else ""
        raise DataError(
            f"{place}: none of {found.forged} forged images can be trained on{why}; training needs "
            "forged images with a truth of their size that marks a pixel"
        )
    tests = [one for one in usable if one.test]
    if tests and not allow_test:
        raise DataError(
            f"{place}: {len(tests)} of {len(usable)} are test images, such as "
            f"{tests[0].used.item.name} ({tests[0].test}); remove them, or give "
            "--allow-test-photos, which is recorded in the weights"
        )
    whole = hashlib.sha256("\n".join(sorted(one.identity for one in usable)).encode())
    return TrainingForgeries(
        items=tuple(one.used for one in usable),
        layout=found.layout,
        digest=whole.hexdigest(),
        notes=found.notes,
        test=tuple(one.used.item.name for one in tests),
        left_out=reasons,
    )


def _without_contradictions(read: Sequence[_Seen]) -> tuple[list[_Seen], tuple[str, ...]]:
    """Leave out forged images whose pixels are those of an authentic image, with the reason."""
    authentic = {one.used.pixels: one.used.item for one in read if one.used.item.authentic}
    kept: list[_Seen] = []
    reasons: list[str] = []
    for one in read:
        same = None if one.used.item.authentic else authentic.get(one.used.pixels)
        if same is None:
            kept.append(one)
        else:
            reasons.append(
                f"{one.used.item.name}: called forged, but its pixels are those of the authentic "
                f"image {same.name}"
            )
    return kept, tuple(reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A usable image, what identifies image and truth, and the name of the test image it is."""

    used: TrainingItem
    identity: str
    test: str


def _all_seen(items: Sequence[ForgeryItem], least: int, workers: int) -> Iterator[_Seen | str]:
    """Every image, or why it cannot be used, in order."""
    refused_digests()  # cached once, not by every thread

    def see(item: ForgeryItem) -> _Seen | str:
        try:
            return _seen(item, least)
        except DataError as error:
            return f"{item.name}: {str(error).removeprefix(f'{item.name}: ')}"

    if not workers:
        yield from map(see, items)
        return
    with ThreadPoolExecutor(workers) as threads:
        for first in range(0, len(items), AT_ONCE):
            yield from threads.map(see, items[first : first + AT_ONCE])


def _seen(item: ForgeryItem, least: int) -> _Seen:
    digest = item.image.sha256()
    truth = "" if item.mask is None else item.mask.sha256()
    pixels = read_pixels(item, sha256=digest)
    height, width = pixels.shape[:2]
    read_truth(item, (height, width))
    if min(height, width) < least:
        raise DataError(f"{width}x{height} pixels, expected sides of {least} or more")
    content = digest_of(pixels)
    return _Seen(
        used=TrainingItem(item=item, sha256=digest, pixels=content, truth=truth),
        identity=item.fingerprint(),
        test=refused_digests().get(content, ""),
    )


def divide_by_original(
    forgeries: TrainingForgeries,
    held_out: int,
    *,
    trained: Collection[str] = (),
    kept: Collection[str] = (),
) -> tuple[TrainingForgeries, TrainingForgeries]:
    """Split a set into training images and held-out ones, which share no original.

    Originals are held out by the hash of their names, those with and those without authentic images
    in turn. An original among the other images of a training stays on its side of their split.

    Args:
        forgeries: the set.
        held_out: number of originals to hold out; at most a fifth of them are, and at least one.
        trained: `digest_of` images that are trained on.
        kept: `digest_of` images that are held out.

    Returns:
        The images to train on, and those that are held out.

    Raises:
        DataError: if no forged image would remain to train on.
    """
    groups = {one.item.group for one in forgeries.items}
    originals = [one for one in forgeries.items if one.item.authentic]
    stay = {one.item.group for one in originals if one.pixels in trained}
    chosen = {one.item.group for one in originals if one.pixels in kept} - stay
    wanted = min(held_out, max(1, len(groups) // HELD_OUT_SHARE)) if held_out else 0
    free = sorted(groups - stay - chosen, key=seed_of)
    shown = {one.item.group for one in originals}
    turns = zip_longest(
        (group for group in free if group in shown), (group for group in free if group not in shown)
    )
    order = [group for group in chain.from_iterable(turns) if group is not None]
    chosen.update(order[: max(0, wanted - len(chosen))])
    rest = [one for one in forgeries.items if one.item.group not in chosen]
    if all(one.item.authentic for one in rest):
        raise DataError(
            f"no forged image is left to train on: {len(chosen)} of {len(groups)} originals are "
            "held out; add forgeries of other originals"
        )
    return forgeries.part(rest), forgeries.part(
        one for one in forgeries.items if one.item.group in chosen
    )
