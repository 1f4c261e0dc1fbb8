"""What EdgeConnect's two generators are trained to make small, beyond what models share.

Source: EdgeConnect (arXiv 1901.00212), section 3, and its specification, section 3.5. The rest is
shared: `adversarial.adversarial_*` (halved; the discriminator of edges looks at grey and edges side
by side, predicted over the whole picture and not composited, that of colours at whole pictures),
`features.perceptual` of whole pictures in [0, 1], `features.style` of pictures times the mask, both
on VGG-19 without ImageNet's mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Mean absolute difference of the discriminator's maps, summed over its layers.

    Args:
        fake: what each layer answers to grey and predicted edges, as `Discriminator.maps` gives it.
        real: what it answers to grey and Canny edges; no gradient goes there.

    Returns:
        A scalar.
    """
    pairs = zip(fake, real, strict=True)
    return torch.stack([F.l1_loss(found, wanted.detach()) for found, wanted in pairs]).sum()


def l1(raw: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Mean absolute difference over the mean of the mask, known pixels included.

    Args:
        raw: (N, 3, H, W) in [0, 1], the whole painted pictures.
        images: (N, 3, H, W) in [0, 1], untouched.
        masks: (N, 1, H, W), 1 = hole, somewhere in the batch, else the term is infinite.

    Returns:
        A scalar.
    """
    return F.l1_loss(raw, images) / masks.mean()
