"""PSCC-Net's losses against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from detectors.psccnet import PSCCNetConfig, PSCCNetNetwork
from detectors.training.psccnet import class_loss, mask_loss, mask_targets


def plane(*rows):
    return torch.tensor(rows, dtype=torch.float32)[None, None]  # (1, 1, H, W)


def test_forged_and_pristine_pixels_weigh_the_same_together():
    mask, target = plane([0.8, 0.5], [0.25, 0.1]), plane([1, 0], [0, 0])
    # A quarter is forged: it weighs 0.5 / 0.25 = 2, the others 0.5 / 0.75 = 2/3.
    entropy = -(2 * math.log(0.8) + 2 / 3 * (math.log(0.5) + math.log(0.75) + math.log(0.9))) / 4
    assert float(mask_loss([mask], [target])) == pytest.approx(entropy, rel=1e-5)


def test_the_shares_are_the_batch_s_not_the_image_s():
    masks = torch.cat((plane([0.8, 0.6]), plane([0.5, 0.2])))
    targets = torch.cat((plane([1, 1]), plane([1, 0])))  # three of four: 2/3, and 2 for the last
    entropy = -(2 / 3 * (math.log(0.8) + math.log(0.6) + math.log(0.5)) + 2 * math.log(0.8)) / 4
    assert float(mask_loss([masks], [targets])) == pytest.approx(entropy, rel=1e-5)


def test_without_a_forged_pixel_each_weighs_one():
    value = mask_loss([plane([0.5, 0.75])], [plane([0, 0])])
    assert float(value) == pytest.approx(-(math.log(0.5) + math.log(0.25)) / 2, rel=1e-5)


def test_without_a_pristine_pixel_each_weighs_a_half():
    value = mask_loss([plane([0.5, 0.25])], [plane([1, 1])])
    assert float(value) == pytest.approx(-(math.log(0.5) + math.log(0.25)) / 4, rel=1e-5)


def test_scales_are_summed_each_with_its_own_mean_and_shares():
    fine, coarse = plane([0.5, 0.5], [0.5, 0.5]), plane([0.25])
    targets = [plane([1, 0], [0, 0]), plane([0])]
    # At a half everywhere a balanced mean is log 2 whatever the shares.
    expected = math.log(2) - math.log(0.75)
    assert float(mask_loss([fine, coarse], targets)) == pytest.approx(expected, rel=1e-5)


def test_as_many_targets_as_scales_are_needed():
    with pytest.raises(ValueError, match="zip"):
        mask_loss([plane([0.5])], [])


def test_targets_of_a_straight_border():
    masks = torch.zeros(1, 1, 8, 8)
    # Column 1 of 4 sees 1.0234 of weight left of the border (the kernel's negative end lies outside
    # the image there) and 1 right of it: 126 of 255, not over a half.
    masks[..., 3:] = 1
    fine, half = mask_targets(masks, (8, 4))
    assert torch.equal(fine, masks)
    assert half[0, 0].tolist() == [[0.0, 0.0, 1.0, 1.0]] * 4


def test_targets_are_those_that_pillow_makes():
    generator = np.random.default_rng(3)
    centers = generator.integers(0, 64, (12, 2))
    rows, columns = np.mgrid[:64, :64]
    blobs = [np.hypot(rows - y, columns - x) < 7 for y, x in centers]
    mask = np.any(blobs, axis=0)
    eight_bits = Image.fromarray(mask.astype(np.uint8) * 255)
    ours = mask_targets(torch.from_numpy(mask)[None, None].float(), (32, 16, 8))
    for target, side in zip(ours, (32, 16, 8), strict=True):
        theirs = np.asarray(eight_bits.resize((side, side))) / 255 > 0.5
        assert np.array_equal(target[0, 0].numpy() > 0, theirs)
        assert 0 < theirs.mean() < 1


def test_authentic_images_weigh_three_times_forged_ones():
    logits = torch.tensor([[math.log(3), 0.0], [0.0, math.log(4)]])  # 3/4 authentic, 4/5 forged
    value = class_loss(logits, torch.tensor([False, True]))
    expected = -(4 * math.log(3 / 4) + 4 / 3 * math.log(4 / 5)) / (4 + 4 / 3)
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_the_network_s_answer_fits_and_every_part_learns():
    config = PSCCNetConfig(
        stem_width=4, widths=(2, 4, 8, 8), side=32, mask_width=2, judge_width=4, judge_hidden=4
    )
    network = PSCCNetNetwork(config)
    masks = torch.zeros(2, 1, 32, 32)
    masks[0, :, 8:20, 8:20] = 1
    output = network(torch.rand(2, 3, 32, 32))
    targets = mask_targets(masks, [mask.shape[-1] for mask in output.masks])
    loss = mask_loss(output.masks, targets)
    loss = loss + class_loss(output.logits, masks.flatten(1).any(dim=1))
    loss.backward()
    for part in (network.hrnet.conv1, network.nlc.getmask1.g, network.head.classifier[0]):
        assert float(part.weight.grad.abs().sum()) > 0
