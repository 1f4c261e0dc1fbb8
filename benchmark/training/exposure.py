"""What the metadata of a detector's weights say of the images that it was trained on."""

from __future__ import annotations

from typing import Any

from benchmark.core.training_exposure import DIGITS, LISTED, UNNAMED
from benchmark.training.facts import TrainingData
from benchmark.training.recipe import Recipe
from benchmark.training.start import Start
from inpainters import INPAINTERS


def exposure(recipe: Recipe, data: TrainingData, start: Start | None) -> dict[str, Any]:
    """The entries `met` and `forgeries` of the metadata.

    Args:
        recipe: its forgers are those of made forgeries.
        data: with the set of existing forgeries, if any.
        start: the weights that the training started from, if any.

    Returns:
        `met`: the inpainters and other methods that made the training forgeries, or None if those
        of the starting weights are unknown. `forgeries`: the sets, including those of the starting
        weights; missing without any.
    """
    names = set(recipe.met or ()) if data.images is not None else set()
    if data.forgeries is not None:
        methods = data.forgeries.methods
        names |= {method or UNNAMED for method in methods}
        names |= {m.casefold() for m in methods} & set(INPAINTERS.built_in)  # "LaMa" is lama
    sets = list(start.trained_on) if start is not None else []
    if data.forgeries is not None:
        sets.append(_set_entry(data))
    unknown = start is not None and start.met is None
    if start is not None and start.met is not None:
        names |= start.met
    found: dict[str, Any] = {"met": None if unknown else sorted(names)}
    return found | ({"forgeries": sets} if sets else {})


def _set_entry(data: TrainingData) -> dict[str, Any]:
    """A set: its facts, and the first digits of the SHA-256 of its images, in one word."""
    images = data.forgeries.items if data.forgeries is not None else ()
    digests = sorted(one.sha256[:DIGITS] for one in images)
    return data.set_facts() | {"images": "".join(digests[:LISTED])}
