"""Batch norms' statistics are those of the exported weights, not of where they started."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from benchmark.training import chosen_recipe
from benchmark.training.export import half_precision_state
from benchmark.training.precise_bn import measure_batch_norms
from benchmark.training.recipe import LEARNERS

CPU = torch.device("cpu")


class Batches:
    """The same batch in every step."""

    def __init__(self) -> None:
        self.images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
        self.asked: list[int] = []

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        self.asked.append(step)
        masks = torch.zeros(2, 1, 64, 64)
        masks[0, :, 10:50, 10:50] = 1
        return self.images, masks

    def held_out(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        raise AssertionError("not asked for")


def made() -> Any:
    torch.manual_seed(3)
    kind = LEARNERS.load("psccnet")
    return kind(kind.tiny["network"], kind.Losses(**kind.tiny["losses"]), CPU)


def test_evaluation_answers_as_training_does_on_the_batch_that_was_measured() -> None:
    learner, batches = made(), Batches()
    recipe = chosen_recipe("psccnet", "mini", smoke=True)
    measure_batch_norms(learner, batches, recipe, CPU)
    assert batches.asked == [recipe.steps - 2, recipe.steps - 1]
    momenta = {m.momentum for m in learner.network.modules() if isinstance(m, nn.BatchNorm2d)}
    assert None not in momenta
    with torch.no_grad():
        trained = learner.network.train()(batches.images).masks[0]
        evaluated = learner.network.eval()(batches.images).masks[0]
    # Training divides by N where statistics have N - 1: hardly a difference but at a few pixels.
    assert float((trained - evaluated).abs().mean()) < 0.1 * float(trained.std())


def test_small_variances_keep_their_digits() -> None:
    norm = nn.BatchNorm2d(2)
    norm.get_buffer("running_var").copy_(torch.tensor([1.0, 1e-6]))
    assert half_precision_state(norm)["running_var"].dtype == torch.float32
    assert half_precision_state(norm)["running_mean"].dtype == torch.float16
    norm.get_buffer("running_var").fill_(0.5)
    assert half_precision_state(norm)["running_var"].dtype == torch.float16
