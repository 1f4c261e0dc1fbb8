"""LaMa's losses against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from inpainters.training import lama


def test_l1_does_not_see_the_hole_but_counts_its_pixels():
    raw = torch.tensor([0.5, 0.8]).expand(1, 3, 1, 2)
    masks = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    assert lama.l1_known(raw, torch.zeros(1, 3, 1, 2), masks).item() == pytest.approx(0.4)


def test_painted_patches_off_the_hole_count_as_real():
    masks = torch.zeros(1, 1, 4, 4)
    masks[..., 0, 0] = masks[..., 2, 0] = 1  # the nearest pixels of the left patches
    masks[..., 1, 3] = masks[..., 3, 3] = 1  # pixels that no patch asks
    real = torch.full((1, 1, 2, 2), math.log(3))
    fake = torch.tensor([[math.log(3), 0.0], [0.0, -math.log(3)]])[None, None]
    # Real: log 4/3 each. Inpainted: log 4 and log 2 in the hole, log 2 and log 4 off it.
    expected = math.log(4 / 3) + (2 * math.log(4) + 2 * math.log(2)) / 4
    assert lama.discriminator_loss(real, fake, masks).item() == pytest.approx(expected, rel=1e-5)


def test_turning_the_mask_round_turns_the_price_round():
    real, fake = torch.full((1, 1, 3, 3), 40.0), torch.full((1, 1, 3, 3), 2.0)
    everywhere = lama.discriminator_loss(real, fake, torch.ones(1, 1, 48, 48)).item()
    nowhere = lama.discriminator_loss(real, fake, torch.zeros(1, 1, 48, 48)).item()
    assert everywhere - nowhere == pytest.approx(2, rel=1e-5)  # softplus(x) - softplus(-x) = x


def test_feature_matching_is_a_mean_over_layers_and_leaves_the_real_ones_alone():
    fake = [torch.tensor([1.0, 3.0], requires_grad=True), torch.tensor([2.0], requires_grad=True)]
    real = [torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)]
    value = lama.feature_matching_loss(fake, real)
    value.backward()
    assert value.item() == pytest.approx((5 + 4) / 2)
    assert fake[0].grad.tolist() == pytest.approx([0.5, 1.5])
    assert real[0].grad is None
