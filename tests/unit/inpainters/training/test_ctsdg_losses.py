"""CTSDG's losses, against values computed by hand: log 4/3 = 0.287682, log 4 = 1.386294."""

from __future__ import annotations

import math

import pytest
import torch

from inpainters.training import ctsdg
from inpainters.training.ctsdg import DiscriminatorOutput
from inpainters.training.losses import regions

THREE = math.log(3)  # a logit whose sigmoid is 3/4
EDGES = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
QUARTER = torch.full_like(EDGES, 0.25)  # against EDGES: log 4 and log 4/3, on average 0.836988


def judged(logit, edges):
    return DiscriminatorOutput(decisions=torch.full((1, 2, 3, 3), logit), edges=edges)


def test_hole_and_valid_are_both_averaged_over_all_pixels():
    images, masks = torch.zeros(1, 3, 2, 2), torch.zeros(1, 1, 2, 2)
    masks[..., 0, 0] = 1
    output = torch.full_like(images, -0.4) * masks + 0.8 * (1 - masks)
    assert regions.hole_loss(output, images, masks).item() == pytest.approx(0.4 / 4)
    assert regions.valid_loss(output, images, masks).item() == pytest.approx(0.8 * 3 / 4)


def test_features_of_images_and_of_composites_are_added():
    output, composite, real = (
        {f"pool{level}": torch.full((1, 1, 2, 2), value) for level in (1, 2, 3)}
        for value in (1.0, 0.5, 0.0)
    )
    assert regions.perceptual_loss(output, composite, real).item() == pytest.approx(3 * (1 + 0.5))
    assert regions.style_loss(output, composite, real).item() == pytest.approx(3 * (1 + 0.25))
    only = regions.perceptual_loss(output, composite, real, ("pool2",))
    assert only.item() == pytest.approx(1.5)


def test_what_the_generator_pays_for_being_found_out():
    paid = ctsdg.adversarial_loss(judged(THREE, QUARTER), EDGES)
    assert paid.item() == pytest.approx(0.287682 + 0.836988, abs=1e-6)


def test_what_the_discriminator_pays_is_not_halved():
    real, fake = judged(THREE, QUARTER), judged(THREE, torch.full_like(EDGES, 0.5))
    paid = ctsdg.discriminator_loss(real, fake, EDGES)
    assert paid.item() == pytest.approx(0.287682 + 1.386294 + 0.836988 + math.log(2), abs=1e-6)


def test_what_each_decoder_pays():
    picture, images = torch.full((1, 3, 1, 2), 0.25), torch.full((1, 3, 1, 2), -0.25)
    paid = ctsdg.intermediate_loss(picture, QUARTER, images, EDGES)
    assert paid.item() == pytest.approx(0.836988 + 0.5, abs=1e-6)
