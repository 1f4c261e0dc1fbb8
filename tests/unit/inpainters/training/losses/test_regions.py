"""L1 of whole outputs, composites and single holes, against values computed by hand."""

from __future__ import annotations

import pytest
import torch

from inpainters.training.losses import regions


def test_l1_over_the_mask_ratio_counts_known_pixels():
    images, masks = torch.full((1, 3, 2, 2), 0.25), torch.zeros(1, 1, 2, 2)
    masks[..., 0, 0] = 1
    # 0.25 off everywhere, a quarter is hole
    assert regions.l1_over_ratio(images + 0.25, images, masks).item() == pytest.approx(1)
    in_the_hole = images + 0.25 * masks
    assert regions.l1_over_ratio(in_the_hole, images, masks).item() == pytest.approx(0.25)


def test_l1_of_composites_does_not_count_known_pixels():
    images, masks = torch.rand(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    masks[..., :4, :] = 1
    assert regions.hole_loss(images + (1 - masks), images, masks).item() == 0
    assert regions.hole_loss(images + masks, images, masks).item() == pytest.approx(0.5)


def test_l1_of_each_hole_counts_small_holes_as_much_as_large_ones():
    """Errors of 0.5 in a hole of 2 pixels and of 0.1 in one of 8; known pixels do not count."""
    images = torch.full((3, 3, 4, 4), 0.2)
    masks = torch.zeros(3, 1, 4, 4)  # the third image has no hole
    masks[0, :, 0, :2] = 1
    masks[1, :, :2] = 1
    output = images + torch.tensor([0.5, 0.1, 0.0])[:, None, None, None] * masks
    output += 0.3 * (1 - masks)
    assert regions.hole_l1(output, images, masks).item() == pytest.approx((0.5 + 0.1) / 3)
