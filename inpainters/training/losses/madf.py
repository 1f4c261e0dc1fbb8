"""What MADF is trained to make small; it has no adversary.

Source: MADF (arXiv 2104.13743), specification, section 3.4. Pictures are normalised, as
`inpainters.madf.normalised` does it, and go into VGG-16 so. The recipe weighs valid 1, hole 6,
perceptual 0.05, style 120 and total variation 0.1. Four of the five are CTSDG's too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from inpainters.madf import Painted
from inpainters.training.feature_networks import FeatureNetwork, seen
from inpainters.training.losses.ctsdg import hole, perceptual, style, valid
from inpainters.training.losses.features import Features

Supervision = Literal["last", "incremental", "authors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The losses of one step: scalars, summed over the supervised pictures, before weighting."""

    valid: Tensor
    hole: Tensor
    perceptual: Tensor
    style: Tensor
    total_variation: Tensor


def terms(
    painted: Painted,
    images: Tensor,
    masks: Tensor,
    network: FeatureNetwork,
    supervision: Supervision,
    *,
    share: float = 1.0,
) -> Terms:
    """All five losses of one step.

    Args:
        painted: the three decoders' pictures, normalised.
        images: (N, 3, H, W), untouched, normalised.
        masks: (N, 1, H, W) in [0, 1], 1 = hole; the recipe's have soft edges.
        network: gives the features; VGG-16 in the recipe.
        supervision: "last" takes every loss of the answer alone, the program's default.
            "incremental" adds valid and hole of the other two pictures and perceptual of the first
            refinement. "authors" is the option of that name as their program has it: by a slip,
            style is the first refinement's.
        share: of the pictures, the first ones, whose features are compared.

    Returns:
        The losses.
    """
    every = supervision != "last"
    finer = (painted.refined, painted.raw) if every else (painted.raw,)
    compared = (painted.recovered, *finer) if every else finer
    few, holes = seen(images, share), seen(masks, share)
    with torch.no_grad():
        real = network.features(few)
    pairs = [_features(seen(picture, share), few, holes, network) for picture in finer]
    styled = pairs[0] if supervision == "authors" else pairs[-1]
    return Terms(
        valid=torch.stack([valid(picture, images, masks) for picture in compared]).sum(),
        hole=torch.stack([hole(picture, images, masks) for picture in compared]).sum(),
        perceptual=torch.stack(
            [perceptual(*pair, real, network.perceptual_layers) for pair in pairs]
        ).sum(),
        style=style(*styled, real, network.style_layers),
        total_variation=total_variation(composite(painted.raw, images, masks)),
    )


def _features(
    picture: Tensor, images: Tensor, masks: Tensor, network: FeatureNetwork
) -> tuple[Features, Features]:
    """Features of a painted picture, and of its composite."""
    return network.features(picture), network.features(composite(picture, images, masks))


def composite(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """The network's input where known, the painted picture in the holes, both at a soft edge.

    Args:
        output: (N, 3, H, W), a whole painted picture, normalised.
        images: (N, 3, H, W), untouched, normalised.
        masks: (N, 1, H, W) in [0, 1], 1 = hole.

    Returns:
        (N, 3, H, W). The network's input is masked already: at a soft edge the mask counts twice.
    """
    known = 1 - masks
    return known * (images * known) + masks * output


def total_variation(pictures: Tensor) -> Tensor:
    """Mean absolute difference of horizontal neighbours, plus that of vertical ones.

    Args:
        pictures: (N, C, H, W), H and W at least 2.

    Returns:
        A scalar.
    """
    across = (pictures[..., 1:] - pictures[..., :-1]).abs().mean()
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).abs().mean()
    return across + down
