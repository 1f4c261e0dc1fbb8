"""Train a learner's tiny network for a few steps, on random images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmark.training.data.batches import WHOLE_BATCH, BatchShard
from benchmark.training.export import export_official
from benchmark.training.recipe import LEARNERS, Recipe, read_part
from benchmark.training.trainer import Trainer

CPU = torch.device("cpu")


class Drawn:
    """Four smooth images of 64x64 with a hole each, of the step's number."""

    def batch(self, step: int, shard: BatchShard = WHOLE_BATCH) -> tuple[Tensor, Tensor]:
        draws = torch.Generator().manual_seed(step)
        coarse = torch.rand(4, 3, 9, 9, generator=draws)
        images = torch.nn.functional.interpolate(coarse, 64, mode="bilinear")
        masks = torch.zeros(4, 1, 64, 64)
        masks[:, :, 16:40, 20:50] = 1
        return images, masks

    def held_out(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        images, masks = self.batch(1000 + 0 * step)
        return images[:count], masks[:count]


def learner_of(model: str, *, network: dict[str, Any] | None = None, **losses: Any) -> Any:
    """A fresh learner with its tiny network; `network` and `losses` change its tables."""
    kind = LEARNERS.load(model)
    torch.manual_seed(0)
    chosen = read_part(kind.Losses, kind.tiny["losses"] | losses, model)
    return kind(kind.tiny["network"] | (network or {}), chosen, CPU)


class Still(Drawn):
    """The same four images in every step: what can be learned by heart."""

    def batch(self, step: int, shard: BatchShard = WHOLE_BATCH) -> tuple[Tensor, Tensor]:
        return super().batch(0 * step)


def trainer_of(
    learner: Any, out: Path, *, steps: int = 4, source: Drawn | None = None, **changes: Any
) -> Trainer:
    """The trainer that trains it; its folder is made."""
    out.mkdir(exist_ok=True)
    content = {
        "model": learner.model,
        "optimizer": {"kind": "adam", "lr": 1e-3, "betas": [0.5, 0.99]},
        "stages": [{"steps": steps, "batch": 4, "crop": 64, "sides": [64]}],
        "ema_decay": 0.9,
        "sample_every": 2,
    }
    recipe = Recipe.model_validate(content | changes)
    return Trainer(recipe, learner, source or Drawn(), out=out, device=CPU)


def state_of(learner: Any) -> dict[str, dict[str, Tensor]]:
    """Copies of all states by module."""
    return {
        name: {entry: value.clone() for entry, value in part.state_dict().items()}
        for name, part in learner.modules.items()
    }


def moved(learner: Any, before: dict[str, dict[str, Tensor]]) -> set[str]:
    """Modules of which some parameter is not as it was."""
    return {
        name
        for name, part in learner.modules.items()
        if any(not torch.equal(before[name][entry], p) for entry, p in part.named_parameters())
    }


def turns_of(trainer: Trainer) -> dict[str, tuple[dict[str, float], set[str]]]:
    """One step, role by role: its losses, and the modules that moved."""
    learner: Any = trainer.learner
    turn = trainer.recipe.at(0)
    learner.begin(turn.stage.phase, fresh=True)
    found = {}
    for role in learner.roles:
        before = state_of(learner)
        losses = trainer._step_role(role, turn, [trainer.source.batch(0)])
        found[role] = (losses, moved(learner, before))
    return found


def official_of(learner: Any, folder: Path) -> dict[str, Path]:
    """The files of the authors' layout, by name."""
    return {path.name: path for path in export_official(learner.official(7), folder)}
