"""Batch norms' statistics of the weights that are exported, which no step has seen."""

from __future__ import annotations

import torch
from torch import nn

from benchmark.core.seeds import seed_of
from benchmark.training.data.batches import Source
from benchmark.training.learner import Learner
from benchmark.training.recipe import Recipe


@torch.no_grad()
def measure_batch_norms(
    learner: Learner, source: Source, recipe: Recipe, device: torch.device
) -> None:
    """Measure the network's batch statistics anew, as their mean over the last steps' batches.

    Running statistics are a mix of what they were while the weights moved and of where they
    started: a variance of 1 outweighs one of 1e-6 for a thousand steps.

    Args:
        learner: its network has the weights that are exported.
        source: of batches.
        recipe: how many batches, its `norm_batches`.
        device: where the networks are.
    """
    norms = [part for part in learner.network.modules() if isinstance(part, nn.BatchNorm2d)]
    moments = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean of all that follows
    learner.begin(recipe.stages[-1].phase, fresh=False)
    for step in range(max(0, recipe.steps - recipe.norm_batches), recipe.steps):
        torch.manual_seed(seed_of(recipe.seed, "norms", step))
        images, masks = (part.to(device) for part in source.batch(step))
        for player in learner.players:
            learner.learn(player, images, masks)
    for norm, momentum in zip(norms, moments, strict=True):
        norm.momentum = momentum
