"""VGG's features in a training: from the file that `bench weights` installs."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark.core import backbones
from benchmark.core.backbones import BACKBONES
from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import TrainingError, WeightsError
from benchmark.install import add_weights
from benchmark.training import train
from benchmark.training.recipe import LEARNERS, read_recipe
from inpainters.training import feature_networks as perceptual
from tests.backbones import draw, pretend, write_safetensors
from tests.unit.training.conftest import recipe

STAGE = {"steps": 1, "batch": 2, "crop": 64, "sides": [64]}


def drawn_file(kind: str, folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """A drawn VGG, in a file that is taken for the published one from here on."""
    if kind == "vgg16":
        state = draw("vgg16")
        pretend(patch, state, name="vgg16")
        return write_safetensors(folder / "vgg16.safetensors", state)
    torch.manual_seed(0)
    drawn = perceptual.VGGFeatures(perceptual.VGG19).state_dict()
    content = {name.replace("layers.", "features."): value for name, value in drawn.items()}
    file = folder / "vgg19.pth"
    torch.save({**content, "classifier.6.bias": torch.zeros(1000)}, file)
    known = BACKBONES["vgg19"]
    size, digits = file.stat().st_size, sha256_of(file)[:8]
    fitting = replace(known, published=replace(known.published, size=size, sha256=digits))
    patch.setitem(backbones._TABLE, "vgg19", fitting)
    return file


def losses(out: Path) -> dict[str, float]:
    """The only row of the log."""
    with (out / "log.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    return {name: float(value) for name, value in row.items() if value}


INPAINTERS = [name for name in LEARNERS if LEARNERS.entry(name).startswith("inpainters.")]


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("safepaint", "vgg19"),
        ("safepaint", "vgg16"),
        ("aotgan", "vgg16"),
        ("ctsdg", "vgg16"),
        ("lama", "vgg16"),
    ],
)
def test_an_installed_file_is_what_the_losses_look_through(
    model: str, kind: str, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = LEARNERS.load(model).tiny["losses"]
    term = "receptive" if model in {"lama", "fcf"} else "perceptual"
    chosen = recipe(model, losses={**tiny, "features": kind}, stages=[STAGE])
    with pytest.raises(TrainingError, match=f"'bench weights fetch {kind}'") as refused:
        train(model, recipe=chosen, data=photographs, out=tmp_path / "out")
    assert BACKBONES[kind].published.file in str(refused.value)
    file = drawn_file(kind, tmp_path, monkeypatch)
    assert "installed" in add_weights(kind, file)
    train(model, recipe=chosen, data=photographs, out=tmp_path / "out")
    textures = recipe(model, losses=tiny, stages=[STAGE])
    train(model, recipe=textures, data=photographs, out=tmp_path / "textures")
    found, plain = losses(tmp_path / "out"), losses(tmp_path / "textures")
    assert found[term] > 0
    assert found[term] != pytest.approx(plain[term], rel=1e-3)


@pytest.mark.parametrize("model", INPAINTERS)
def test_vgg_16_is_a_choice_of_every_recipe(model: str) -> None:
    learner = LEARNERS.load(model)
    assert learner.Losses(features="vgg16").features == "vgg16"
    assert "texture" in str(learner.Losses.model_fields["features"].annotation)


@pytest.mark.parametrize("kind", ["vgg16", "vgg19"])
def test_another_file_is_refused(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(1)}, file)
    with pytest.raises(WeightsError, match="not the published"):
        add_weights(kind, file)


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
