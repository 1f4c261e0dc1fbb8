"""Conversion between 8-bit images and the tensors of models."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from benchmark.core.types import Mask, Pixels


def to_images(pixels: Pixels) -> Tensor:
    """Convert images (N, H, W, 3) uint8 to (N, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255


def to_masks(masks: Mask) -> Tensor:
    """Convert masks (N, H, W) bool, True = hole, to (N, 1, H, W) float32, 1 = hole."""
    return torch.from_numpy(masks[:, None].astype(np.float32))


def known_mean(images: Tensor, masks: Tensor) -> Tensor:
    """Return the mean color of each image's known region.

    Args:
        images: (N, 3, H, W) float32 in [0, 1].
        masks: (N, 1, H, W) float32, 1 = hole.

    Returns:
        (N, 3, 1, 1) float32; 0.5 for an image without a known region.
    """
    known = 1 - masks
    count = known.sum(dim=(2, 3), keepdim=True)
    mean = (images * known).sum(dim=(2, 3), keepdim=True) / count.clamp(min=1)
    return mean.where(count > 0, mean.new_tensor(0.5))


def hole_blind(images: Tensor, masks: Tensor) -> Tensor:
    """Replace the content of the holes, so that a model's output cannot depend on it.

    Args:
        images: (N, 3, H, W) float32 in [0, 1].
        masks: (N, 1, H, W) float32, 1 = hole.

    Returns:
        (N, 3, H, W) float32: in the hole the known region's mean color, rounded to 8 bits,
        elsewhere the images.
    """
    mean = (known_mean(images, masks) * 255).round() / 255
    return torch.where(masks.bool(), mean, images)


def to_pixels(images: Tensor, *, rounding: Literal["round", "cut"] = "round") -> Pixels:
    """Convert images (N, 3, H, W) float32 in [0, 1] to (N, H, W, 3) uint8.

    A known pixel k/255 is converted back to k either way: float32 is exact for all 256 levels.

    Args:
        images: (N, 3, H, W) float32 in [0, 1], on any device.
        rounding: "round" to the nearest level, halves to even, or "cut" to truncate.
    """
    scaled = images.detach().cpu().float() * 255
    whole = scaled.round() if rounding == "round" else scaled.floor()
    return np.ascontiguousarray(whole.clamp(0, 255).byte().permute(0, 2, 3, 1).numpy())
