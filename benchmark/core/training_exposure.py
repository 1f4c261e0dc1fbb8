"""Which inpainters a detector's weights learned from, as a .safetensors file says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Names of forgers in recipes that are no inpainter: an untouched image, and forgeries that training
# makes itself. A hole of one colour is what the inpainter `meanfill` leaves.
ORIGINAL = "original"
SPLICE, COPY_MOVE, FLAT, RETOUCHED = "splice", "copy-move", "flat", "retouched"
MADE_HERE = (SPLICE, COPY_MOVE, FLAT, RETOUCHED)
FLAT_INPAINTER = "meanfill"


def met_by(weights: Path) -> frozenset[str] | None:
    """The inpainters that made forgeries for these weights to learn from.

    Args:
        weights: a detector's file.

    Returns:
        Names of the inpainters' registry, whichever weights those had; none for weights that met no
        inpainter. None where it is not known: another project's file, or one that cannot be read.
        A variant of a network that was met, such as "aotgan+rwsa", counts as not met.
    """
    noted = noted_in(weights)
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
    """Which inpainters' work is among forgers of a recipe."""
    names = set(forgers)
    flat = {FLAT_INPAINTER} if FLAT in names else set[str]()
    return frozenset((names | flat) - {ORIGINAL, *MADE_HERE})


def noted_in(weights: Path) -> dict[str, Any]:
    """The metadata entry "bench" of a .safetensors file, read without torch; {} if there is none.

    The file begins with the length of its header, 8 bytes, and the header as JSON.
    """
    try:
        with weights.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, _LONGEST)))
        noted = json.loads(header["__metadata__"]["bench"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return noted if isinstance(noted, dict) else {}


_LONGEST = 100_000_000  # bytes of a header, as the format allows
