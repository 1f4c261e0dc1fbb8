"""The term against checkerboards: what repeats costs its square, texture costs nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from inpainters.training.losses.lattice import lattice


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    masks = torch.zeros(3, 1, 96, 128)
    masks[:, :, 13:80, 21:111] = 1
    return torch.rand(3, 3, 96, 128, generator=torch.Generator().manual_seed(0)), masks


def board(period: int) -> Tensor:
    """(96, 128) of 1 and -1, `period` pixels from one field to the next of its kind."""
    rows, columns = torch.arange(96)[:, None], torch.arange(128)
    return 1.0 - 2.0 * ((rows // (period // 2) + columns // (period // 2)) % 2)


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_checkerboard_costs_its_amplitude_squared(
    period: int, batch: tuple[Tensor, Tensor]
) -> None:
    images, masks = batch
    found = lattice(images + 0.1 * board(period), images, masks)
    assert float(found) == pytest.approx(0.01, rel=0.02)


def test_one_that_turns_over_from_field_to_field_costs_nothing(
    batch: tuple[Tensor, Tensor],
) -> None:
    images, masks = batch
    assert float(lattice(images + 0.1 * board(16), images, masks)) < 1e-4


def test_texture_and_slopes_cost_next_to_nothing(batch: tuple[Tensor, Tensor]) -> None:
    images, masks = batch
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    found = [float(lattice(images + 0.1 * noise * k, images, masks)) for k in (1, 2, 4)]
    assert all(abs(one) < 0.02 * (0.1 * k) ** 2 for one, k in zip(found, (1, 2, 4), strict=True))
    slope = torch.linspace(0, 1, 128).expand(images.shape)
    assert abs(float(lattice(images + slope, images, masks))) < 1e-4


def test_known_pixels_do_not_count(batch: tuple[Tensor, Tensor]) -> None:
    images, masks = batch
    outside = images + board(4) * (1 - masks)
    assert float(lattice(outside, images, masks)) == 0
    assert float(lattice(outside, images, 0 * masks)) == 0  # and no hole is no error


def test_its_gradient_takes_the_pattern_out(batch: tuple[Tensor, Tensor]) -> None:
    images, masks = batch
    strength = torch.tensor(0.1, requires_grad=True)
    lattice(images + strength * board(8), images, masks).backward()  # type: ignore[no-untyped-call]
    assert strength.grad is not None
    assert float(strength.grad) == pytest.approx(0.2, rel=0.02)  # of a squared


def test_sides_need_not_be_multiples_of_eight(batch: tuple[Tensor, Tensor]) -> None:
    images, masks = (part[..., :91, :117] for part in batch)
    found = lattice(images + 0.1 * board(8)[:91, :117], images, masks)
    assert float(found) == pytest.approx(0.01, rel=0.05)
