"""Learning rates: what a recipe's schedule makes of them at a step."""

from __future__ import annotations

import math

from benchmark.training.recipe import Recipe, Schedule, Turn


def lr_of(recipe: Recipe, player: str, turn: Turn, step: int) -> float:
    """A player's learning rate at a step, counted from 0, whose place is `turn`."""
    done, steps = step, recipe.steps
    if recipe.schedule.over == "stage":
        done, steps = turn.number, turn.stage.steps
    factor = lr_factor(recipe.schedule, done / steps, done)
    return recipe.optimiser_of(player).rate * turn.stage.rate * factor


def lr_factor(schedule: Schedule, done: float, step: int) -> float:
    """Factor on the learning rate.

    Args:
        schedule: warm-up and kind.
        done: share of the steps that are done, in [0, 1).
        step: steps done, for the warm-up.

    Returns:
        A factor in (0, 1].
    """
    warm = min(1.0, (step + 1) / (schedule.warmup + 1))
    if schedule.kind == "cosine":
        return warm * 0.5 * (1 + math.cos(math.pi * done))
    if schedule.kind == "polynomial":
        return warm * float((1 - done) ** schedule.power)
    return warm
