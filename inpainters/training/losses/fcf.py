"""What FcF and its discriminator are trained to make small.

Source: FcF (arXiv 2208.03382) and its specification, section 3, "Training recipe". All losses see
the composite, in [-1, 1]. The generator pays `adversarial.adversarial_generator`, 10
`reconstruction` and 5 `perceptual`; the discriminator pays `adversarial.adversarial_discriminator`
(not halved) and, every 16th step, 16 times 5 `adversarial.gradient_penalty` on the untouched
pictures.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from inpainters.training.losses.receptive import FeatureFunction, receptive_field


def composite(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Paint the holes only.

    Args:
        output: (N, 3, R, R) about [-1, 1], the whole painted pictures.
        images: (N, 3, R, R) in [-1, 1], untouched.
        masks: (N, 1, R, R), 1 = hole.

    Returns:
        (N, 3, R, R).
    """
    return masks * output + (1 - masks) * images


def reconstruction(composites: Tensor, images: Tensor) -> Tensor:
    """Mean absolute difference over all pixels.

    Args:
        composites: (N, 3, R, R), see `composite`.
        images: (N, 3, R, R) in [-1, 1], untouched.

    Returns:
        A scalar.
    """
    return F.l1_loss(composites, images)


def perceptual(composites: Tensor, images: Tensor, see: FeatureFunction) -> Tensor:
    """The perceptual loss with a high receptive field, of pictures brought to [0, 1].

    Args:
        composites: (N, 3, R, R), see `composite`; what leaves [-1, 1] is clamped.
        images: (N, 3, R, R) in [-1, 1], untouched.
        see: as in `receptive_field`.

    Returns:
        A scalar.
    """
    return receptive_field(((composites + 1) / 2).clamp(0, 1), (images + 1) / 2, see)
