"""Inpainters whose outputs a detector was trained on, from the metadata of its weights."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Names of forgers in recipes that are no inpainter: an authentic image, and synthetic forgeries.
# A hole of one color is the output of the inpainter `meanfill`.
AUTHENTIC = "original"
SPLICE, COPY_MOVE, FLAT, RETOUCHED = "splice", "copy-move", "flat", "retouched"
SYNTHETIC_FORGERIES = (SPLICE, COPY_MOVE, FLAT, RETOUCHED)
FLAT_INPAINTER = "meanfill"
UNNAMED = (
    "?"  # among the names: some forgeries of a set, of which the set does not say who made them
)
THESE_IMAGES = "(images of this run)"  # among the names, of a run: it was trained on some of them
DIGITS = 12  # of the SHA-256 of a training image, in the metadata of weights
LISTED = 100_000  # images of a set whose digits are listed: the first, by their digits


def training_inpainters(weights: Path) -> frozenset[str] | None:
    """Return the inpainters that made the training forgeries of a detector's weights.

    Args:
        weights: the detector's weights file.

    Returns:
        Names from the registry of inpainters, regardless of their weights, and what a set of
        existing forgeries calls its methods, `UNNAMED` for those that it does not name; empty for
        weights trained without inpainters. None if unknown: another project's file, an unreadable
        one, or weights that started from such a file. A variant of a training inpainter, such as
        "aotgan+rwsa", counts as not seen in training.
    """
    noted = read_bench_metadata(weights)
    stated, recipe = noted.get("met"), noted.get("recipe")
    if isinstance(stated, list):
        return frozenset(map(str, stated))
    if "met" in noted:
        return None
    if not isinstance(recipe, dict):
        return None
    try:  # files from before `met` was noted
        stages = recipe["stages"]
        return inpainters_of(one["name"] for stage in stages for one in stage["forgers"])
    except (KeyError, TypeError):
        return None


def count_trained_on(weights: Path, images: Iterable[str]) -> int:
    """Return how many of some images are in the sets that a detector's weights were trained on.

    Of a set of more than `LISTED` images only so many are listed, so there may be more.

    Args:
        weights: the detector's weights file.
        images: SHA-256 of the files of images.
    """
    sets = read_bench_metadata(weights).get("forgeries")
    listed: set[str] = set()
    for one in sets if isinstance(sets, list) else ():
        word = one.get("images") if isinstance(one, dict) else None
        if isinstance(word, str):
            listed.update(word[i : i + DIGITS] for i in range(0, len(word), DIGITS))
    return sum(digest[:DIGITS] in listed for digest in images) if listed else 0


def inpainters_of(forgers: Iterable[str]) -> frozenset[str]:
    """Return the inpainters among the forgers of a recipe."""
    names = set(forgers)
    flat = {FLAT_INPAINTER} if FLAT in names else set[str]()
    return frozenset((names | flat) - {AUTHENTIC, *SYNTHETIC_FORGERIES})


def read_bench_metadata(weights: Path) -> dict[str, Any]:
    """Read the metadata entry "bench" of a .safetensors file without torch; {} if there is none.

    The file begins with the length of its header in 8 bytes, followed by the header as JSON.
    """
    try:
        with weights.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, _LONGEST)))
        noted = json.loads(header["__metadata__"]["bench"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return noted if isinstance(noted, dict) else {}


_LONGEST = 100_000_000  # maximum bytes of a header in the format
