"""PSCC-Net's training losses: masks at four scales, and the class of the whole image.

Liu et al., IEEE TCSVT 32(11), 2022; numbers from the specification of PSCC-Net, section 5. The
program adds `mask_loss` and `class_loss` with weight 1 each.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

AUTHENTIC_SHARE = 0.25  # of the program's draws; a class weighs the inverse of its share


def mask_targets(masks: Tensor, sides: Sequence[int]) -> list[Tensor]:
    """What the masks at each scale should be: 8 bits resized as Pillow does, then over a half.

    Pillow before 7.0 took the nearest pixel by default; since then, as here, it is bicubic.

    Args:
        masks: (N, 1, H, W) in [0, 1], 1 = forged.
        sides: height and width of each scale; the program's are 256, 128, 64 and 32.

    Returns:
        One (N, 1, side, side) per scale, of 0 and 1, of the masks' type and device.
    """
    # Of 8-bit values torch makes exactly what Pillow makes, but on the CPU only.
    eight_bits = (255 * masks).round().byte().cpu()
    resized = [
        F.interpolate(eight_bits, size=(side, side), mode="bicubic", antialias=True)
        for side in sides
    ]
    return [(plane > 127).to(masks) for plane in resized]


def mask_loss(masks: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Binary cross-entropy in which forged and pristine pixels weigh the same, over all scales.

    A forged pixel weighs 0.5 over the share of forged pixels in the batch at that scale, another
    0.5 over the share of the others; without a forged pixel each weighs 1.

    Args:
        masks: probabilities that a pixel is forged, (N, 1, s, s) per scale.
        targets: of the same shapes, of 0 and 1, see `mask_targets`.

    Returns:
        (), the sum over scales of the weighted entropy's mean over all pixels.
    """
    terms = [
        F.binary_cross_entropy(mask, target, weight=_balance(target))
        for mask, target in zip(masks, targets, strict=True)
    ]
    return torch.stack(terms).sum()


def _balance(target: Tensor) -> Tensor:
    share = target.mean()
    weights = torch.where(target > 0, 0.5 / share, 0.5 / (1 - share))
    return torch.where(share > 0, weights, 1.0)


def class_loss(logits: Tensor, forged: Tensor) -> Tensor:
    """Cross-entropy of the image-level logits, authentic images weighing 4 and forged ones 4/3.

    Args:
        logits: (N, 2), authentic and forged.
        forged: (N,) of bool or integers, whether the image was forged in whatever way.

    Returns:
        (), the weighted mean over images.
    """
    weights = logits.new_tensor((1 / AUTHENTIC_SHARE, 1 / (1 - AUTHENTIC_SHARE)))
    return F.cross_entropy(logits, forged.long(), weight=weights)
