"""Which truth of a folder belongs to which image: by name, or by that of an output's image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.masks.pairing import Pairs, pair
from inpainters import INPAINTERS

SHOWN = 5  # images that a line names


@dataclass(frozen=True, slots=True, kw_only=True)
class Truths:
    """The truths of images, from one folder.

    Attributes:
        files: the truth of each image that has one, by the image's name.
        reasons: why each of the others has none, likewise.
        notes: lines about what was paired by other than its own name, and about what was not.
    """

    files: Mapping[str, Path]
    reasons: Mapping[str, str]
    notes: tuple[str, ...]


def find_truths(folder: Path, images: Sequence[str], named: Mapping[str, Path]) -> Truths:
    """Find the truth of each image by its name.

    An output of `bench inpaint`, NAME.INPAINTER, has the truth of NAME where none has its own name.
    An image that several truths fit has none; neither have images that differ in the extension only
    and share one.

    Args:
        folder: where the truths lie, for the reasons.
        images: unique names of the images.
        named: the truths by name.
    """
    own = pair(images, named)
    inputs = {name: one for name in own.without if (one := _input_of(name))}
    others = pair(list(dict.fromkeys([*own.masks, *inputs.values()])), named)
    used = {name: one for name, one in inputs.items() if one in others.masks}
    found = {name: own.masks[name] for name in own.masks}
    found |= {name: others.masks[one] for name, one in used.items()}
    unclear = _unclear(own)
    unclear |= {name: why for name, one in used.items() if (why := _unclear(others).get(one))}
    missing = [name for name in images if name not in found]
    notes = [_used_line({name: one for name, one in used.items() if name not in unclear})]
    if missing:
        notes.append(f"no truth of the same name for {len(missing)} images: {listed(missing)}")
    return Truths(
        files={name: named[one[0]] for name, one in found.items() if name not in unclear},
        reasons={**dict.fromkeys(missing, f"no truth of its name in {folder}"), **unclear},
        notes=tuple(note for note in notes if note),
    )


def _input_of(name: str) -> str:
    """Return the name of the image that an output was made from, or ""."""
    folder, slash, last = name.rpartition("/")
    parts = last.split(".")
    ends = [".".join(parts[count:]) for count in range(1, len(parts))]
    model = next((end for end in ends if end in INPAINTERS), parts[-1])
    base = last.removesuffix(f".{model}")
    return folder + slash + base if base and base != last else ""


def _unclear(pairs: Pairs) -> dict[str, str]:
    """Return why it is not clear which truth an image has, by the name of the image."""
    shared = {
        name: f"the truth {truth} fits {' and '.join(names)}"
        for truth, names in pairs.shared.items()
        for name in names
    }
    several = {
        name: f"several truths fit: {', '.join(fits)}"
        for name, fits in pairs.masks.items()
        if len(fits) > 1
    }
    return shared | several


def _used_line(inputs: Mapping[str, str]) -> str:
    if not inputs:
        return ""
    return "truth of " + listed([f"{one} used for {name}" for name, one in inputs.items()])


def listed(names: Iterable[str]) -> str:
    """Return the first of some names, for a line."""
    known = list(names)
    return ", ".join(known[:SHOWN]) + (", ..." if len(known) > SHOWN else "")
