"""The exponential moving average of the weights, which is exported."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmark.training.checkpoint import CHECKPOINT
from benchmark.training.data.batches import InpaintingData
from benchmark.training.data.images import read_training_images
from benchmark.training.data.masks import Masks
from benchmark.training.recipe import LEARNERS, Recipe
from benchmark.training.trainer import Trainer
from tests.unit.training.conftest import recipe

SIZES = {"batch": 1, "sides": [64]}
HANDOVER = recipe(  # stage II is initialized after 30 steps
    stages=[
        {"phase": "coarse", "steps": 30, "crop": 64, **SIZES},
        {"phase": "handover", "steps": 10, "crop": 64, **SIZES},
    ],
    ema_decay=0.999,
    optimizer={"kind": "sgd", "lr": 1e-9},
)
GROWTH = recipe(  # the blocks at 64 pixels are trained after 30 steps
    "fcf",
    losses={"features": "texture", "growth": [32]},
    stages=[{"steps": 30, "crop": 32, **SIZES}, {"steps": 10, "crop": 64, **SIZES}],
    ema_decay=0.999,
    optimizer={"kind": "sgd", "lr": 1e-9},
)


def _trainer(chosen: Recipe, photographs: Path, out: Path) -> Trainer:
    device, kind = torch.device("cpu"), LEARNERS.load(chosen.model)
    learner = kind(chosen.network, kind.Losses.model_validate(chosen.losses), device)
    images = read_training_images(photographs, sides=(64,), minimum=1)
    source = InpaintingData(chosen, images, Masks(chosen.holes, seed=chosen.seed))
    return Trainer(chosen, learner, source, out=out, device=device)


def _share_of_earlier(trainer: Trainer, name: str) -> float:
    """The weight, in [0, 1], that a parameter's EMA gives to its value before the second stage."""
    ema, begin = trainer.state.ema, trainer.learner.begin
    assert ema is not None

    def begin_with_another_value(phase: str, *, fresh: bool) -> None:
        begin(phase, fresh=fresh)
        if fresh and trainer.state.step:
            ema[name] += 1  # learning rates are too low to change a weight

    trainer.learner.begin = begin_with_another_value  # type: ignore[method-assign]
    trainer.run()
    return float((ema[name] - trainer.learner.network.state_dict()[name]).mean())


@pytest.mark.parametrize(
    ("chosen", "name"),
    [
        (HANDOVER, "fine_generator.encoder.4.weight"),
        (GROWTH, "encoder.b64.conv0.weight"),
        (GROWTH, "synthesis.b64.conv1.weight"),
    ],
)
def test_the_average_forgets_the_initial_value_of_what_a_late_stage_trains(
    chosen: Recipe, name: str, photographs: Path, tmp_path: Path
) -> None:
    assert abs(_share_of_earlier(_trainer(chosen, photographs, tmp_path), name)) < 1e-3


def test_the_average_keeps_what_an_earlier_stage_trained(photographs: Path, tmp_path: Path) -> None:
    trainer = _trainer(GROWTH, photographs, tmp_path)
    assert _share_of_earlier(trainer, "encoder.b32.conv0.weight") > 0.05


def test_a_resumed_average_goes_on_where_it_stopped(photographs: Path, tmp_path: Path) -> None:
    first = _trainer(GROWTH, photographs, tmp_path)
    first.run()
    counts = _trainer(GROWTH, photographs, tmp_path).state.updates
    assert counts == first.state.updates
    assert counts["encoder.b32.conv0.weight"] == 40
    assert counts["encoder.b64.conv0.weight"] == 10


def test_checkpoints_of_earlier_versions_resume_with_updates_of_what_was_trained(
    photographs: Path, tmp_path: Path
) -> None:
    whole = GROWTH.model_copy(update={"optimizer": recipe().optimizer})
    first = whole.model_copy(update={"stages": whole.stages[:1]})
    _trainer(first, photographs, tmp_path).run()
    content = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    del content["updates"]
    content["recipe"] = whole.text()  # as if stopped after the first stage
    torch.save(content, tmp_path / CHECKPOINT)
    updates = _trainer(whole, photographs, tmp_path).state.updates
    assert updates["encoder.b32.conv1.weight"] == 30
    assert updates["encoder.b64.conv1.weight"] == 0
