"""FcF's discriminator: sizes, groups of images, and gradients."""

from __future__ import annotations

import pytest
import torch

from benchmark.core.errors import BadInput
from inpainters.fcf import FcFConfig
from inpainters.training.fcf import Discriminator, Shortcut, group_deviation
from inpainters.training.losses.adversarial import gradient_penalty

TINY = FcFConfig(resolution=16, width=4, max_width=8, latent=4, code=4)


@pytest.mark.parametrize(
    ("resolution", "parameters", "entries"), [(256, 24_001_153, 64), (512, 28_982_913, 73)]
)
def test_numbers_are_the_specifications(resolution, parameters, entries):
    with torch.device("meta"):
        network = Discriminator(FcFConfig(resolution=resolution))
    assert sum(value.numel() for value in network.parameters()) == parameters
    assert len(network.state_dict()) == entries


def test_the_shortcut_smooths_thins_and_scales():
    shortcut = Shortcut(4, 1)
    torch.nn.init.ones_(shortcut.weight)
    answer = shortcut(torch.ones(1, 4, 8, 8))
    # Four channels of ones over the root of 4; at the border an eighth of the smoothing is lost.
    expected = torch.tensor([7 / 8, 1, 1, 7 / 8])
    torch.testing.assert_close(answer[0, 0], 2 * torch.outer(expected, expected))


def test_deviation_of_two_groups():
    values = torch.tensor([0.0, 5.0, 0.0, 5.0, 4.0, 5.0, 4.0, 5.0])  # 0, 0, 4, 4 and four times 5
    features = values[:, None, None, None].expand(8, 3, 2, 2)
    found = group_deviation(features)
    assert found.shape == (8, 1, 2, 2)
    expected = torch.tensor([2.0, 1e-4] * 4)  # the second is the root of 1e-8, of images alike
    torch.testing.assert_close(found[:, 0, 0, 0], expected)
    torch.testing.assert_close(found[:, 0, 1, 1], expected)


def test_deviation_is_averaged_over_channels_and_pixels():
    features = torch.zeros(2, 2, 1, 2)
    features[1, 0, 0, 0] = 8  # a deviation of 4 in one of four places
    assert group_deviation(features).flatten().tolist() == pytest.approx([1.0] * 4, rel=1e-3)


def test_deviation_of_one_image_is_a_constant():
    assert group_deviation(torch.rand(1, 3, 4, 4)).unique().tolist() == pytest.approx([1e-4])


def test_a_batch_that_makes_no_groups_is_refused():
    with pytest.raises(BadInput, match=r"batch of 6; .* multiple of 4"):
        Discriminator(TINY)(torch.zeros(6, 3, 16, 16), torch.zeros(6, 1, 16, 16))


def test_an_image_s_answer_depends_on_its_own_group_only():
    network = Discriminator(TINY)
    pictures, masks = torch.rand(8, 3, 16, 16), torch.ones(8, 1, 16, 16)
    other = pictures.clone()
    other[2] = 0
    with torch.no_grad():
        moved = (network(pictures, masks) - network(other, masks)).abs().flatten() > 0
    assert moved.tolist() == [True, False] * 4


def test_the_mask_is_seen():
    network = Discriminator(TINY)
    pictures, masks = torch.rand(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)
    with torch.no_grad():
        assert network(pictures, masks).shape == (1, 1)
        assert network(pictures, masks) != network(pictures, 1 - masks)


def test_the_image_and_the_weights_learn_also_from_the_gradient_penalty():
    network = Discriminator(TINY)
    pictures = torch.rand(4, 3, 16, 16, requires_grad=True)
    gradient_penalty(network(pictures, torch.zeros(4, 1, 16, 16)), pictures).backward()
    for layer in (network.b16.fromrgb, network.b16.skip, network.b8.conv1, network.b4.out):
        assert float(layer.weight.grad.abs().sum()) > 0
    assert float(pictures.grad.abs().sum()) > 0
