"""Precise batch norm: recompute the running statistics for the exported weights."""

from __future__ import annotations

import torch
from torch import nn

from benchmark.core.seeds import seed_of
from benchmark.training.data.batches import BatchSource
from benchmark.training.learner import Learner
from benchmark.training.recipe import Recipe


@torch.no_grad()
def measure_batch_norms(
    learner: Learner, source: BatchSource, recipe: Recipe, device: torch.device
) -> None:
    """Recompute the batch norm statistics as the mean over the batches of the last steps.

    Running statistics lag behind the weights and still contain their initial values: an initial
    variance of 1 outweighs one of 1e-6 for a thousand steps.

    Args:
        learner: its network has the weights that are exported.
        source: training batches.
        recipe: its `precise_bn_batches` is the number of batches.
        device: device of the networks.
    """
    norms = [part for part in learner.network.modules() if isinstance(part, nn.BatchNorm2d)]
    moments = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean instead of an exponential one
    learner.begin(recipe.stages[-1].phase, fresh=False)
    for step in range(max(0, recipe.steps - recipe.precise_bn_batches), recipe.steps):
        torch.manual_seed(seed_of(recipe.seed, "norms", step))
        images, masks = (part.to(device) for part in source.batch(step))
        for role in learner.roles:
            learner.training_step(role, images, masks)
    for norm, momentum in zip(norms, moments, strict=True):
        norm.momentum = momentum
