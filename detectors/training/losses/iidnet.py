"""IID-Net's training losses: cross-entropy, and what its program calls focal loss.

Wu and Zhou, IEEE TCSVT 32(3), 2022; numbers from the specification of IID-Net, section 5. The
program adds both with weight 1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

INPAINTED_WEIGHT = 0.25  # of the focal term; other pixels weigh the rest of 1


def cross_entropy_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean binary cross-entropy.

    Args:
        logits: (N, 1, H, W), the network's answer before its sigmoid.
        truth: (N, 1, H, W) of 0 and 1, 1 = inpainted.

    Returns:
        ().
    """
    return F.binary_cross_entropy_with_logits(logits, truth)


def focal_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean of a (1 - q)^2 times the binary cross-entropy, q taken after a second sigmoid.

    The program's form, in which q runs from a half to 0.73 on inpainted pixels and from 0.27 to a
    half on others, so that pixels long learned still count. The entropy itself sees one sigmoid.

    Args:
        logits: (N, 1, H, W), the network's answer before its sigmoid.
        truth: (N, 1, H, W) of 0 and 1, 1 = inpainted.

    Returns:
        ().
    """
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    twice = logits.sigmoid().sigmoid()
    sure = torch.where(truth == 1, twice, 1 - twice)
    weights = torch.where(truth == 1, INPAINTED_WEIGHT, 1 - INPAINTED_WEIGHT)
    return (weights * (1 - sure).square() * entropy).mean()
