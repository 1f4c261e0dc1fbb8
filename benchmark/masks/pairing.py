"""Pair masks with images by name.

Names are paths below their folders without extensions. The first match counts: the same name; the
same up to Unicode composition (NFC) and case; the same up to an affix that marks a mask, such as
`cat_mask` of `cat`, or `cat_mask` of `cat_image`; one path the end of the other, ignoring folders
that are called "masks", "images" or the like, if the mask matches no other image. A mask that has
its image is not paired with another.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from benchmark.core.errors import DataError
from benchmark.core.filenames import same_name
from benchmark.core.image_files import list_images
from benchmark.core.image_open import SUFFIXES

_MARK = r"(?:masks?|gt|m|holes?|ground[_-]?truth|seg|segmentations?|labels?|mattes?|annotations?)"
_MASK_AFFIX = re.compile(rf"(?:mask[-_. ])?(.+?)(?:[-_. ]{_MARK}[-_]?\d*)?")
_IMAGE = r"(?:images?|imgs?|photos?|pictures?|pics?|rgb|inputs?|originals?)"
_IMAGE_AFFIX = re.compile(rf"(?:{_IMAGE}[-_. ])?(.+?)(?:[-_. ]{_IMAGE})?")
_SIGN = re.compile(r"[^\w/]|_")  # punctuation after a name that is the prefix of another
_FOLDER = re.compile(
    r"(?:images?|imgs?|pictures?|photos?|photographs?|masks?|gt|holes?|labels?|annotations?)"
)
Key = Callable[[str], str]
Path_ = tuple[str, ...]  # path components of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Which masks belong to which images.

    Attributes:
        masks: names of the masks by image name, in the order of the images.
        without: names of images without a mask.
        spare: names of masks without an image.
    """

    masks: Mapping[str, tuple[str, ...]]
    without: tuple[str, ...]
    spare: tuple[str, ...]

    @property
    def shared(self) -> Mapping[str, tuple[str, ...]]:
        """The images of each mask that several have, whose names differ in the extension only."""
        owners: dict[str, list[str]] = defaultdict(list)
        for name, given in self.masks.items():
            for mask in given:
                owners[mask].append(name)
        return {mask: tuple(names) for mask, names in owners.items() if len(names) > 1}


def pair(images: Sequence[str], masks: Iterable[str]) -> Pairs:
    """Assign each image the masks of its name.

    Args:
        images: unique names of the images.
        masks: unique names of the masks.
    """
    found: dict[str, tuple[str, ...]] = {}
    free = list(masks)
    for of_image, of_mask in _KEYS:
        found |= _by_key(images, free, found, (of_image, of_mask))
        taken = {mask for given in found.values() for mask in given}
        free = [mask for mask in free if mask not in taken]
        if not free or len(found) == len(images):
            break
    found |= _by_path(images, free, found)
    taken = {mask for given in found.values() for mask in given}
    return Pairs(
        masks={name: found[name] for name in images if name in found},
        without=tuple(name for name in images if name not in found),
        spare=tuple(mask for mask in free if mask not in taken),
    )


def pair_some(images: Sequence[str], others: Sequence[str], masks: Iterable[str]) -> Pairs:
    """Pair some images of a folder, ignoring the masks of its other images."""
    pairs = pair([*images, *others], masks)
    return Pairs(
        masks={name: pairs.masks[name] for name in images if name in pairs.masks},
        without=tuple(name for name in images if name not in pairs.masks),
        spare=pairs.spare,
    )


def _by_key(
    images: Sequence[str], free: Sequence[str], found: Container[str], keys: tuple[Key, Key]
) -> dict[str, tuple[str, ...]]:
    """Return pairs with equal keys, if no other image has that key."""
    of_image, of_mask = keys
    owners: dict[str, list[str]] = defaultdict(list)
    for name in images:
        owners[of_image(name)].append(name)
    fitting: dict[str, list[str]] = defaultdict(list)
    for mask in free:
        fitting[of_mask(mask)].append(mask)
    return {
        name: tuple(fitting[text])
        for text, names in owners.items()
        if text in fitting and _same_image(names)
        for name in names
        if name not in found
    }


def _by_path(
    images: Sequence[str], free: Sequence[str], found: Container[str]
) -> dict[str, tuple[str, ...]]:
    """Return pairs of which one path is the end of the other, if no other image matches."""
    owners: dict[str, list[tuple[str, Path_]]] = defaultdict(list)
    for name in images:
        parts = _parts(name)
        owners[parts[-1]].append((name, parts))
    pairs: dict[str, list[str]] = defaultdict(list)
    for mask in free:
        parts = _parts(mask)
        names = [name for name, other in owners[parts[-1]] if _ends(parts, other)]
        if names and _same_image(names):
            for name in names:
                pairs[name].append(mask)
    return {name: tuple(given) for name, given in pairs.items() if name not in found}


