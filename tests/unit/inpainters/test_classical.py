"""OpenCV's inpainters: colors, and extreme mask ratios."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from inpainters import create_inpainter
from inpainters.classical import GRAY

NAMES = ("telea", "navierstokes", "shiftmap")


def picture(height: int = 40, width: int = 56) -> Tensor:
    """A smooth color ramp with a texture, (1, 3, height, width)."""
    rows, columns = np.mgrid[0:height, 0:width]
    red, green = columns / width, rows / height
    blue = 0.5 + 0.3 * np.sin(columns / 2) * np.cos(rows / 3)
    pixels = np.round(255 * np.stack([red, green, blue])).astype(np.float32) / np.float32(255)
    return torch.from_numpy(pixels)[None]


def hole(images: Tensor) -> Tensor:
    masks = torch.zeros_like(images[:, :1])
    masks[..., 12:26, 18:34] = 1
    return masks


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_colors_keep_their_order(name: str) -> None:
    images = torch.zeros(1, 3, 40, 40)
    images[:, 0] = 1  # all red
    filled = create_inpainter(name).inpaint(images, hole(images))
    assert torch.allclose(filled, images, atol=2 / 255)


def test_nothing_known_is_answered_gray(name: str) -> None:
    images = picture()
    filled = create_inpainter(name).inpaint(images, torch.ones_like(images[:, :1]))
    assert torch.equal(filled, torch.full_like(images, GRAY / 255))


@pytest.mark.parametrize("size", [(8, 8), (33, 47)], ids=str)
@pytest.mark.parametrize("share", [0.02, 0.6, 0.98])
def test_any_size_and_share(name: str, size: tuple[int, int], share: float) -> None:
    images = picture(*size)
    generator = torch.Generator().manual_seed(int(share * 100))
    masks = (torch.rand(1, 1, *size, generator=generator) < share).float()
    filled = create_inpainter(name).inpaint(images, masks)
    assert filled.shape == images.shape


@pytest.mark.parametrize("name", ["telea", "navierstokes"])
def test_a_smooth_ramp_is_continued(name: str) -> None:
    images = picture()[:, :1].expand(-1, 3, -1, -1).contiguous()
    masks = hole(images)
    filled = create_inpainter(name).inpaint(images, masks)
    error = (filled - images).abs()[masks.expand_as(images) == 1]
    assert float(error.mean()) < 0.03  # the mean of the known region would be off by 0.07
