"""SafePaint's losses, against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from inpainters.training import safepaint
from inpainters.training.losses import adversarial


@pytest.mark.parametrize(
    ("kind", "generator", "discriminator"),
    [
        ("nsgan", math.log(2), math.log(2)),
        ("hinge", 0.0, 1.0),
        ("lsgan", 0.25, 0.25),
    ],
)
def test_adversarial_losses_of_an_undecided_discriminator(kind, generator, discriminator):
    zeros = torch.zeros(2, 1, 3, 3)
    assert adversarial.adversarial_generator(zeros, kind).item() == pytest.approx(generator)
    halved = adversarial.adversarial_discriminator(zeros, zeros, kind)
    summed = adversarial.adversarial_discriminator(zeros, zeros, kind, halved=False)
    assert halved.item() == pytest.approx(discriminator)
    assert summed.item() == pytest.approx(2 * discriminator)


@pytest.mark.parametrize("kind", ["nsgan", "hinge", "lsgan"])
def test_a_discriminator_that_is_right_pays_less(kind):
    high, low = torch.full((4,), 2.0), torch.full((4,), -2.0)
    right = adversarial.adversarial_discriminator(high, low, kind)
    assert right < adversarial.adversarial_discriminator(low, high, kind)
    assert adversarial.adversarial_generator(high, kind) < adversarial.adversarial_generator(
        low, kind
    )


def test_domain_distance_of_equal_vectors_has_a_finite_gradient():
    vectors = torch.rand(2, 16, 1, 1)
    output = vectors.clone().requires_grad_()
    safepaint.domain_paper(vectors, vectors, output).backward()
    assert output.grad.isfinite().all()
    assert safepaint.domain_paper(vectors, vectors, vectors).item() == 0
    assert safepaint.domain_program(vectors, vectors, vectors).item() == pytest.approx(
        0.2, abs=1e-4
    )


def test_the_papers_domain_distance_is_euclidean():
    zeros, output = torch.zeros(1, 2, 1, 1), torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    assert safepaint.domain_paper(zeros, output, output).item() == pytest.approx(5)
