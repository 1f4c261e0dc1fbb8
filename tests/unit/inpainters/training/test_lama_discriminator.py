"""LaMa's discriminator: number of parameters, output sizes, and gradients."""

from __future__ import annotations

import pytest
import torch

from inpainters.training.lama import Discriminator
from inpainters.training.losses.adversarial import gradient_penalty


def test_numbers_are_the_specifications():
    with torch.device("meta"):
        network = Discriminator()
    assert sum(value.numel() for value in network.parameters()) == 6_962_369
    assert len(network.state_dict()) == 32


@pytest.mark.parametrize(("side", "patches"), [(256, 19), (203, 16), (32, 5)])
def test_one_answer_per_patch(side, patches):
    network = Discriminator(width=2).eval()
    assert network(torch.rand(2, 3, side, side)).shape == (2, 1, patches, patches)


def test_maps_are_what_follows_each_activation():
    network = Discriminator(width=2).eval()
    images = torch.rand(1, 3, 256, 256)
    maps = network.maps(images)
    shapes = [tuple(answer.shape[1:]) for answer in maps]
    assert shapes == [
        (2, 129, 129),
        (4, 65, 65),
        (8, 33, 33),
        (16, 17, 17),
        (16, 18, 18),
        (1, 19, 19),
    ]
    assert torch.equal(maps[-1], network(images))
    for answer in maps[:-1]:  # a leaky ReLU lets a fifth of what is negative through
        assert answer.min() < 0
        assert answer.max() > -answer.min()


def test_the_image_and_the_weights_learn_also_from_the_gradient_penalty():
    network = Discriminator(width=2)
    images = torch.rand(2, 3, 64, 64, requires_grad=True)
    gradient_penalty(network(images), images).backward()
    assert float(network.model0[0].weight.grad.abs().sum()) > 0
    assert float(images.grad.abs().sum()) > 0
