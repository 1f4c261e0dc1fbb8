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


def training_inpainters(weights: Path) -> frozenset[str] | None:
    """Return the inpainters that made the training forgeries of a detector's weights.

    Args:
        weights: the detector's weights file.

    Returns:
        Names from the registry of inpainters, regardless of their weights; empty for weights
        trained without inpainters. None if unknown: another project's file, or an unreadable one.
        A variant of a training inpainter, such as "aotgan+rwsa", counts as not seen in training.
    """
    noted = read_bench_metadata(weights)
    stated, recipe = noted.get("met"), noted.get("recipe")
    if isinstance(stated, list):
        return frozenset(map(str, stated))
    if not isinstance(recipe, dict):
        return None
    try:  # files from before `met` was noted
        stages = recipe["stages"]
        return inpainters_of(one["name"] for stage in stages for one in stage["forgers"])
    except (KeyError, TypeError):
        return None


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
