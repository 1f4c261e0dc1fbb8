"""TruFor's losses against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from detectors.training.trufor import (
    confidence_loss,
    cross_entropy_loss,
    detection_loss,
    dice_loss,
    sure_pixels,
)


def logits(*forged):
    """Anomaly logits (N, 2, 1, W) that give these probabilities of being forged, a row an image."""
    odds = torch.tensor(forged).logit()[:, None, None, :]
    return torch.cat((torch.zeros_like(odds), odds), dim=1)


def truth(*rows):
    return torch.tensor(rows)[:, None, :]  # (N, 1, W)


def test_cross_entropy_weighs_forged_pixels_five_times_and_ignores():
    value = cross_entropy_loss(logits([0.8, 0.25, 0.99]), truth([1, 0, -1]))
    expected = -(2.5 * math.log(0.8) + 0.5 * math.log(0.75)) / (2.5 + 0.5)
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_dice_is_a_mean_over_images_of_squares_over_valid_pixels():
    value = dice_loss(logits([0.8, 0.5, 0.9], [0.5, 0.5, 0.5]), truth([1, 0, -1], [1, 1, 0]))
    first = 2 * 0.8 / (0.64 + 0.25 + 1)
    second = 2 * 1.0 / (0.75 + 2)
    assert float(value) == pytest.approx(1 - (first + second) / 2, rel=1e-4)


def test_dice_of_a_pristine_image_is_one():
    assert float(dice_loss(logits([0.1, 0.2]), truth([0, 0]))) == 1


def test_sure_pixels_keep_off_the_borders():
    labels = torch.zeros(1, 1, 60, dtype=torch.int64).expand(1, 20, 60).clone()
    labels[:, :, 30:] = 1  # forged from column 30 to the image's own edge
    labels[:, :, 2] = -1
    sure = sure_pixels(labels)
    columns = sure[0].all(dim=0)
    assert torch.equal(sure[0].any(dim=0), columns)
    pristine = [column for column in range(25) if column != 2]  # 30 - 5 and beyond is too near
    assert columns.nonzero()[:, 0].tolist() == pristine + list(range(37, 60))  # from 30 + 7


def test_confidence_is_held_to_the_true_class_s_probability():
    width = 60
    labels = torch.zeros(1, 1, width, dtype=torch.int64)
    labels[..., 30:] = 1
    anomaly = logits([0.2] * 30 + [0.9] * 30)
    confidence = torch.full((1, 1, 1, width), 0.0)  # sigmoid 0.5
    value = confidence_loss(confidence, anomaly, labels)
    expected = (25 * (0.5 - 0.8) ** 2 + 23 * (0.5 - 0.9) ** 2) / 48
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_confidence_leaves_the_anomaly_decoder_alone():
    anomaly = logits([0.3] * 8).requires_grad_()
    confidence = torch.zeros(1, 1, 1, 8, requires_grad=True)
    confidence_loss(confidence, anomaly, truth([0] * 8)).backward()
    assert anomaly.grad is None
    assert float(confidence.grad.abs().sum()) > 0


def test_confidence_without_a_sure_pixel_is_zero_and_not_nan():
    value = confidence_loss(torch.zeros(1, 1, 1, 4), logits([0.3] * 4), truth([-1] * 4))
    assert float(value) == 0


def test_detection_weighs_pristine_images_more():
    labels = truth([1, 1, 1, 1, 0], [1, 1, 1, 0, 0])  # 3 forged pixels are not a forged image
    value = detection_loss(torch.tensor([0.6, 0.2]).logit(), labels)
    expected = (-0.5 / 0.7 * math.log(0.6) - 0.5 / 0.3 * math.log(0.8)) / 2
    assert float(value) == pytest.approx(expected, rel=1e-5)
