"""Feature networks: weights of VGG-19 and VGG-16, and the fixed random filters."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from benchmark.core import backbones
from benchmark.core.backbones import BACKBONES, own_file, published_file
from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import TrainingError, WeightsError
from inpainters.training.feature_networks import (
    VGG16,
    VGG16_POOLS,
    VGG19,
    TextureFeatures,
    VGGFeatures,
    choose_features,
    imagenet_standardized,
    load_vgg,
)
from inpainters.training.losses import features as losses
from tests.backbones import draw, pretend, write_safetensors


@pytest.fixture(scope="module")
def textures():
    return TextureFeatures()


def test_vgg_gives_the_nine_layers_at_their_sizes():
    with torch.inference_mode():
        answers = VGGFeatures().features(torch.rand(1, 3, 32, 32))
    shapes = {name: tuple(value.shape[1:]) for name, value in answers.items()}
    assert shapes == {
        "relu1_1": (64, 32, 32),
        "relu2_1": (128, 16, 16),
        "relu2_2": (128, 16, 16),
        "relu3_1": (256, 8, 8),
        "relu3_4": (256, 8, 8),
        "relu4_1": (512, 4, 4),
        "relu4_4": (512, 4, 4),
        "relu5_1": (512, 2, 2),
        "relu5_2": (512, 2, 2),
    }
    assert all(value.min() >= 0 for value in answers.values())


def test_vgg_16_gives_its_first_three_pools_to_those_whose_authors_have_them():
    network = VGGFeatures(VGG16_POOLS)
    with torch.inference_mode():
        answers = network.features(torch.rand(1, 3, 32, 32))
    shapes = {name: tuple(value.shape[1:]) for name, value in answers.items()}
    assert shapes == {"pool1": (64, 16, 16), "pool2": (128, 8, 8), "pool3": (256, 4, 4)}
    assert sum(p.numel() for p in network.parameters()) == 1_735_488  # its seven convolutions
    assert network.perceptual_layers == network.style_layers == ("pool1", "pool2", "pool3")


def test_vgg_16_gives_the_others_layers_as_far_as_its_third_block():
    network = VGGFeatures(VGG16)
    images = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        answers = network.features(images)
    shapes = {name: tuple(value.shape[1:]) for name, value in answers.items()}
    assert shapes == {
        "relu1_1": (64, 32, 32),
        "relu2_1": (128, 16, 16),
        "relu2_2": (128, 16, 16),
        "relu3_1": (256, 8, 8),
        "relu3_3": (256, 8, 8),
    }
    assert all(value.min() == 0 for value in answers.values())  # after each ReLU
    assert network.perceptual_layers == ("relu1_1", "relu2_1", "relu3_1")
    assert network.style_layers == ("relu2_2", "relu3_3")
    pools = VGGFeatures(VGG16_POOLS)
    pools.load_state_dict(network.state_dict())
    with torch.inference_mode():
        halved = torch.nn.functional.max_pool2d(answers["relu3_3"], 2)
        assert torch.equal(pools.features(images)["pool3"], halved)


@pytest.mark.parametrize("vgg", [VGG16, VGG19], ids=["16", "19"])
def test_weights_that_are_not_here_are_named_with_what_to_type(vgg):
    with pytest.raises(WeightsError, match=f"'bench weights fetch {vgg.name}'"):
        load_vgg(vgg)
    with pytest.raises(TrainingError, match=f"bench weights add {vgg.name} FILE.*texture") as said:
        choose_features(vgg.name)
    assert "\n" not in str(said.value)


def test_vgg_16_loads_its_convolutions_from_what_bench_weights_installs(monkeypatch):
    state = draw("vgg16")
    write_safetensors(own_file("vgg16"), state)
    with pytest.raises(TrainingError, match="not the published one"):
        choose_features("vgg16")
    pretend(monkeypatch, state, name="vgg16")
    for network in (choose_features("vgg16"), choose_features("vgg16", VGG16_POOLS)):
        for name, value in network.state_dict().items():
            key = name.replace("layers.", "features.")
            assert torch.equal(value, torch.from_numpy(state[key]))
        assert not any(p.requires_grad for p in network.parameters())


def test_vgg_19_loads_its_convolutions_and_leaves_the_classifier(monkeypatch):
    state = VGGFeatures(VGG19).state_dict()
    renamed = {name.replace("layers.", "features."): value for name, value in state.items()}
    file, known = published_file("vgg19"), BACKBONES["vgg19"]
    file.parent.mkdir(parents=True)
    torch.save({**renamed, "classifier.6.bias": torch.zeros(1000)}, file)
    with pytest.raises(WeightsError, match="not the published one"):
        load_vgg(VGG19)
    fitting = replace(known.published, sha256=sha256_of(file)[:8])
    monkeypatch.setitem(backbones._TABLE, "vgg19", replace(known, published=fitting))
    backbones._is_verified.cache_clear()
    loaded = load_vgg(VGG19)
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in state.items())
    assert not any(p.requires_grad for p in loaded.parameters())


def test_standardizing_a_gray_of_one_half():
    answer = imagenet_standardized(torch.full((1, 3, 1, 1), 0.5))
    # 15 of 229 thousandths, 44 of 224, 94 of 225
    expected = torch.tensor([0.065502, 0.196429, 0.417778]).view(1, 3, 1, 1)
    torch.testing.assert_close(answer, expected, rtol=0, atol=1e-6)


def test_texture_filters_are_fixed_and_orthogonal(textures):
    again = TextureFeatures().state_dict()
    assert all(torch.equal(value, again[name]) for name, value in textures.state_dict().items())
    rows = textures.filters0.flatten(1)
    products = rows @ rows.T / rows[0].square().sum()
    torch.testing.assert_close(products, torch.eye(16), rtol=0, atol=1e-5)
    assert not list(textures.parameters())


def test_texture_features_do_not_see_a_constant_color(textures):
    plain = torch.tensor([0.9, 0.2, 0.4]).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    answers = textures.features(plain)
    shapes = {name: tuple(value.shape[1:]) for name, value in answers.items()}
    assert shapes == {"level0": (16, 62, 62), "level1": (32, 30, 30), "level2": (32, 14, 14)}
    assert all(value.abs().max() < 1e-4 for value in answers.values())


def test_style_tells_a_flat_fill_from_a_texture(textures):
    torch.manual_seed(0)
    images, masks = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    masks[..., 16:48, 16:48] = 1
    flat = torch.where(masks.bool(), 0.5, images)
    texture = torch.where(masks.bool(), torch.rand(1, 3, 64, 64), images)
    real = textures.features(images * masks)
    of_flat, of_texture = (
        losses.style(textures.features(fill * masks), real, textures.style_layers)
        for fill in (flat, texture)
    )
    assert of_flat > 5 * of_texture


def test_gradients_reach_the_image(textures):
    painted, real = torch.rand(2, 1, 3, 64, 64)
    painted.requires_grad_()
    layers = textures.perceptual_layers
    losses.perceptual(textures.features(painted), textures.features(real), layers).backward()
    assert painted.grad.abs().sum() > 0
