"""What CTSDG and its discriminator are trained to make small.

Source: CTSDG (arXiv 2108.09760) and its specification, section 3.8. Pictures are in [-1, 1] and go
into VGG-16 so. The program weighs holes and known regions apart (`hole`, `valid`); the paper has
one mean absolute difference of whole pictures. MADF shares `hole`, `valid`, `perceptual`, `style`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from inpainters.training.discriminators.ctsdg import Judged
from inpainters.training.losses import features
from inpainters.training.losses.adversarial import (
    adversarial_discriminator,
    adversarial_generator,
)
from inpainters.training.losses.features import POOL_LAYERS, Features


def hole(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Absolute difference in the holes, averaged over all pixels.

    Args:
        output: (N, 3, H, W) in [-1, 1], the whole painted pictures.
        images: (N, 3, H, W) in [-1, 1], untouched.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar.
    """
    return F.l1_loss(output * masks, images * masks)


def valid(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Absolute difference in the known regions, averaged over all pixels; see `hole`."""
    return hole(output, images, 1 - masks)


def perceptual(
    output: Features, composite: Features, real: Features, layers: Sequence[str] = POOL_LAYERS
) -> Tensor:
    """Mean absolute difference of features, of painted pictures plus of composites.

    Args:
        output: features of the whole painted pictures.
        composite: features of the pictures whose holes alone are painted.
        real: features of the untouched pictures.
        layers: names to compare.

    Returns:
        A scalar, summed over layers.
    """
    whole = features.perceptual(output, real, layers)
    return whole + features.perceptual(composite, real, layers)


def style(
    output: Features, composite: Features, real: Features, layers: Sequence[str] = POOL_LAYERS
) -> Tensor:
    """Mean absolute difference of Gram matrices; arguments and answer as in `perceptual`."""
    whole = features.style(output, real, layers)
    return whole + features.style(composite, real, layers)


def adversarial(judged: Judged, edges: Tensor) -> Tensor:
    """What the generator pays for being found out, and for edges that are not the picture's.

    Args:
        judged: the discriminator's answers to the painted pictures.
        edges: (N, 1, H, W), 0 or 1, Canny edges of the untouched pictures.

    Returns:
        A scalar.
    """
    return adversarial_generator(judged.decisions) + edges_missed(judged.edges, edges)


def discriminator(real: Judged, fake: Judged, edges: Tensor) -> Tensor:
    """What the discriminator pays for its mistakes, and its detector for the edges it misses.

    Args:
        real: its answers to untouched pictures.
        fake: its answers to painted pictures without gradient.
        edges: (N, 1, H, W), 0 or 1, Canny edges of the untouched pictures, wanted of both.

    Returns:
        A scalar, the sum of four terms.
    """
    mistaken = adversarial_discriminator(real.decisions, fake.decisions, halved=False)
    return mistaken + edges_missed(real.edges, edges) + edges_missed(fake.edges, edges)


def intermediate(picture: Tensor, found: Tensor, images: Tensor, edges: Tensor) -> Tensor:
    """What each decoder pays for what it would answer alone.

    Args:
        picture: (N, 3, H, W) in [-1, 1], the texture decoder's.
        found: (N, 1, H, W) in [0, 1], the structure decoder's edges.
        images: (N, 3, H, W) in [-1, 1], untouched.
        edges: (N, 1, H, W), 0 or 1, Canny edges of the untouched pictures.

    Returns:
        A scalar.
    """
    return edges_missed(found, edges) + F.l1_loss(picture, images)


def edges_missed(found: Tensor, edges: Tensor) -> Tensor:
    """Binary cross-entropy of edges in [0, 1] against Canny edges, both (N, 1, H, W)."""
    with torch.autocast(found.device.type, enabled=False):  # torch refuses it in 16 bits
        return F.binary_cross_entropy(found.float(), edges)
