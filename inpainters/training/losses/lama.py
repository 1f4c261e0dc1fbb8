"""What LaMa and its discriminator are trained to make small.

Source: LaMa (arXiv 2109.07161) and its specification, section 3, "Training recipe". All losses see
the network's whole answer, not the composite, in [0, 1]. The generator pays 10 `l1_known`, which
only the program has, 10 `adversarial.adversarial_generator`, 100 `feature_matching` and 30
`receptive.receptive_field`; the discriminator pays `discriminator` and, at every step, 0.001
`adversarial.gradient_penalty` on the untouched pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from inpainters.training.losses.features import squares


def l1_known(raw: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Absolute difference in the known regions, averaged over all pixels.

    Args:
        raw: (N, 3, H, W) in [0, 1], the whole painted pictures.
        images: (N, 3, H, W) in [0, 1], untouched.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar.
    """
    return ((raw - images).abs() * (1 - masks)).mean()


def discriminator(real: Tensor, fake: Tensor, masks: Tensor) -> Tensor:
    """What the discriminator pays for its mistakes; painted patches off the hole count as real.

    Args:
        real: (N, 1, h, w), its answers to untouched pictures, before the sigmoid.
        fake: (N, 1, h, w), its answers to painted pictures without gradient.
        masks: (N, 1, H, W), 1 = hole; the nearest pixel says what a patch is.

    Returns:
        A scalar: the sum over both of the mean over patches.
    """
    holes = F.interpolate(masks, size=fake.shape[2:], mode="nearest")
    mistaken = holes * F.softplus(fake) + (1 - holes) * F.softplus(-fake)
    return F.softplus(-real).mean() + mistaken.mean()


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Mean squared difference of the discriminator's maps, averaged over its layers.

    Args:
        fake: what each layer but the last answers to painted pictures, `Discriminator.maps`[:-1].
        real: what it answers to untouched ones; no gradient goes there.

    Returns:
        A scalar.
    """
    return squares(fake, [answer.detach() for answer in real]).mean()
