"""Build the optimizer of each role (generator, discriminator) of a training module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from benchmark.core.errors import TrainingError
from benchmark.training.recipe import Recipe
from benchmark.training.recipe_tables import OptimizerOptions

BIAS_SCALE = 0.02  # of biases and norms under a relative learning rate; they start at 0 or 1


def make_optimizers(
    recipe: Recipe, roles: Mapping[str, tuple[str, ...]], modules: Mapping[str, nn.Module]
) -> dict[str, torch.optim.Optimizer]:
    """The optimizer of each role, over the parameters of its networks.

    Args:
        recipe: has the optimizer options, and overrides for some roles.
        roles: by optimizer role, the names of its networks.
        modules: all networks by name.

    Raises:
        TrainingError: if the recipe names an unknown role.
    """
    for name in recipe.optimizers:
        if name not in roles:
            raise TrainingError(
                f"recipe of {recipe.model}: optimizers.{name}: unknown optimizer role; known: "
                f"{', '.join(roles)}"
            )
    return {
        role: make_optimizer(recipe.optimizer_of(role), {n: modules[n] for n in names})
        for role, names in roles.items()
    }


def make_optimizer(
    chosen: OptimizerOptions, modules: Mapping[str, nn.Module]
) -> torch.optim.Optimizer:
    """One optimizer over all parameters; weight decay only for those with two or more axes."""
    parameters = [p for network in modules.values() for p in network.parameters()]
    groups = _scaled(parameters, chosen) if chosen.relative else _plain(parameters, chosen)
    if chosen.kind == "sgd":
        return torch.optim.SGD(groups, lr=chosen.lr, momentum=chosen.momentum)
    if chosen.kind == "adamw":
        return torch.optim.AdamW(groups, lr=chosen.lr, betas=chosen.betas)
    return torch.optim.Adam(groups, lr=chosen.lr, betas=chosen.betas)


def _plain(parameters: list[nn.Parameter], chosen: OptimizerOptions) -> list[dict[str, Any]]:
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": chosen.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _scaled(parameters: list[nn.Parameter], chosen: OptimizerOptions) -> list[dict[str, Any]]:
    """A parameter group for each tensor, with the factor on its learning rate."""
    return [
        {
            "params": [p],
            "weight_decay": chosen.weight_decay if p.ndim >= 2 else 0.0,
            "scale": float(p.detach().square().mean().sqrt()) if p.ndim >= 2 else BIAS_SCALE,
        }
        for p in parameters
    ]
