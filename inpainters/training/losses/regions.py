"""Losses in holes and known regions, on pixels and on feature maps."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from inpainters.training.losses import features
from inpainters.training.losses.features import POOL_LAYERS, Features


def l1_over_ratio(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """L1 over all pixels, divided by the mean of the mask (programs of SafePaint, EdgeConnect).

    Args:
        output: (N, 3, H, W) in [0, 1], the whole network outputs.
        images: (N, 3, H, W) in [0, 1], real images.
        masks: (N, 1, H, W), 1 = hole; a batch without holes makes the loss infinite.

    Returns:
        A scalar.
    """
    return F.l1_loss(output, images) / masks.mean()


def hole_loss(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """L1 in the holes, averaged over all pixels: L1 of composites (SafePaint, equation 8).

    Args:
        output: (N, 3, H, W), the whole network outputs.
        images: (N, 3, H, W), real images in the same range.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar.
    """
    return F.l1_loss(output * masks, images * masks)


def hole_l1(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """L1 in the hole of each image, averaged over the images: small holes count as much as large.

    Args:
        output: (N, 3, H, W), whole network outputs or composites.
        images: (N, 3, H, W), real images.
        masks: (N, 1, H, W), 1 = hole; an image without a hole adds 0.

    Returns:
        A scalar.
    """
    errors = ((output - images).abs() * masks).sum(dim=(1, 2, 3))
    return (errors / (3 * masks.sum(dim=(1, 2, 3))).clamp(min=1)).mean()


def valid_loss(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """L1 in the known regions, averaged over all pixels.

    Args:
        output: (N, 3, H, W) in [-1, 1], the whole network outputs.
        images: (N, 3, H, W) in [-1, 1], real images.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar.
    """
    return hole_loss(output, images, 1 - masks)


def perceptual_loss(
    output: Features, composite: Features, real: Features, layers: Sequence[str] = POOL_LAYERS
) -> Tensor:
    """Perceptual loss of whole outputs plus that of composites.

    Args:
        output: features (N, C, h, w) of the whole network outputs, by layer.
        composite: features of the composites.
        real: features of the real images.
        layers: names to compare.

    Returns:
        A scalar, summed over layers.
    """
    whole = features.perceptual(output, real, layers)
    return whole + features.perceptual(composite, real, layers)


def style_loss(
    output: Features, composite: Features, real: Features, layers: Sequence[str] = POOL_LAYERS
) -> Tensor:
    """Style loss of outputs plus that of composites.

    Args:
        output: features (N, C, h, w) of the whole network outputs, by layer.
        composite: features of the composites.
        real: features of the real images.
        layers: names to compare.

    Returns:
        A scalar, summed over layers.
    """
    whole = features.style(output, real, layers)
    return whole + features.style(composite, real, layers)
