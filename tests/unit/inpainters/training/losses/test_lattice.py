"""The checkerboard penalty: the share of high-frequency energy that repeats."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inpainters.training.losses.lattice import lattice


@pytest.fixture
def masks() -> Tensor:
    masks = torch.zeros(3, 1, 96, 128)
    masks[:, :, 13:80, 21:111] = 1
    return masks


def board(period: int) -> Tensor:
    """(1, 3, 96, 128) around gray, `period` pixels from one field to the next of its kind."""
    rows, columns = torch.arange(96)[:, None], torch.arange(128)
    fields = 1.0 - 2.0 * ((rows // (period // 2) + columns // (period // 2)) % 2)
    return 0.5 + 0.1 * fields.expand(1, 3, -1, -1)


def noise(strength: float) -> Tensor:
    drawn = torch.randn(3, 3, 96, 128, generator=torch.Generator().manual_seed(1))
    return strength * drawn


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_checkerboard_is_all_of_a_plain_fill(period: int, masks: Tensor) -> None:
    assert float(lattice(board(period).expand(3, -1, -1, -1), masks)) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("period", [2, 4, 8])
def test_under_texture_it_is_its_share_of_the_energy(period: int, masks: Tensor) -> None:
    found = lattice(board(period) + noise(0.2), masks)  # 0.01 of 0.05
    assert float(found) == pytest.approx(0.2, abs=0.02)


def test_a_pattern_that_turns_over_from_field_to_field_is_none(masks: Tensor) -> None:
    assert abs(float(lattice(board(16).expand(3, -1, -1, -1), masks))) < 0.03


def test_texture_and_slopes_have_none(masks: Tensor) -> None:
    for strength in (0.01, 0.1):
        assert abs(float(lattice(0.5 + noise(strength), masks))) < 0.01
    slope = torch.linspace(0, 1, 128).expand(3, 3, 96, -1)
    assert abs(float(lattice(slope + noise(0.02), masks))) < 0.05


def test_below_the_rounding_to_8_bits_it_hardly_counts(masks: Tensor) -> None:
    faint = 0.5 + (board(4).expand(3, -1, -1, -1) - 0.5) / 100  # a quarter of a gray level
    assert float(lattice(faint, masks)) == pytest.approx(0.2, abs=0.05)


def test_known_pixels_do_not_count(masks: Tensor) -> None:
    outside = torch.where(masks > 0, torch.full((), 0.5), board(4))
    assert float(lattice(outside, masks)) == pytest.approx(0, abs=1e-6)
    assert float(lattice(board(4).expand(3, -1, -1, -1), 0 * masks)) == 0


def test_its_gradient_takes_the_pattern_out_and_leaves_texture_alone(masks: Tensor) -> None:
    pattern, texture = torch.ones((), requires_grad=True), torch.ones((), requires_grad=True)
    output = 0.5 + pattern * (board(8) - 0.5) + texture * noise(0.1)
    lattice(output, masks).backward()  # type: ignore[no-untyped-call]
    assert pattern.grad is not None
    assert texture.grad is not None
    assert float(pattern.grad) == pytest.approx(1, abs=0.1)  # 2 a squared, half of the energy
    assert abs(float(texture.grad)) < 0.05


def test_sides_need_not_be_multiples_of_eight(masks: Tensor) -> None:
    found = lattice(board(8).expand(3, -1, -1, -1)[..., :91, :117], masks[..., :91, :117])
    assert float(found) == pytest.approx(1, abs=0.05)
