"""IID-Net's losses against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from detectors.training.iidnet import cross_entropy_loss, focal_loss


def plane(*values):
    return torch.tensor(values)[None, None, None]  # (1, 1, 1, W)


def test_cross_entropy_is_a_plain_mean():
    value = cross_entropy_loss(plane(0.8, 0.25).logit(), plane(1.0, 0.0))
    assert float(value) == pytest.approx(-(math.log(0.8) + math.log(0.75)) / 2, rel=1e-5)


def test_focal_loss_goes_through_a_second_sigmoid():
    value = focal_loss(plane(0.8, 0.25).logit(), plane(1.0, 0.0))
    # 1 / (1 + exp(-0.8)) = 0.689974 and 1 / (1 + exp(-0.25)) = 0.562177
    inpainted = 0.25 * (1 - 0.689974) ** 2 * -math.log(0.8)
    other = 0.75 * 0.562177**2 * -math.log(0.75)
    assert float(value) == pytest.approx((inpainted + other) / 2, rel=1e-5)


def test_focal_loss_of_an_undecided_network():
    # p = 1/2, p' = 0.622459: 0.25 * 0.377541^2 * log 2, and 0.75 * 0.622459^2 * log 2
    inpainted = focal_loss(torch.zeros(2, 1, 3, 3), torch.ones(2, 1, 3, 3))
    other = focal_loss(torch.zeros(2, 1, 3, 3), torch.zeros(2, 1, 3, 3))
    assert float(inpainted) == pytest.approx(0.0246998, rel=1e-4)
    assert float(other) == pytest.approx(0.201420, rel=1e-4)


def test_far_logits_keep_a_finite_loss_and_gradient():
    logits = plane(-200.0, 200.0).requires_grad_()
    loss = cross_entropy_loss(logits, plane(1.0, 0.0)) + focal_loss(logits, plane(1.0, 0.0))
    loss.backward()
    # Entropy 200 each; q = 1/2 for the inpainted pixel, 0.268941 for the other.
    expected = 200 + 200 * (0.25 * 0.25 + 0.75 * 0.731059**2) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert bool(logits.grad.isfinite().all())
    assert float(logits.grad[..., 0]) < 0 < float(logits.grad[..., 1])
