"""The exponential moving average of the weights, which is exported."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmark.training.data.batches import InpaintingData
from benchmark.training.data.images import read_training_images
from benchmark.training.data.masks import Masks
from benchmark.training.trainer import Trainer
from inpainters.training.safepaint import SafePaintLearner, SafePaintLosses
from tests.unit.training.conftest import recipe

FIRST = "fine_generator.encoder.4.weight"  # of stage II, taken from stage I at the handover
COPIED = "coarse_generator.encoder.4.weight"
KEPT = "extractor.conv1f.weight"  # the handover leaves it as it is


@pytest.mark.parametrize("decay", [0.999, 0.9])
def test_the_average_restarts_where_weights_are_initialized_again(
    tmp_path: Path, photographs: Path, decay: float
) -> None:
    sizes = {"batch": 2, "crop": 64, "sides": [64]}
    stages = [{"phase": "coarse", "steps": 3, **sizes}, {"phase": "handover", "steps": 1, **sizes}]
    chosen = recipe(stages=stages, ema_decay=decay, optimizer={"kind": "sgd", "lr": 1e-9})
    device = torch.device("cpu")
    learner = SafePaintLearner(
        chosen.network, SafePaintLosses.model_validate(chosen.losses), device
    )
    before = {name: value.clone() for name, value in learner.network.state_dict().items()}
    images = read_training_images(photographs, sides=(64,), minimum=1)
    source = InpaintingData(chosen, images, Masks(chosen.holes, seed=chosen.seed))
    trainer = Trainer(chosen, learner, source, out=tmp_path, device=device)
    trainer.run()
    ema = trainer.state.ema
    assert ema is not None
    assert not torch.allclose(before[FIRST], before[COPIED], atol=1e-4)  # so it had to be copied
    assert torch.allclose(ema[FIRST], before[COPIED], atol=1e-6)
    assert torch.allclose(ema[KEPT], before[KEPT], atol=1e-6)
