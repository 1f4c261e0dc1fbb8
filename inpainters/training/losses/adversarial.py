"""What a generator and its discriminator pay, in the three common forms.

Source: SafePaint, section 3.5, equation 11, and its published program.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Kind = Literal["nsgan", "hinge", "lsgan"]


def adversarial_generator(fake: Tensor, kind: Kind = "nsgan") -> Tensor:
    """What the generator pays for being found out.

    Args:
        fake: the discriminator's answers to inpainted images, before the sigmoid, any shape.
        kind: binary cross-entropy ("nsgan"), plain mean ("hinge") or squares ("lsgan").

    Returns:
        A scalar.
    """
    if kind == "hinge":
        return -fake.mean()
    return _against(fake, 1.0, kind)


def adversarial_discriminator(
    real: Tensor, fake: Tensor, kind: Kind = "nsgan", *, halved: bool = True
) -> Tensor:
    """What the discriminator pays for its mistakes.

    Args:
        real: its answers to untouched images, before the sigmoid, any shape.
        fake: its answers to inpainted images.
        kind: as in `adversarial_generator`.
        halved: half the sum of both terms (program) or the sum (paper).

    Returns:
        A scalar.
    """
    if kind == "hinge":
        both = F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    else:
        both = _against(real, 1.0, kind) + _against(fake, 0.0, kind)
    return both / 2 if halved else both


def _against(logits: Tensor, target: float, kind: Kind) -> Tensor:
    wanted = torch.full_like(logits, target)
    if kind == "nsgan":
        return F.binary_cross_entropy_with_logits(logits, wanted)
    return F.mse_loss(logits.sigmoid(), wanted)


def gradient_penalty(real: Tensor, images: Tensor) -> Tensor:
    """How steeply the discriminator's answers rise and fall around untouched images (R1).

    Mescheder et al., ICML 2018; the weights are those of the published programs of LaMa and FcF.

    Args:
        real: the discriminator's answers to `images`, before the sigmoid, (N, ...).
        images: (N, C, H, W), with requires_grad when they were judged.

    Returns:
        A scalar with a gradient of its own: the batch's mean of the squared Euclidean norm of the
        gradient of the summed answers.
    """
    (slope,) = torch.autograd.grad(real.sum(), images, create_graph=True)
    return slope.square().sum(dim=(1, 2, 3)).mean()
