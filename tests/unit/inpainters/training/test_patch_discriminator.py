"""PatchGAN discriminator: parameter names, output size, and the layer with two names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmark.core.checkpoints.load import load_strict
from inpainters.training.patch_discriminator import Discriminator


@pytest.mark.parametrize(("channels", "parameters"), [(3, 2_763_776), (2, 2_762_752)])
def test_number_of_parameters_is_the_specifications(channels, parameters):
    network = Discriminator(channels=channels)
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_entries_are_the_specifications():
    shapes = {name: tuple(value.shape) for name, value in Discriminator().state_dict().items()}
    sizes = {"conv1": (64, 3), "conv2": (128, 64), "conv3": (256, 128), "conv4": (512, 256)}
    sizes |= {"conv5": (1, 512), "features": (64, 3)}
    expected = {}
    for name, (out, channels) in sizes.items():
        expected[f"{name}.0.weight_orig"] = (out, channels, 4, 4)
        expected[f"{name}.0.weight_u"] = (out,)
        expected[f"{name}.0.weight_v"] = (16 * channels,)
    assert shapes == expected


@pytest.mark.parametrize(("side", "patches"), [(64, 6), (256, 30)])
def test_one_answer_per_patch(side, patches):
    answer = Discriminator(width=4).eval()(torch.rand(2, 3, side, side))
    assert answer.shape == (2, 1, patches, patches)


def test_features_overwrite_the_other_name_of_the_first_layer():
    network = Discriminator(width=4)
    state = network.state_dict()
    state["conv1.0.weight_orig"] = torch.zeros_like(state["conv1.0.weight_orig"])
    state["features.0.weight_orig"] = torch.ones_like(state["features.0.weight_orig"])
    load_strict(network, state, Path("discriminator.pth"))
    assert network.conv1 is network.features
    assert network.state_dict()["conv1.0.weight_orig"].eq(1).all()


def test_a_power_iteration_runs_in_training_only():
    network, images = Discriminator(width=4), torch.rand(1, 3, 64, 64)
    before = network.conv2[0].weight_u.clone()
    network.eval()(images)
    assert torch.equal(network.conv2[0].weight_u, before)
    network.train()(images)
    assert not torch.equal(network.conv2[0].weight_u, before)


def test_maps_are_what_each_layer_answers():
    network, images = Discriminator(width=4, channels=2).eval(), torch.rand(1, 2, 64, 64)
    maps = network.maps(images)
    sizes = [(4, 32, 32), (8, 16, 16), (16, 8, 8), (32, 7, 7), (1, 6, 6)]
    assert [tuple(found.shape[1:]) for found in maps] == sizes
    assert torch.equal(maps[-1], network(images))
    for below, above, layer in zip(
        maps, maps[1:], ("conv2", "conv3", "conv4", "conv5"), strict=False
    ):
        assert torch.equal(network.get_submodule(layer)(below), above)
    # after a leaky ReLU of 0.2, what is negative is a fifth of what the convolution answered
    before = network.conv1[0](images)
    torch.testing.assert_close(maps[0], torch.where(before > 0, before, before / 5))


def test_a_gradient_reaches_the_image():
    images = torch.rand(1, 3, 64, 64, requires_grad=True)
    Discriminator(width=4)(images).mean().backward()
    assert images.grad.abs().sum() > 0
