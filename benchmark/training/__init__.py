"""Training: `train` follows the recipe of a model and exports its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.training.options import TrainOptions
    from benchmark.training.recipe import LEARNERS, Recipe, read_recipe
    from benchmark.training.run import Folders, TrainResult, chosen_recipe, train

__all__ = [
    "LEARNERS",
    "Folders",
    "Recipe",
    "TrainOptions",
    "TrainResult",
    "chosen_recipe",
    "read_recipe",
    "train",
]

_WHERE = {
    "LEARNERS": "recipe",
    "Folders": "run",
    "Recipe": "recipe",
    "TrainOptions": "options",
    "TrainResult": "run",
    "chosen_recipe": "run",
    "read_recipe": "recipe",
    "train": "run",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 (a module's attribute can be anything)
    """Import what is asked for when it is: options and recipes are read without torch."""
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(f"benchmark.training.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'benchmark.training' has no attribute {name!r}")
