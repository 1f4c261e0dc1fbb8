"""FcF's losses against values worked out by hand."""

from __future__ import annotations

import pytest
import torch

from inpainters.training import fcf


@pytest.fixture
def images():
    return torch.full((1, 3, 2, 2), -0.5)


def test_the_composite_paints_the_holes_only(images):
    masks = torch.tensor([[1.0, 0.0], [0.25, 0.0]])[None, None]
    made = fcf.composite_images(torch.full((1, 3, 2, 2), 0.5), images, masks)
    assert made[0, 2].tolist() == [[0.5, -0.5], [-0.25, -0.5]]


def test_reconstruction_counts_all_pixels(images):
    composites = images.clone()
    composites[..., 0, 0] = 1.1
    assert fcf.reconstruction_loss(composites, images).item() == pytest.approx(1.6 / 4)


def test_perceptual_clamps_what_is_painted_and_brings_it_to_0_1():
    black, beyond = torch.full((1, 3, 2, 2), -1.0), torch.full((1, 3, 2, 2), 3.0)
    value = fcf.perceptual_loss(beyond, black, lambda seen: {"red": seen[:, :1]})
    assert value.item() == pytest.approx(1 / 0.229**2, rel=1e-5)  # from 0 to 1, standardized
