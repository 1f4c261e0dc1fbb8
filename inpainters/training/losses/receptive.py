"""High receptive field perceptual loss, of LaMa and FcF."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from inpainters.training.feature_networks import imagenet_standardized
from inpainters.training.losses.features import Features, squares

FeatureFunction = Callable[[Tensor], Features]  # feature maps of (N, 3, H, W) images, by name


def receptive_field(output: Tensor, images: Tensor, extract: FeatureFunction) -> Tensor:
    """MSE of features, summed over feature maps.

    Source: LaMa (arXiv 2109.07161), whose authors use the four stages of a dilated ResNet-50
    trained on ADE20K segmentation.

    Args:
        output: (N, 3, H, W) in [0, 1], inpainted images.
        images: (N, 3, H, W) in [0, 1], real images.
        extract: computes feature maps of images standardized with ImageNet's mean and std.

    Returns:
        A scalar.
    """
    with torch.no_grad():
        wanted = extract(imagenet_standardized(images))
    found = extract(imagenet_standardized(output))
    return squares(found.values(), [wanted[name] for name in found]).sum()
