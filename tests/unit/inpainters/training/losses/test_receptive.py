"""The perceptual loss of LaMa and FcF, with features computed by hand, and seeded ones."""

from __future__ import annotations

import pytest
import torch

from inpainters.training.feature_networks import TextureFeatures
from inpainters.training.losses.features import squares
from inpainters.training.losses.receptive import receptive_field


def test_each_map_s_mean_square_is_summed():
    images = torch.full((2, 3, 4, 4), 0.5)
    output = images.clone()
    output[:, 0] += 0.229  # one of ImageNet's deviations, in a third of the values
    value = receptive_field(output, images, lambda seen: {"once": seen, "twice": 2 * seen})
    assert value.item() == pytest.approx((1 + 4) / 3, rel=1e-5)


def test_what_is_seen_is_standardized():
    seen = []

    def see(pictures):
        seen.append(pictures[0, :, 0, 0])
        return {"map": pictures}

    receptive_field(torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2), see)
    real, painted = seen
    expected = torch.tensor([0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225])
    torch.testing.assert_close(real, expected)
    torch.testing.assert_close(
        painted, torch.tensor([-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225])
    )


def test_seeded_features_see_a_change_and_teach_the_painter_alone():
    generator = torch.Generator().manual_seed(5)
    images = torch.rand(1, 3, 32, 32, generator=generator).requires_grad_()
    output = images.detach().clone().requires_grad_()
    see = TextureFeatures().features
    assert receptive_field(output, images, see).item() == 0
    changed = torch.where(torch.arange(32) < 16, 0.5, output)
    value = receptive_field(changed, images, see)
    value.backward()
    assert value.item() > 0
    assert images.grad is None
    assert float(output.grad[..., 16:].abs().sum()) > 0


def test_squares_are_a_mean_for_each_pair():
    pairs = squares(
        [torch.tensor([1.0, 3.0]), torch.tensor([2.0])], [torch.zeros(2), torch.ones(1)]
    )
    assert pairs.tolist() == [5, 1]
    with pytest.raises(ValueError, match="zip"):
        squares([torch.zeros(1)], [])
