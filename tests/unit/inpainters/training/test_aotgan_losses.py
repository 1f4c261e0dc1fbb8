"""AOT-GAN's adversarial loss, against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from inpainters.training import aotgan

CENTER = 0.0015927  # of the blur: 1 / sqrt(200 pi) per axis, and 0.04 % more for the cut-off ends


def row(*values):
    return torch.tensor(values).view(1, 1, 1, -1)


def test_the_blur_of_one_pixel_is_a_gaussian_of_deviation_ten_cut_off_at_35():
    masks = torch.zeros(1, 1, 101, 101)
    masks[..., 50, 50] = 1
    soft = aotgan.soft_holes(masks)[0, 0]
    assert soft.sum().item() == pytest.approx(1, abs=1e-5)
    assert soft[50, 50].item() == pytest.approx(CENTER, rel=1e-3)
    assert (soft[50, 60] / soft[50, 50]).item() == pytest.approx(math.exp(-0.5), rel=1e-4)
    assert (soft[40, 60] / soft[50, 50]).item() == pytest.approx(math.exp(-1), rel=1e-4)
    assert soft[50, 85] > 0
    assert soft[50, 86] == 0
    assert soft[86, 50] == 0


def test_the_blur_fades_towards_the_image_s_border():
    soft = aotgan.soft_holes(torch.ones(2, 1, 90, 90))
    assert soft.shape == (2, 1, 90, 90)
    torch.testing.assert_close(soft[:, 0, 45, 45], torch.ones(2))
    # on the border one half and half the center's weight of 0.0399 per axis
    assert soft[0, 0, 0, 45].item() == pytest.approx(0.51996, abs=1e-4)
    assert soft[0, 0, 0, 0].item() == pytest.approx(0.51996**2, abs=1e-4)


def test_what_the_discriminator_pays_without_a_hole():
    real, fake, masks = row(0.25), row(0.5), row(0.0)
    assert aotgan.discriminator_program(real, fake, masks).item() == 0.0625 + 0.25
    assert aotgan.discriminator_paper(real, fake, masks).item() == 0.5625 + 0.25


def test_what_the_discriminator_pays_in_a_hole():
    # in the middle of a hole that the blur cannot look out of, the label is 1, or the paper's 0
    masks = torch.ones(1, 1, 141, 141)
    inside = torch.zeros_like(masks)
    inside[..., 70, 70] = 1

    def slope(loss, value):
        fake = torch.full_like(masks, value).requires_grad_()
        loss(torch.zeros_like(masks), fake, masks).backward()
        return (fake.grad * inside).sum().item() * masks.numel()

    assert slope(aotgan.discriminator_program, 0.75) == pytest.approx(-0.5, abs=1e-4)
    assert slope(aotgan.discriminator_paper, 0.75) == pytest.approx(1.5, abs=1e-4)


def test_soft_labels_are_compared_with_the_painted_image_only():
    real, fake, masks = row(0.25), row(0.5), row(1.0)  # one pixel: its label is the blur's center
    fake_term = (0.5 - CENTER) ** 2
    program = aotgan.discriminator_program(real, fake, masks)
    paper = aotgan.discriminator_paper(real, fake, masks)
    assert program.item() == pytest.approx(0.0625 + fake_term, abs=1e-5)
    assert paper.item() == pytest.approx(0.5625 + fake_term, abs=1e-5)


def test_a_smaller_map_is_stretched_from_corner_to_corner():
    small, masks = row(0.0, 1.0), row(0.0, 0.0, 0.0, 0.0)  # the map becomes 0, 1/3, 2/3, 1
    assert aotgan.generator_program(small, masks).item() == pytest.approx(14 / 36)
    real = aotgan.discriminator_program(small, torch.zeros_like(small), masks)
    assert real.item() == pytest.approx(14 / 36)


def test_the_paper_s_generator_pays_in_the_hole_only():
    small, masks = row(0.0, 1.0), row(0.0, 1.0, 0.0, 0.0)
    assert aotgan.generator_paper(small, masks).item() == pytest.approx(4 / 9 / 4)
    assert aotgan.generator_program(small, masks).item() == pytest.approx(14 / 36)


def test_only_the_paper_s_labels_agree_with_what_the_generator_wants():
    masks = torch.ones(1, 1, 8, 8)
    one, none = torch.ones(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    assert aotgan.generator_program(one, masks) < aotgan.generator_program(none, masks)
    untouched = torch.zeros(1, 1, 8, 8)
    program, paper = aotgan.discriminator_program, aotgan.discriminator_paper
    assert program(one, none, untouched) > program(none, none, untouched)
    assert paper(one, none, untouched) < paper(none, none, untouched)
