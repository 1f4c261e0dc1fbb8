"""Conversion between 8-bit images and tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.core.tensors import hole_blind, known_mean, to_images, to_masks, to_pixels


@pytest.mark.parametrize("rounding", ["round", "cut"])
def test_all_levels_survive(rounding: str) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    assert np.array_equal(to_pixels(to_images(levels), rounding=rounding), levels)


def test_halves_go_to_the_even_level_and_cutting_goes_down() -> None:
    image = (torch.tensor([0.5, 1.5, 2.5, 254.5]) / 255).reshape(1, 1, 2, 2).repeat(1, 3, 1, 1)
    assert to_pixels(image)[0, ..., 0].ravel().tolist() == [0, 2, 2, 254]
    assert to_pixels(image, rounding="cut")[0, ..., 0].ravel().tolist() == [0, 1, 2, 254]


def test_masks_become_zero_and_one() -> None:
    masks = to_masks(np.array([[[True, False]]]))
    assert masks.shape == (1, 1, 1, 2)
    assert masks.ravel().tolist() == [1.0, 0.0]


def test_a_blind_hole_shows_the_known_mean_at_eight_bits() -> None:
    image = torch.tensor([0.0, 51.0, 104.0, 255.0]).reshape(1, 1, 2, 2).repeat(1, 3, 1, 1) / 255
    mask = torch.tensor([0.0, 0.0, 0.0, 1.0]).reshape(1, 1, 2, 2)
    assert known_mean(image, mask)[0, :, 0, 0].tolist() == pytest.approx([155 / 3 / 255] * 3)
    blind = hole_blind(image, mask)
    assert (blind[0, 0] * 255).round().ravel().tolist() == [0, 51, 104, 52]
    assert torch.equal(blind[:, :, 0], image[:, :, 0])
    nothing_known = hole_blind(image, torch.ones_like(mask))
    assert (nothing_known * 255).unique().tolist() == [128.0]
