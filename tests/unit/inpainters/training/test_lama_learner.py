"""LaMa's training step: terms and inputs of both roles, exported files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from benchmark.core.checkpoints.legacy_formats import read_archive
from benchmark.core.checkpoints.load import load_strict
from benchmark.core.errors import TrainingError
from inpainters.lama import Generator
from inpainters.training.segmentation import ADE20K_FILE, DilatedResNet, load_segmenter
from tests.unit.inpainters.training.steps import (
    Drawn,
    Still,
    learner_of,
    official_of,
    trainer_of,
    turns_of,
)


def test_each_role_moves_its_own_network_only(tmp_path: Path) -> None:
    made = learner_of("lama")
    turns = turns_of(trainer_of(made, tmp_path))
    assert turns["generator"][1] == {"generator"}
    assert turns["discriminator"][1] == {"discriminator"}
    assert {*turns["generator"][0], *turns["discriminator"][0]} == {*made.terms} - {"lattice"}
    assert turns["generator"][0]["l1_hole"] == 0  # the authors leave the holes to the others


def test_the_penalty_is_the_discriminators_slope_at_the_images() -> None:
    made = learner_of("lama", gradient_penalty=2.0)
    images, masks = Drawn().batch(0)
    made.begin("joint", fresh=True)
    made.training_step("generator", images, masks)
    found = made.training_step("discriminator", images, masks)["gradient_penalty"]
    images = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad(made.discriminator(images).sum(), images)
    torch.testing.assert_close(found.detach(), 2 * slope.square().sum() / len(images))
    found.backward()
    assert all(
        p.grad is not None for n, p in made.discriminator.named_parameters() if n.endswith("weight")
    )


def test_the_judge_sees_the_whole_answer_before_the_step() -> None:
    made = learner_of("lama")
    images, masks = Drawn().batch(0)
    made.begin("joint", fresh=True)
    with torch.no_grad():
        made.network.eval()
        raw = made.network(images, masks)
    seen: list[Tensor] = []
    made.discriminator.model0.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    made.training_step("generator", images, masks)
    made.training_step("discriminator", images, masks)
    assert torch.equal(seen[1], seen[3])
    assert (seen[1].requires_grad, seen[3].requires_grad) == (True, False)
    torch.testing.assert_close(seen[3], raw)  # composites would hold the image


def test_the_generator_follows_its_losses(tmp_path: Path) -> None:
    made = learner_of("lama", l1_hole=10.0, adversarial=0.0, feature_matching=0.0, receptive=0.0)
    rates = {"generator": {"lr": 1e-2}, "discriminator": {"lr": 1e-4}}
    trainer = trainer_of(made, tmp_path, steps=20, source=Still(), optimizers=rates)
    made.begin("joint", fresh=True)
    batch = trainer.source.batch(0)
    first = float(made.training_step("generator", *batch)["l1_hole"].detach())
    made._generated.clear()
    trainer.run()
    made.begin("joint", fresh=False)
    assert float(made.training_step("generator", *batch)["l1_hole"].detach()) < 0.9 * first


def test_the_authors_layout_is_read_back(tmp_path: Path) -> None:
    made = learner_of("lama")
    files = official_of(made, tmp_path)
    network: nn.Module = Generator(made.sizes)
    state = read_archive(files["best.ckpt"], prefixes=("generator.",))
    load_strict(network, state, files["best.ckpt"])
    assert set(files) == {"best.ckpt", "discriminator.pth"}


def test_the_segmentation_network_is_named_where_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(TrainingError, match=r"ADE20K.*encoder_epoch_20\.pth.*texture"):
        learner_of("lama", features="ade20k")


def test_the_segmentation_networks_stages() -> None:
    network = DilatedResNet()
    with torch.no_grad():
        found = network.features(torch.zeros(1, 3, 64, 64))
    sizes = {name: tuple(value.shape[1:]) for name, value in found.items()}
    assert sizes == {
        "layer1": (256, 16, 16),
        "layer2": (512, 8, 8),
        "layer3": (1024, 8, 8),
        "layer4": (2048, 8, 8),
    }
    dilations = [
        network.get_submodule(f"layer{stage}.{block}.conv2").dilation[0]  # type: ignore[index]
        for stage in (3, 4)
        for block in (0, 1)
    ]
    assert dilations == [1, 2, 2, 4]
    assert not any(p.requires_grad for p in network.parameters())
    assert not network.training


def test_the_segmentation_networks_file_is_read(tmp_path: Path) -> None:
    network = DilatedResNet()
    torch.nn.init.constant_(network.get_parameter("conv3.weight"), 0.25)
    path = tmp_path / ADE20K_FILE.name
    state = {k: v for k, v in network.state_dict().items() if "num_batches" not in k}
    torch.save(state, path)
    loaded = load_segmenter(path).get_parameter("conv3.weight")
    assert torch.equal(loaded, torch.full_like(loaded, 0.25))
