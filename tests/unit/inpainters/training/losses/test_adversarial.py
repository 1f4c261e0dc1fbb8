"""The three forms of the adversarial losses, against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from inpainters.training.losses.adversarial import adversarial_discriminator, adversarial_generator


def test_cross_entropy():
    real, fake = torch.tensor([math.log(3), 0.0]), torch.tensor([math.log(4)])
    # Probabilities 3/4 and 1/2 where 1 is wanted, 4/5 where 0 is: mean of log 4/3 and log 2, log 5.
    both = (math.log(4 / 3) + math.log(2)) / 2 + math.log(5)
    assert adversarial_discriminator(real, fake).item() == pytest.approx(both / 2, rel=1e-5)
    summed = adversarial_discriminator(real, fake, halved=False)
    assert summed.item() == pytest.approx(both, rel=1e-5)
    assert adversarial_generator(fake).item() == pytest.approx(math.log(5 / 4), rel=1e-5)


def test_hinge():
    real, fake = torch.tensor([0.5, 3.0]), torch.tensor([-0.25, -2.0, 1.25])
    # 1 - 0.5 and 0; 0.75, 0 and 2.25
    both = 0.5 / 2 + 3 / 3
    assert adversarial_discriminator(real, fake, "hinge").item() == pytest.approx(both / 2)
    summed = adversarial_discriminator(real, fake, "hinge", halved=False)
    assert summed.item() == pytest.approx(both)
    assert adversarial_generator(fake, "hinge").item() == pytest.approx(1 / 3)


def test_squares():
    real, fake = torch.tensor([math.log(3), 0.0]), torch.tensor([math.log(4)])
    # Probabilities as above: 1/4 and 1/2 short of 1, 4/5 above 0.
    both = (1 / 16 + 1 / 4) / 2 + 16 / 25
    assert adversarial_discriminator(real, fake, "lsgan").item() == pytest.approx(
        both / 2, rel=1e-5
    )
    summed = adversarial_discriminator(real, fake, "lsgan", halved=False)
    assert summed.item() == pytest.approx(both, rel=1e-5)
    assert adversarial_generator(fake, "lsgan").item() == pytest.approx(1 / 25, rel=1e-5)
