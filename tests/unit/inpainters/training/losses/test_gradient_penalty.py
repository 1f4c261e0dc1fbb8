"""The gradient penalty of LaMa and FcF, against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from inpainters.training.losses.adversarial import (
    adversarial_discriminator,
    adversarial_generator,
    gradient_penalty,
)


def test_the_plain_form_is_the_non_saturating_logistic_one():
    likely = torch.full((3, 1), math.log(3))  # softplus log 4, of its opposite log 4/3
    generator = adversarial_generator(likely)
    discriminator = adversarial_discriminator(likely, likely, halved=False)
    assert generator.item() == pytest.approx(math.log(4 / 3), rel=1e-5)
    assert discriminator.item() == pytest.approx(math.log(4 / 3) + math.log(4), rel=1e-5)


def test_gradient_penalty_is_a_mean_over_images_of_squared_norms():
    images = torch.tensor([[1.0, 2.0], [3.0, 0.0]]).view(2, 1, 1, 2).requires_grad_()
    answers = images.square().sum(dim=3)  # its gradient is twice the image
    penalty = gradient_penalty(answers, images)
    assert penalty.item() == pytest.approx(((4 + 16) + 36) / 2)


def test_gradient_penalty_teaches_the_discriminator():
    weight = torch.tensor(3.0, requires_grad=True)
    images = torch.rand(5, 1, 1, 2, requires_grad=True)
    gradient_penalty(weight * images, images).backward()  # 2 weight^2
    assert weight.grad.item() == pytest.approx(12)
