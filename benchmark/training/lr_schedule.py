"""Learning rate schedules: warm-up, constant, cosine and polynomial decay."""

from __future__ import annotations

import math

from benchmark.training.recipe import Recipe, Turn
from benchmark.training.recipe_tables import Schedule


def lr_of(recipe: Recipe, role: str, turn: Turn, step: int) -> float:
    """The learning rate of an optimizer role at a step.

    Args:
        recipe: has the schedule and the peak learning rates.
        role: the optimizer role.
        turn: the position of the step in the recipe.
        step: counted from 0.
    """
    done, steps = step, recipe.steps
    if recipe.schedule.over == "stage":
        done, steps = turn.number, turn.stage.steps
    factor = lr_factor(recipe.schedule, done / steps, done)
    return recipe.optimizer_of(role).lr * turn.stage.lr_factor * factor


def lr_factor(schedule: Schedule, done: float, step: int) -> float:
    """The factor of a schedule on the learning rate.

    Args:
        schedule: warm-up and kind.
        done: fraction of the steps that are completed, in [0, 1).
        step: completed steps, for the warm-up.

    Returns:
        A factor in (0, 1].
    """
    warm = min(1.0, (step + 1) / (schedule.warmup + 1))
    if schedule.kind == "cosine":
        return warm * 0.5 * (1 + math.cos(math.pi * done))
    if schedule.kind == "polynomial":
        return warm * float((1 - done) ** schedule.power)
    return warm
