"""Which files a command works on, and what its own files are called."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.core.errors import BadInput, DataError, OutputError
from benchmark.core.filenames import file_part, folder_names, printable
from benchmark.core.images import list_images
from benchmark.core.paths import make_folder
from benchmark.masks.pairing import pair
from benchmark.single.masks import Box
from benchmark.single.truths import find_truths, listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An image that a command works on.

    Attributes:
        name: unique; what lines and pages call it.
        stem: begins the names of its files; unique, and safe on every file system.
        path: the file.
        mask: its mask file or box, or None where it has none.
        reason: why it has none, where truths were given; else "".
    """

    name: str
    stem: str
    path: Path
    mask: Path | Box | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The images of a command.

    Attributes:
        items: in the order of the arguments, and by name within a folder.
        notes: lines about files that are not used.
    """

    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()


def find_items(
    images: Sequence[Path],
    mask: Path | Box | None,
    *,
    out: Path | None = None,
    partly: bool = False,
) -> Items:
    """Find images and their masks.

    Args:
        images: image files, or folders of them.
        mask: one mask file or box for all, a folder of masks that are paired by name, or None.
        out: folder of the command's files, which is no input where it lies below a folder.
        partly: whether masks are truths (`find_truths`): an image without one stays; else it is
            left out.

    Raises:
        DataError: if a folder cannot be read, holds no image, or no image has a mask.
    """
    without = [path for path in (out, mask) if isinstance(path, Path) and path.exists()]
    found: dict[str, Path] = {}
    notes: list[str] = []
    for place in images:
        if not place.exists():
            raise DataError(f"{place}: no such image or folder")
        outside = [path for path in without if not _inside(place, path)]
        listing = list_images(place, without=outside)
        notes += [f"{place}: left out: {line}" for line in listing.left_out if place.is_dir()]
        for name, path in listing.named.items():
            if path in found.values():
                continue
            found[name if name not in found else _other_name(path, found)] = path
    given = _masks_of(mask, found, without=_without(images, mask), partly=partly)
    missing = [name for name in found if mask is not None and name not in given.masks]
    kept = [name for name in found if name not in missing or partly]
    if not kept:
        raise DataError(f"{mask}: no mask has the name of an image, such as {missing[0]!r}")
    stems = folder_names(kept)
    items = [
        Item(
            name=name,
            stem=stems[name],
            path=found[name],
            mask=given.masks.get(name),
            reason=given.reasons.get(name, ""),
        )
        for name in kept
    ]
    return Items(items=tuple(items), notes=(*notes, *given.notes))


@dataclass(frozen=True, slots=True)
class _Given:
    """The masks of images, why others have none, and notes; by the names of the images."""

    masks: Mapping[str, Path | Box]
    reasons: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def _masks_of(
    mask: Path | Box | None, found: Mapping[str, Path], *, without: Sequence[Path], partly: bool
) -> _Given:
    if mask is None:
        return _Given({})
    if isinstance(mask, Box) or not mask.is_dir():
        return _Given(dict.fromkeys(found, mask))
    named = list_images(mask, without=without).named
    if partly:
        truths = find_truths(mask, list(found), named)
        return _Given(truths.files, truths.reasons, truths.notes)
    pairs = pair(list(found), named)
    masks = {name: named[given[0]] for name, given in pairs.masks.items()}
    return _Given(masks, notes=(_missing(pairs.without),) if pairs.without else ())


def _without(images: Sequence[Path], mask: Path | Box | None) -> list[Path]:
    """The images' folders that lie below the masks' folder: they hold no masks."""
    if not isinstance(mask, Path) or not mask.is_dir():
        return []
    return [one for one in images if one.exists() and not _inside(mask, one)]


def _inside(place: Path, folder: Path) -> bool:
    """Whether `place` is `folder` or lies in it."""
    return place.resolve().is_relative_to(folder.resolve())


def _missing(names: Sequence[str]) -> str:
    return f"left out, no mask of the same name for {len(names)} images: {listed(names)}"


def _other_name(path: Path, found: Mapping[str, Path]) -> str:
    """A name for an image whose own is taken by one of another folder."""
    text = printable(path.with_suffix("").as_posix())
    return text if text not in found else printable(path.as_posix())


def output_path(out: Path, item: Item, *parts: str) -> Path:
    """The file of an image and, for example, a model: OUT/IMAGE.PART.PART."""
    return out / ".".join((item.stem, *map(file_part, parts)))


def arrays_path(out: Path, item: Item, detector: str) -> Path:
    """The file of a heatmap as an array: OUT/npz/DETECTOR/IMAGE.npz.

    A folder of its own for each detector, so that `heatmaps:OUT/npz/DETECTOR` reads them by name.
    """
    return out / "npz" / file_part(detector) / f"{item.stem}.npz"


def prepare_folder(out: Path, items: Sequence[Item], targets: Sequence[Path]) -> Path:
    """Make the folder of a command's files.

    Args:
        out: the folder.
        items: what is read.
        targets: files that will be written.

    Raises:
        OutputError: if it cannot be made or written.
        BadInput: if an input file would be overwritten.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is no folder; choose another --out")
    make_folder(out)
    if not os.access(out, os.W_OK):
        raise OutputError(f"{out}: this folder cannot be written; choose another --out")
    masks = {item.mask for item in items if isinstance(item.mask, Path)}
    inputs = {path.resolve() for path in (*(item.path for item in items), *masks)}
    for path in targets:
        if path.resolve() in inputs:
            raise BadInput(f"{path}: would overwrite an input; choose another --out")
    return out
