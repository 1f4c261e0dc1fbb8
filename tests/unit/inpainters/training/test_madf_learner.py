"""MADF's training step: terms, their effects, and the exported file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmark.core.checkpoints.load import load_strict, read_checkpoint
from benchmark.core.errors import TrainingError
from inpainters.madf import MADFNetwork, network_state, normalized
from inpainters.training import madf
from tests.unit.inpainters.training.steps import (
    Drawn,
    Still,
    learner_of,
    official_of,
    trainer_of,
    turns_of,
)


def test_a_step_has_all_terms_and_moves_the_network(tmp_path: Path) -> None:
    made = learner_of("madf")
    losses, changed = turns_of(trainer_of(made, tmp_path))["all"]
    assert set(losses) == {*made.terms} - {"lattice"}
    assert changed == {"generator"}
    idle = {n for n, p in made.network.named_parameters() if p.grad is None}
    assert {name.split(".")[1] for name in idle} == {"bn"}  # the encoder's, which nobody applies
    assert len(idle) == 2 * made.sizes.levels


def test_terms_are_weighted_in_the_normalized_space() -> None:
    made = learner_of("madf", hole=3.0, style=7.0)
    images, masks = Drawn().batch(0)
    made.begin("joint", fresh=True)
    found = made.training_step("all", images, masks)
    wanted = normalized(images)
    plain = madf.loss_terms(
        made.network(wanted, masks), wanted, masks, made.features, "incremental"
    )
    torch.testing.assert_close(found["hole"], 3 * plain.hole)
    torch.testing.assert_close(found["style"], 7 * plain.style)


def test_supervision_is_the_recipes() -> None:
    images, masks = Drawn().batch(0)
    found = {
        kind: learner_of("madf", supervision=kind).training_step("all", images, masks)
        for kind in ("last", "incremental", "authors")
    }
    assert found["last"]["hole"] < found["incremental"]["hole"]
    assert found["authors"]["style"] != found["incremental"]["style"]


@pytest.mark.parametrize(("start", "smooth"), [("default", False), ("bilinear", True)])
def test_upsampling_starts_smooth_where_the_recipe_says(start: str, *, smooth: bool) -> None:
    layers = learner_of("madf", start=start).network.modules()
    for layer in layers:
        if isinstance(layer, nn.ConvTranspose2d):
            middle, edge = layer.weight[..., 1:3, 1:3], layer.weight[..., :1, :1]
            assert torch.allclose(middle, 9 * edge.expand_as(middle)) == smooth


def test_it_learns(tmp_path: Path) -> None:
    made = learner_of("madf", style=0.0, perceptual=0.0, supervision="last")
    rate = {"kind": "adam", "lr": 1e-2}
    trainer = trainer_of(made, tmp_path, steps=20, source=Still(), optimizer=rate)
    batch = trainer.source.batch(0)
    made.begin("joint", fresh=True)
    first = float(made.training_step("all", *batch)["hole"].detach())
    trainer.run()
    made.begin("joint", fresh=False)
    assert float(made.training_step("all", *batch)["hole"].detach()) < 0.8 * first
    assert sorted(path.name for path in tmp_path.glob("sample-*"))[-1] == "sample-0000020.png"


def test_the_authors_layout_is_read_back(tmp_path: Path) -> None:
    made = learner_of("madf")
    file = official_of(made, tmp_path)["madf.pth"]
    content = read_checkpoint(file)
    assert content["n_iter"] == 7
    network: nn.Module = MADFNetwork(made.sizes)
    load_strict(network, network_state(content, file), file)
    assert torch.equal(network.get_parameter("deconv_1.0.weight"), made.network.deconv_1[0].weight)


def test_missing_vgg_weights_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(TrainingError, match=r"VGG-16.*vgg16-397923af\.pth"):
        learner_of("madf", features="vgg16")
