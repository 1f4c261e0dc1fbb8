"""Loss options of all inpainters: the share of images for feature losses, the checkerboard term."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from benchmark.core.errors import TrainingError
from benchmark.training.recipe import LEARNERS, read_part
from inpainters.training.feature_networks import first_share
from inpainters.training.losses.lattice import lattice
from tests.unit.inpainters.training.steps import Drawn, learner_of

MODELS = {  # by model: who inpaints, and the terms that compare features
    "safepaint": ("all", {"perceptual", "style"}),
    "edgeconnect": ("generator", {"perceptual", "style"}),
    "aotgan": ("generator", {"perceptual", "style"}),
    "madf": ("all", {"perceptual", "style"}),
    "ctsdg": ("generator", {"perceptual", "style"}),
    "lama": ("generator", {"receptive"}),
    "fcf": ("generator", {"receptive"}),
}
SAME = {"edgeconnect": {"composited": True}}


def terms_of(model: str, **losses: Any) -> dict[str, torch.Tensor]:
    """The inpainter's terms in its first step on drawn images."""
    made = learner_of(model, **losses)
    made.begin("joint", fresh=True)
    torch.manual_seed(7)
    found: dict[str, torch.Tensor] = made.training_step(MODELS[model][0], *Drawn().batch(0))
    return {name: term.detach() for name, term in found.items()}


@pytest.mark.parametrize("model", MODELS)
def test_a_share_of_the_images_is_compared_and_the_rest_is_as_it_was(model: str) -> None:
    whole, half = terms_of(model), terms_of(model, features_share=0.5)
    _, compared = MODELS[model]
    for name, term in whole.items():
        assert torch.equal(term, half[name]) == (name not in compared), name


@pytest.mark.parametrize("model", MODELS)
def test_the_share_is_the_first_images(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    made = learner_of(model, features_share=0.5)
    own = made.features.features
    monkeypatch.setattr(
        made.features, "features", lambda images: looked.append(len(images)) or own(images)
    )
    made.begin("joint", fresh=True)
    made.training_step(MODELS[model][0], *Drawn().batch(0))
    assert looked
    assert set(looked) == {2}  # of 4
    pictures = torch.arange(8.0).reshape(8, 1, 1, 1)
    assert first_share(pictures, 0.25).flatten().tolist() == [0, 1]
    assert first_share(pictures, 0.01).flatten().tolist() == [0]
    assert torch.equal(first_share(pictures, 1.0), pictures)


@pytest.mark.parametrize("model", MODELS)
def test_the_lattice_is_a_term_of_its_own(model: str) -> None:
    without, once = terms_of(model), terms_of(model, lattice=1.0)
    thrice = terms_of(model, lattice=3.0)
    assert set(once) - set(without) == {"lattice"}
    torch.testing.assert_close(thrice["lattice"], 3 * once["lattice"])
    assert all(torch.equal(without[name], once[name]) for name in without)


def test_the_lattice_is_that_of_the_answer_in_0_to_1() -> None:
    made = learner_of("aotgan", lattice=1.0)
    made.begin("joint", fresh=True)
    images, masks = Drawn().batch(0)
    found = made.training_step("generator", images, masks)["lattice"]
    answer = (made.network(2 * images - 1, masks) + 1) / 2
    torch.testing.assert_close(found, lattice(answer, masks))


@pytest.mark.parametrize(("key", "value"), [("features_share", 0.0), ("lattice", -1.0)])
def test_senseless_values_are_refused(key: str, value: float) -> None:
    for model in MODELS:
        with pytest.raises(TrainingError, match=key):
            read_part(LEARNERS.load(model).Losses, {key: value}, model)
