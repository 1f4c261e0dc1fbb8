"""The operating point of a detector is where untouched images say that it should be."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmark.core.errors import TrainingError
from benchmark.training.calibration import calibrate, round_to_half
from benchmark.training.export import export_safetensors
from benchmark.training.recipe import LEARNERS
from detectors import create_detector

CPU = torch.device("cpu")
NAMES = ("psccnet", "trufor", "iidnet")


def made(name: str):
    torch.manual_seed(3)
    kind = LEARNERS.load(name)
    losses = kind.Losses(**kind.tiny["losses"])
    learner = kind(kind.tiny["network"], losses, CPU)
    for module in learner.network.modules():
        if isinstance(module, torch.nn.Conv2d):  # PSCC-Net's start too small to tell images apart
            torch.nn.init.kaiming_normal_(module.weight)
    return learner


@pytest.fixture
def originals() -> torch.Tensor:
    smooth = torch.rand(8, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(smooth, 64, mode="bilinear")


@pytest.mark.parametrize("name", NAMES)
def test_the_exported_file_fires_on_the_share_of_originals_that_was_allowed(
    name: str, originals: torch.Tensor, tmp_path: Path
) -> None:
    learner = made(name)
    calibrate(learner, originals, 0.25)
    path = tmp_path / f"{name}.safetensors"
    export_safetensors(learner.network, path, {"model": name, "config": learner.config()})
    detector = create_detector(name, weights=path)
    fires = detector.detect(originals).score > detector.card.threshold
    assert int(fires.sum()) == 2


@pytest.mark.parametrize("name", NAMES)
def test_shifting_moves_every_margin_by_as_much(name: str, originals: torch.Tensor) -> None:
    learner = made(name)
    learner.network.eval()
    with torch.no_grad():
        before = learner.margins(originals)
        learner.shift(0.5)
        after = learner.margins(originals)
    torch.testing.assert_close(before - after, torch.full((8,), 0.5), atol=1e-5, rtol=0)


def test_calibrating_an_exported_file_comes_to_the_same(originals: torch.Tensor) -> None:
    straight, later = made("trufor"), made("trufor")
    round_to_half(later.network)  # as it would be read from its file
    assert calibrate(straight, originals, 0.25) == calibrate(later, originals, 0.25)


def test_an_inpainter_has_no_operating_point(originals: torch.Tensor) -> None:
    with pytest.raises(TrainingError, match="this model does not classify images"):
        calibrate(made("aotgan"), originals, 0.25)


def test_too_few_originals_are_refused(originals: torch.Tensor) -> None:
    with pytest.raises(TrainingError, match=r"too few held-out images \(8\)"):
        calibrate(made("trufor"), originals, 0.01)
