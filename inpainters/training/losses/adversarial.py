"""Adversarial losses of generators and discriminators in three common forms, and the R1 penalty.

Source of the hinge form: SafePaint, equation 11.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Kind = Literal["nsgan", "hinge", "lsgan"]


def adversarial_generator(fake: Tensor, kind: Kind = "nsgan") -> Tensor:
    """The generator's adversarial loss.

    Args:
        fake: the discriminator's logits of inpainted images, any shape.
        kind: binary cross-entropy ("nsgan"), negative mean ("hinge") or least squares ("lsgan").

    Returns:
        A scalar.
    """
    if kind == "hinge":
        return -fake.mean()
    return _to_target(fake, 1.0, kind)


def adversarial_discriminator(
    real: Tensor, fake: Tensor, kind: Kind = "nsgan", *, halved: bool = True
) -> Tensor:
    """The discriminator's adversarial loss.

    Args:
        real: logits of real images, any shape.
        fake: logits of inpainted images.
        kind: as in `adversarial_generator`.
        halved: half the sum of both terms (program) or the sum (paper).

    Returns:
        A scalar.
    """
    if kind == "hinge":
        both = F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    else:
        both = _to_target(real, 1.0, kind) + _to_target(fake, 0.0, kind)
    return both / 2 if halved else both


def _to_target(logits: Tensor, target: float, kind: Kind) -> Tensor:
    targets = torch.full_like(logits, target)
    if kind == "nsgan":
        return F.binary_cross_entropy_with_logits(logits, targets)
    return F.mse_loss(logits.sigmoid(), targets)


def gradient_penalty(real: Tensor, images: Tensor) -> Tensor:
    """R1 gradient penalty at real images (Mescheder et al., ICML 2018).

    Args:
        real: the discriminator's logits of `images`, (N, ...).
        images: (N, C, H, W), which required a gradient in the forward pass.

    Returns:
        A scalar, itself differentiable: the batch mean of the squared L2 norm of the gradient of
        the summed logits.
    """
    (gradient,) = torch.autograd.grad(real.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()
