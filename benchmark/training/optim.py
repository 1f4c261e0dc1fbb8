"""An optimizer for each player of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from benchmark.core.errors import TrainingError
from benchmark.training.recipe import OptimizerOptions, Recipe

SMALL = 0.02  # what biases and norms, which start at 0 or 1, count as under relative rates


def make_optimizers(
    recipe: Recipe, players: Mapping[str, tuple[str, ...]], modules: Mapping[str, nn.Module]
) -> dict[str, torch.optim.Optimizer]:
    """Each player's optimizer, over the networks that it trains.

    Args:
        recipe: has the common optimizer, and what differs for some players.
        players: by player, the names of its networks.
        modules: all networks by name.

    Raises:
        TrainingError: if the recipe names a player that is none.
    """
    for name in recipe.optimisers:
        if name not in players:
            raise TrainingError(
                f"recipe of {recipe.model}: optimizers.{name}: no such player; known: "
                f"{', '.join(players)}"
            )
    return {
        player: make_optimizer(recipe.optimiser_of(player), {n: modules[n] for n in names})
        for player, names in players.items()
    }


def make_optimizer(
    chosen: OptimizerOptions, modules: Mapping[str, nn.Module]
) -> torch.optim.Optimizer:
    """One optimizer over all parameters; decay acts on those with two or more axes only."""
    parameters = [p for network in modules.values() for p in network.parameters()]
    groups = _scaled(parameters, chosen) if chosen.relative else _plain(parameters, chosen)
    if chosen.kind == "sgd":
        return torch.optim.SGD(groups, lr=chosen.rate, momentum=chosen.momentum)
    if chosen.kind == "adamw":
        return torch.optim.AdamW(groups, lr=chosen.rate, betas=chosen.betas)
    return torch.optim.Adam(groups, lr=chosen.rate, betas=chosen.betas)


def _plain(parameters: list[nn.Parameter], chosen: OptimizerOptions) -> list[dict[str, Any]]:
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": chosen.decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _scaled(parameters: list[nn.Parameter], chosen: OptimizerOptions) -> list[dict[str, Any]]:
    """A group for each tensor, with the factor on its rate."""
    return [
        {
            "params": [p],
            "weight_decay": chosen.decay if p.ndim >= 2 else 0.0,
            "scale": float(p.detach().square().mean().sqrt()) if p.ndim >= 2 else SMALL,
        }
        for p in parameters
    ]
