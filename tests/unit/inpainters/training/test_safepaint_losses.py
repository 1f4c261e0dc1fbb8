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


def test_the_papers_l1_does_not_see_known_pixels():
    images, masks = torch.rand(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    masks[..., :4, :] = 1
    off = images + (1 - masks)
    assert safepaint.l1_paper(off, off, images, masks).item() == 0
    assert safepaint.l1_program(off, off, images, masks).item() == pytest.approx(2.0, rel=1e-5)


def test_l1_of_holes_counts_small_holes_as_much_as_large_ones():
    """Errors of 0.5 in a hole of 2 pixels and of 0.1 in one of 8; known pixels do not count."""
    images = torch.full((3, 3, 4, 4), 0.2)
    masks = torch.zeros(3, 1, 4, 4)  # the third image has no hole
    masks[0, :, 0, :2] = 1
    masks[1, :, :2] = 1
    output = images + torch.tensor([0.5, 0.1, 0.0])[:, None, None, None] * masks
    output += 0.3 * (1 - masks)
    found = safepaint.l1_hole(images, output, images, masks)
    assert found.item() == pytest.approx((0.5 + 0.1) / 3)
    assert safepaint.l1_hole(output, output, images, masks).item() == pytest.approx(0.4)


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
