"""A training's checkpoint: all that a resumed run needs to go on as if it had not stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.core.checkpoints.load import read_checkpoint
from benchmark.core.errors import TrainingError
from benchmark.training.export import write_torch
from benchmark.training.recipe import Recipe, read_part

CHECKPOINT = "checkpoint.pt"


@dataclass(slots=True, kw_only=True)
class State:
    """What changes from step to step.

    Attributes:
        modules: all networks, by name.
        optimisers: by player.
        average: the running average of the exported network, or None.
        step: steps done, in this run and those it resumed.
        seconds: time spent in them.
        wall: seconds since their runs began, with all that is no step.
    """

    modules: Mapping[str, nn.Module]
    optimisers: Mapping[str, torch.optim.Optimizer]
    average: dict[str, Tensor] | None = None
    step: int = 0
    seconds: float = 0.0
    wall: float = 0.0

    def sound(self) -> bool:
        """Whether every weight is a finite number."""
        return all(bool(torch.isfinite(weight).all()) for weight in self._weights())

    def _weights(self) -> Iterator[Tensor]:
        for network in self.modules.values():
            yield from network.parameters()


def save(state: State, recipe: Recipe, path: Path) -> None:
    """Write a checkpoint in one piece.

    Raises:
        OutputError: if the disk is full; the one that was there is kept.
    """
    content: dict[str, Any] = {
        "model": recipe.model,
        "recipe": recipe.text(),
        "step": state.step,
        "seconds": state.seconds,
        "wall": state.wall,
        "modules": {name: network.state_dict() for name, network in state.modules.items()},
        "optimisers": {name: one.state_dict() for name, one in state.optimisers.items()},
        "average": state.average,
    }
    write_torch(content, path)


def resume(state: State, recipe: Recipe, path: Path) -> None:
    """Read a checkpoint into a fresh state.

    Raises:
        TrainingError: if it is another model's or another recipe's.
        WeightsError: if it is damaged.
    """
    content = read_checkpoint(path)
    if content.get("model") != recipe.model:
        raise TrainingError(
            f"{path}: a checkpoint of {content.get('model')}, not of {recipe.model}; "
            "choose another --out"
        )
    # Read anew, so that a key which came later, with a default, does not end an older run.
    made_by = read_part(Recipe, json.loads(content["recipe"]), str(path))
    if made_by.model_copy(update={"about": recipe.about}) != recipe:
        raise TrainingError(f"{path}: made by another recipe; choose another --out")
    if "optimisers" not in content:
        raise TrainingError(f"{path}: made by an earlier version; choose another --out")
    for name, network in state.modules.items():
        network.load_state_dict(content["modules"][name])
    for player, optimiser in state.optimisers.items():
        optimiser.load_state_dict(content["optimisers"][player])
    state.step, state.seconds = content["step"], content["seconds"]
    state.wall = content.get("wall", state.seconds)  # earlier versions did not count it
    state.average = content["average"]
