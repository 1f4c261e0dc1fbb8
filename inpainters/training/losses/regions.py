"""Losses inside and outside the hole, pixel by pixel and on feature maps: of CTSDG and MADF."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from inpainters.training.losses import features
from inpainters.training.losses.features import POOL_LAYERS, Features


def hole_loss(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Absolute difference in the holes, averaged over all pixels.

    Args:
        output: (N, 3, H, W) in [-1, 1], the whole inpainted images.
        images: (N, 3, H, W) in [-1, 1], untouched.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar.
    """
    return F.l1_loss(output * masks, images * masks)


def valid_loss(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Absolute difference in the known regions, averaged over all pixels; see `hole`."""
    return hole_loss(output, images, 1 - masks)


def perceptual_loss(
    output: Features, composite: Features, real: Features, layers: Sequence[str] = POOL_LAYERS
) -> Tensor:
    """Mean absolute difference of features, of inpainted images plus of composites.

    Args:
        output: features of the whole inpainted images.
        composite: features of the images whose holes alone are inpainted.
        real: features of the untouched images.
        layers: names to compare.

    Returns:
        A scalar, summed over layers.
    """
    whole = features.perceptual(output, real, layers)
    return whole + features.perceptual(composite, real, layers)


def style_loss(
    output: Features, composite: Features, real: Features, layers: Sequence[str] = POOL_LAYERS
) -> Tensor:
    """Mean absolute difference of Gram matrices; arguments and answer as in `perceptual`."""
    whole = features.style(output, real, layers)
    return whole + features.style(composite, real, layers)
