"""Gram matrices, perceptual and style loss, against values computed by hand."""

from __future__ import annotations

import pytest
import torch

from inpainters.training.losses.features import gram, perceptual, style

FOUR = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).view(1, 2, 1, 2)  # two channels of two pixels


def test_gram_is_divided_by_channels_and_pixels():
    # 1 + 4, 3 + 8, 9 + 16, over 2 channels times 2 pixels
    expected = torch.tensor([[[1.25, 2.75], [2.75, 6.25]]])
    assert torch.equal(gram(FOUR), expected)
    batch = torch.cat((FOUR, torch.zeros_like(FOUR)))
    assert torch.equal(gram(batch), torch.cat((expected, torch.zeros_like(expected))))


def test_layers_are_added_and_others_left_alone():
    output = {"a": FOUR, "b": 2 * FOUR, "unasked": torch.full((1, 1, 1, 1), torch.nan)}
    real = {name: torch.zeros_like(value) for name, value in output.items()}
    # means: 2.5 and 5; of Gram matrices: 3.25 and, four times as large, 13
    assert perceptual(output, real, ("a", "b")).item() == pytest.approx(7.5)
    assert style(output, real, ("a", "b")).item() == pytest.approx(16.25)
