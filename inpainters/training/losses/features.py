"""Losses on a feature network's maps: dictionaries of (N, C, h, w) by layer name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

Features = Mapping[str, Tensor]

PERCEPTUAL_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
STYLE_LAYERS = ("relu2_2", "relu3_4", "relu4_4", "relu5_2")
POOL_LAYERS = ("pool1", "pool2", "pool3")  # of VGG-16, for both losses of CTSDG and MADF
# Of VGG-16 for the models whose authors have VGG-19: the first layer of each block, and the last,
# as there, but only to the third block. What lies deeper counts less for texture and costs most.
VGG16_PERCEPTUAL_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
VGG16_STYLE_LAYERS = ("relu2_2", "relu3_3")


def perceptual(output: Features, real: Features, layers: Iterable[str]) -> Tensor:
    """Mean absolute difference of features, summed over layers.

    Args:
        output: features of the inpainted images (SafePaint's program: un-composited; its paper:
            composites).
        real: features of the untouched images.
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
    """Mean absolute difference of Gram matrices, summed over layers.

    Args:
        output: features of the inpainted images (SafePaint's program: times M; its paper:
            composites).
        real: features of the untouched images, times M in the program's form.
        layers: names to compare; `STYLE_LAYERS` for VGG-19, `POOL_LAYERS` for VGG-16.

    Returns:
        A scalar.
    """
    terms = [F.l1_loss(gram(output[layer]), gram(real[layer])) for layer in layers]
    return torch.stack(terms).sum()


def squares(output: Iterable[Tensor], real: Iterable[Tensor]) -> Tensor:
    """Mean squared difference of each pair of maps.

    Args:
        output: maps of the inpainted images.
        real: as many of the untouched images, each of the same shape.

    Returns:
        (pairs,), in their order.
    """
    pairs = zip(output, real, strict=True)
    return torch.stack([F.mse_loss(found, wanted) for found, wanted in pairs])
