"""Save and resume training checkpoints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
class TrainState:
    """The state of a training that changes from step to step.

    Attributes:
        modules: all networks, by name.
        optimizers: by optimizer role.
        ema: the exponential moving average of the exported network's state, or None.
        updates: optimizer updates of each parameter of the exported network, by its name; empty
            where there is no EMA.
        step: completed steps, including those of the runs that it resumed.
        seconds: time spent in these steps.
        wall: wall-clock seconds of all these runs, including work outside steps.
        origin: by option, the weights that the training started from and the set of forgeries that
            it is trained on, where there are any; it does not change.
    """

    modules: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]
    ema: dict[str, Tensor] | None = None
    updates: dict[str, int] = field(default_factory=dict)
    step: int = 0
    seconds: float = 0.0
    wall: float = 0.0
    origin: Mapping[str, str] = field(default_factory=dict)

    def is_finite(self) -> bool:
        """Whether every weight is a finite number."""
        return all(bool(torch.isfinite(weight).all()) for weight in self._weights())

    def _weights(self) -> Iterator[Tensor]:
        for network in self.modules.values():
            yield from network.parameters()


def save(state: TrainState, recipe: Recipe, path: Path) -> None:
    """Write a checkpoint atomically.

    Raises:
        OutputError: if the disk is full; the previous checkpoint is kept.
    """
    content: dict[str, Any] = {
        "model": recipe.model,
        "recipe": recipe.text(),
        "step": state.step,
        "seconds": state.seconds,
        "wall": state.wall,
        "modules": {name: network.state_dict() for name, network in state.modules.items()},
        "optimisers": {name: one.state_dict() for name, one in state.optimizers.items()},
        "average": state.ema,
        "updates": state.updates,
    }
    if state.origin:
        content["origin"] = dict(state.origin)
    write_torch(content, path)


def resume(state: TrainState, recipe: Recipe, path: Path) -> None:
    """Load a checkpoint into a newly initialized state.

    Raises:
        TrainingError: if it is of another model or another recipe.
        WeightsError: if it is damaged.
    """
    content = read_checkpoint(path)
    if content.get("model") != recipe.model:
        raise TrainingError(
            f"{path}: a checkpoint of {content.get('model')}, not of {recipe.model}; "
            "choose another --out"
        )
    # Validated again, so that keys added since then take their defaults and old runs still resume.
    made_by = read_part(Recipe, json.loads(content["recipe"]), str(path))
    if made_by.undescribed() != recipe.undescribed():
        start = content.get("origin", {}).get("--start")
        begun = (
            f" (begun with --start {_short(start)}, whose sizes are part of it)" if start else ""
        )
        raise TrainingError(f"{path}: made by another recipe{begun}; choose another --out")
    if "optimisers" not in content:
        raise TrainingError(f"{path}: made by an earlier version; choose another --out")
    for name, network in state.modules.items():
        network.load_state_dict(content["modules"][name])
    for role, optimizer in state.optimizers.items():
        optimizer.load_state_dict(content["optimisers"][role])
    state.step, state.seconds = content["step"], content["seconds"]
    state.wall = content.get("wall", state.seconds)  # earlier versions did not store it
    state.ema = content["average"]
    state.updates = content.get("updates", {})  # earlier versions did not count them
    state.origin = content.get("origin", {})


def refuse_other_origin(before: Mapping[str, str], now: Mapping[str, str], path: Path) -> None:
    """Refuse to resume a training with another `TrainState.origin`.

    Raises:
        TrainingError: naming the option and both values.
    """
    for option in (*before, *now):
        earlier, given = before.get(option, "none"), now.get(option, "none")
        if earlier != given:
            same_set = option == "--forgeries" and earlier.split()[0] == given.split()[0]
            share = "; the set is the same, its share depends on --data and the recipe" * same_set
            raise TrainingError(
                f"{path}: begun with {option} {_short(earlier)}, not {_short(given)}{share}; "
                "choose another --out"
            )


def _short(value: str) -> str:
    """Shorten a SHA-256 in a message to 12 digits."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1", value)
