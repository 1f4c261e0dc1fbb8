"""Training of models from recipes: `train` runs a recipe and exports the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.training.data.sets import SetOptions
    from benchmark.training.options import TrainOptions
    from benchmark.training.recipe import LEARNERS, Recipe, read_recipe
    from benchmark.training.run import Folders, TrainResult, chosen_recipe, train

__all__ = [
    "LEARNERS",
    "Folders",
    "Recipe",
    "SetOptions",
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
    "SetOptions": "data.sets",
    "TrainOptions": "options",
    "TrainResult": "run",
    "chosen_recipe": "run",
    "read_recipe": "recipe",
    "train": "run",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 (any module attribute)
    """Lazy exports (PEP 562): options and recipes are read without importing torch."""
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(f"benchmark.training.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'benchmark.training' has no attribute {name!r}")
