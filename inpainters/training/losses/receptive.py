"""The perceptual loss with a high receptive field, of LaMa and FcF."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from inpainters.training.feature_networks import imagenet_standardised
from inpainters.training.losses.features import Features, squares

FeatureFunction = Callable[[Tensor], Features]  # maps of (N, 3, H, W) images, by name


def receptive_field(output: Tensor, images: Tensor, see: FeatureFunction) -> Tensor:
    """Mean squared difference of features, summed over maps.

    Source: LaMa (arXiv 2109.07161) and its published program. The authors see with the four
    stages of a dilated ResNet-50 that was trained to segment ADE20K.

    Args:
        output: (N, 3, H, W) in [0, 1], inpainted images.
        images: (N, 3, H, W) in [0, 1], untouched.
        see: gives the maps; it gets images standardised with ImageNet's mean and deviation.

    Returns:
        A scalar.
    """
    with torch.no_grad():
        wanted = see(imagenet_standardised(images))
    found = see(imagenet_standardised(output))
    return squares(found.values(), [wanted[name] for name in found]).sum()
