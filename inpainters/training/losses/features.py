"""Losses on a feature network's maps: dictionaries of (N, C, h, w) by layer name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

Features = Mapping[str, Tensor]

PERCEPTUAL_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
STYLE_LAYERS = ("relu2_2", "relu3_4", "relu4_4", "relu5_2")


def perceptual(output: Features, real: Features, layers: Iterable[str]) -> Tensor:
    """Mean absolute difference of features, summed over layers.

    Args:
        output: features of the painted pictures (program: un-composited; paper: composites).
        real: features of the untouched pictures.
        layers: names to compare; `PERCEPTUAL_LAYERS` for VGG-19.

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
        output: features of the painted pictures (program: times M; paper: composites).
        real: features of the untouched pictures, times M in the program's form.
        layers: names to compare; `STYLE_LAYERS` for VGG-19.

    Returns:
        A scalar.
    """
    terms = [F.l1_loss(gram(output[layer]), gram(real[layer])) for layer in layers]
    return torch.stack(terms).sum()
