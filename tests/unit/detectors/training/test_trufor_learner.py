"""TruFor's training: phases, weights of its losses, pretrained files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmark.core.errors import TrainingError, WeightsError
from benchmark.core.paths import home
from detectors.training.trufor import PHASES, TruForLearner, TruForLosses, as_input
from detectors.trufor import TruForConfig, TruForNetwork

TINY = TruForLearner.tiny["network"]
CPU = torch.device("cpu")


def learner(**losses: Any) -> TruForLearner:
    torch.manual_seed(0)
    return TruForLearner(TINY, TruForLosses(**losses), CPU)


def network(seed: int) -> TruForNetwork:
    torch.manual_seed(seed)
    sizes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in TINY.items()}
    return TruForNetwork(TruForConfig(**sizes))


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    masks = torch.zeros(2, 1, 64, 64)
    masks[0, :, 10:50, 10:50] = 1
    return torch.rand(2, 3, 64, 64, generator=generator), masks


@pytest.mark.parametrize(
    ("phase", "terms"),
    [
        ("localisation", ["cross_entropy", "dice"]),
        ("confidence", ["confidence", "detection"]),
        ("joint", ["cross_entropy", "dice", "confidence", "detection"]),
    ],
)
def test_a_phase_trains_its_parts_and_holds_the_others(
    phase: str, terms: list[str], batch: tuple[Tensor, Tensor]
) -> None:
    made = learner()
    made.begin(phase, fresh=True)
    before = {name: value.clone() for name, value in made.network.state_dict().items()}
    answer = made.training_step("all", *batch)
    assert list(answer) == terms
    torch.stack(list(answer.values())).sum().backward()  # type: ignore[no-untyped-call]
    for name, part in made.network.named_children():
        trained = name in PHASES[phase]
        assert part.training == trained
        assert all((p.grad is not None) == trained for p in part.parameters()), name
    for name, value in made.network.state_dict().items():
        if name.partition(".")[0] not in PHASES[phase]:
            assert torch.equal(value, before[name]), name  # running statistics stay, too


def test_phases_can_follow_each_other(batch: tuple[Tensor, Tensor]) -> None:
    made = learner()
    made.begin("localisation", fresh=True)
    made.begin("joint", fresh=True)
    assert all(p.requires_grad for p in made.network.parameters())


def test_weights_scale_their_terms(batch: tuple[Tensor, Tensor]) -> None:
    once, twice = learner(), learner(dice=1.4, detection=1.5)
    for made in (once, twice):
        made.begin("joint", fresh=True)
        made.network.eval()
    first, second = once.training_step("all", *batch), twice.training_step("all", *batch)
    torch.testing.assert_close(second["dice"], 2 * first["dice"])
    torch.testing.assert_close(second["detection"], 3 * first["detection"])


def test_images_go_in_over_256() -> None:
    levels = torch.arange(256) / 255
    assert torch.equal(as_input(levels), torch.arange(256) / 256)


def test_the_extractor_starts_from_its_file(tmp_path: Path) -> None:
    given = network(7).dncnn.state_dict()
    folder = home() / "weights" / "trufor"
    folder.mkdir(parents=True)
    torch.save({"network": given, "global_step": 39}, folder / "noise.th")
    made = learner(extractor="noise.th")
    for name, value in made.network.dncnn.state_dict().items():
        assert torch.equal(value, given[name]), name


def test_an_extractor_of_another_size_is_refused(tmp_path: Path) -> None:
    torch.save({"network": {"0.weight": torch.zeros(1)}}, tmp_path / "noise.th")
    with pytest.raises(WeightsError):
        learner(extractor=str(tmp_path / "noise.th"))


def test_both_streams_start_from_the_encoders_file(tmp_path: Path) -> None:
    source = network(7).backbone.state_dict()
    streams = ("patch_embed", "block", "norm")
    given = {name: value for name, value in source.items() if name.startswith(streams)}
    given["head.weight"] = torch.zeros(5)  # ImageNet's classifier is ignored
    torch.save(given, tmp_path / "mit.pth")
    backbone = learner(encoder=str(tmp_path / "mit.pth")).network.backbone.state_dict()
    for name, value in given.items():
        if name != "head.weight":
            assert torch.equal(backbone[name], value), name
            assert torch.equal(backbone[f"extra_{name}"], value), name


def test_an_encoder_that_lacks_something_is_refused(tmp_path: Path) -> None:
    torch.save({"norm1.weight": torch.zeros(8)}, tmp_path / "mit.pth")
    with pytest.raises(TrainingError, match="does not match the encoder"):
        learner(encoder=str(tmp_path / "mit.pth"))
