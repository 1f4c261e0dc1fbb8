"""AOT-GAN's discriminator: parameter names, output size, and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from inpainters.training.aotgan import Discriminator
from tests.parity.goldens import needs_goldens, seeded


def test_number_of_parameters_is_the_specification_s():
    assert sum(p.numel() for p in Discriminator().parameters()) == 2_763_777


@needs_goldens
def test_entries_are_the_manifest_s():
    listed = seeded().load_manifest("aotgan")["parts"]["discriminator"]
    state = Discriminator().state_dict()
    assert {name: list(value.shape) for name, value in state.items()} == {
        name: shape for name, shape, _ in listed
    }


@pytest.mark.parametrize(("size", "patches"), [((64, 64), (6, 6)), ((51, 79), (4, 7))], ids=str)
def test_one_answer_per_patch(size, patches):
    answer = Discriminator(width=4)(torch.zeros(2, 3, *size))
    assert answer.shape == (2, 1, *patches)


def test_answers_are_not_squeezed():
    network = Discriminator(width=4).eval()
    nn.init.zeros_(network.conv[8].weight)
    nn.init.constant_(network.conv[8].bias, -7)
    assert network(torch.rand(1, 3, 32, 32)).eq(-7).all()


def test_a_gradient_reaches_the_image():
    images = torch.rand(1, 3, 64, 64, requires_grad=True)
    Discriminator(width=4)(images).square().mean().backward()
    assert images.grad.abs().sum() > 0


def test_a_power_iteration_runs_in_training_only():
    network, images = Discriminator(width=4), torch.rand(1, 3, 64, 64)
    before = network.conv[2].weight_u.clone()
    network.eval()(images)
    assert torch.equal(network.conv[2].weight_u, before)
    network.train()(images)
    assert not torch.equal(network.conv[2].weight_u, before)
