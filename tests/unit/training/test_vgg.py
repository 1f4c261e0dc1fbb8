"""VGG's features in a training: from the file that `bench weights` installs."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark import install
from benchmark.core.backbones import BACKBONES
from benchmark.core.errors import TrainingError, WeightsError
from benchmark.core.weights import sha256_of
from benchmark.install import add_weights
from benchmark.training import train
from benchmark.training.recipe import LEARNERS, read_recipe
from inpainters.training import perceptual
from tests.unit.training.conftest import recipe

STAGE = {"steps": 1, "batch": 2, "crop": 64, "sides": [64]}
NETWORKS = {"vgg16": perceptual.VGG16, "vgg19": perceptual.VGG19}


def drawn_file(vgg: perceptual.VGG, folder: Path) -> Path:
    """A file in torchvision's layout, with the convolutions that the losses need, drawn."""
    torch.manual_seed(0)
    state = perceptual.VGGFeatures(vgg).state_dict()
    content = {name.replace("layers.", "features."): value for name, value in state.items()}
    path = folder / vgg.file
    torch.save({**content, "classifier.6.bias": torch.zeros(1000)}, path)
    return path


def losses(out: Path) -> dict[str, float]:
    """The only row of the log."""
    with (out / "log.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    return {name: float(value) for name, value in row.items() if value}


@pytest.mark.parametrize(("model", "kind"), [("safepaint", "vgg19"), ("ctsdg", "vgg16")])
def test_an_installed_file_is_what_the_losses_look_through(
    model: str, kind: str, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = LEARNERS.load(model).tiny["losses"]
    chosen = recipe(model, losses={**tiny, "features": kind}, stages=[STAGE])
    with pytest.raises(TrainingError, match=f"'bench weights fetch {kind}'") as refused:
        train(model, recipe=chosen, data=photographs, out=tmp_path / "out")
    assert NETWORKS[kind].file in str(refused.value)
    file = drawn_file(NETWORKS[kind], tmp_path)
    with pytest.raises(WeightsError, match="not the published"):
        add_weights(kind, file)
    digest = sha256_of(file)[:8]  # as if it were the published file
    fitting = {**BACKBONES, kind: replace(BACKBONES[kind], sha256=digest)}
    monkeypatch.setattr(install, "BACKBONES", fitting)
    monkeypatch.setattr(perceptual, kind.upper(), replace(NETWORKS[kind], digest=digest))
    assert "verified" in add_weights(kind, file)
    train(model, recipe=chosen, data=photographs, out=tmp_path / "out")
    textures = recipe(model, losses=tiny, stages=[STAGE])
    train(model, recipe=textures, data=photographs, out=tmp_path / "textures")
    found, plain = losses(tmp_path / "out"), losses(tmp_path / "textures")
    assert found["perceptual"] > 0
    assert found["perceptual"] != pytest.approx(plain["perceptual"], rel=1e-3)


@pytest.mark.parametrize("kind", NETWORKS)
def test_both_lists_name_the_same_file(kind: str) -> None:
    assert BACKBONES[kind].file == NETWORKS[kind].file
    assert BACKBONES[kind].sha256 == NETWORKS[kind].digest


def test_the_paper_recipes_compare_learned_features() -> None:
    kinds = {
        name: read_recipe(name, "paper").losses["features"]
        for name in LEARNERS
        if LEARNERS.entry(name).startswith("inpainters.")
    }
    seen = {"vgg16": {"ctsdg", "madf"}, "ade20k": {"fcf", "lama"}}
    for name, kind in kinds.items():
        expected = next((features for features, names in seen.items() if name in names), "vgg19")
        assert kind == expected, name
