"""Perceptual and style losses on feature maps: dictionaries of (N, C, h, w) by layer name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

Features = Mapping[str, Tensor]

PERCEPTUAL_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
STYLE_LAYERS = ("relu2_2", "relu3_4", "relu4_4", "relu5_2")
POOL_LAYERS = ("pool1", "pool2", "pool3")  # of VGG-16, for both losses of CTSDG and MADF
# Of VGG-16 in place of the authors' VGG-19: the first layer of each block, and the last, up to the
# third block. Deeper layers contribute less to texture and are the most expensive.
VGG16_PERCEPTUAL_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
VGG16_STYLE_LAYERS = ("relu2_2", "relu3_3")


def perceptual(output: Features, real: Features, layers: Iterable[str]) -> Tensor:
    """Perceptual loss: L1 of features, summed over layers (SafePaint, equation 9).

    Args:
        output: features of the inpainted images (SafePaint's program: un-composited; its paper:
            composites).
        real: features of the real images.
        layers: names to compare; `PERCEPTUAL_LAYERS` for VGG-19, `POOL_LAYERS` for VGG-16.

    Returns:
        A scalar.
    """
    return torch.stack([F.l1_loss(output[layer], real[layer]) for layer in layers]).sum()


def gram(features: Tensor) -> Tensor:
    """Gram matrices F F^T / (C h w) of (N, C, h, w) features: (N, C, C)."""
    _, channels, height, width = features.shape
    flat = features.flatten(2)  # (N, C, h * w)
    return flat @ flat.transpose(1, 2) / (channels * height * width)


def style(output: Features, real: Features, layers: Iterable[str]) -> Tensor:
    """Style loss: L1 of Gram matrices, summed over layers (SafePaint, equation 10).

    Args:
        output: features of the inpainted images (SafePaint's program: times M; its paper:
            composites).
        real: features of the real images, times M in the program's form.
        layers: names to compare; `STYLE_LAYERS` for VGG-19, `POOL_LAYERS` for VGG-16.

    Returns:
        A scalar.
    """
    terms = [F.l1_loss(gram(output[layer]), gram(real[layer])) for layer in layers]
    return torch.stack(terms).sum()


def squares(output: Iterable[Tensor], real: Iterable[Tensor]) -> Tensor:
    """MSE of each pair of feature maps.

    Args:
        output: feature maps (N, C, h, w) of the inpainted images; C, h and w differ by pair.
        real: feature maps of the real images, in the same order and of the same shapes.

    Returns:
        (pairs,), in their order.
    """
    pairs = zip(output, real, strict=True)
    return torch.stack([F.mse_loss(found, target) for found, target in pairs])