def likely(images: Iterable[str], masks: Iterable[str]) -> tuple[str, str] | None:
    """Return an image and a mask that starts with its name, if half of the images have such masks.

    Such masks are meant to be paired by name, but by a scheme that `pair` does not support.
    """
    named = {unended(name): name for name in images}
    found: dict[str, str] = {}
    for mask in masks:
        text = unended(mask)
        for sign in _SIGN.finditer(text):
            if (name := named.get(text[: sign.start()])) is not None:
                found.setdefault(name, mask)
    return next(iter(found.items())) if found and 2 * len(found) >= len(named) else None


def goes_by_name(
    folder: Path,
    images: Sequence[str],
    others: Sequence[str] = (),
    *,
    without: Collection[Path] = (),
) -> bool:
    """Whether masks are paired by name: most images have a mask of their name.

    Args:
        folder: folder of masks, or the single mask of all images.
        images: names of the images.
        others: names of unused images in the same folder.
        without: files and folders below `folder` to skip.

    Raises:
        DataError: if only a minority of the images has a mask of its name, or names only share a
            prefix.
    """
    if folder.is_file():
        return True
    named = list_images(folder, without=without).named
    pairs = pair_some(images, others, named)
    meant = likely([*images, *others], named) if not pairs.masks else None
    if meant is not None:
        raise DataError(
            f"{folder}: {meant[1]!r} looks like the mask of {meant[0]!r}; "
            f"rename it {meant[0]}_mask, or assign masks regardless of names with --pairing drawn"
        )
    if not pairs.masks or len(pairs.masks) >= len(pairs.without):
        return bool(pairs.masks)
    name, masks = next(iter(pairs.masks.items()))
    raise DataError(
        f"{folder}: {len(pairs.masks)} of {len(images)} images have a mask of their name here, "
        f"such as {name!r} ({masks[0]}), the others none, such as {pairs.without[0]!r}; remove "
        "those from --images, or assign masks regardless of names with --pairing drawn"
    )


def marked(names: Sequence[str]) -> set[str]:
    """Return the names that are masks of other images of the same folder, as `a_mask` of `a`."""
    plain = {unended(name) for name in names if _unmarked(name) == unended(name)}
    return {name for name in names if _unmarked(name) != unended(name) and _unmarked(name) in plain}


def unended(name: str) -> str:
    """Return a normalized name without the extension that ambiguous names keep."""
    return same_name(_without_ending(name))


def _without_ending(name: str) -> str:
    ending = PurePosixPath(name).suffix
    return name.removesuffix(ending) if ending.lower() in SUFFIXES else name


def _ended(name: str) -> str:
    """Return a normalized name without its mask affix; an extension before it stays."""
    before, slash, last = same_name(name).rpartition("/")
    marked = _MASK_AFFIX.fullmatch(last)
    return before + slash + (marked[1] if marked else last)


def _unmarked(name: str) -> str:
    """Return a normalized name without its mask affix and extension."""
    before, slash, last = unended(name).rpartition("/")
    marked = _MASK_AFFIX.fullmatch(last)
    return before + slash + (unended(marked[1]) if marked else last)


def _without_image_affix(name: str) -> str:
    """Return a normalized name without its extension and image affix, as in 001_image."""
    before, slash, last = unended(name).rpartition("/")
    match = _IMAGE_AFFIX.fullmatch(last)
    return before + slash + (match[1] if match else last)


def _of_marked(name: str) -> str:
    """Return `_unmarked` of a name with a mask affix; otherwise a key that no image has."""
    return _unmarked(name) if _unmarked(name) != unended(name) else f"/{name}"


_KEYS: tuple[tuple[Key, Key], ...] = (
    (str, str),
    (same_name, same_name),
    (unended, unended),
    (same_name, _ended),
    (unended, _unmarked),
    (_unmarked, _unmarked),
    (_without_image_affix, _of_marked),
)


def _parts(name: str) -> Path_:
    *folders, last = _unmarked(name).split("/")
    return (*(one for one in folders if not _FOLDER.fullmatch(one)), last)


def _ends(one: Path_, other: Path_) -> bool:
    count = min(len(one), len(other))
    return one[-count:] == other[-count:]


def _same_image(names: Sequence[str]) -> bool:
    """Whether they are one image, or copies that differ in the extension only."""
    return len(names) == 1 or len({_without_ending(name) for name in names}) == 1
