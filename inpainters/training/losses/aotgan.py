"""AOT-GAN's adversarial loss, in the program's and the paper's form: a discriminator finds holes.

Source: AOT-GAN (arXiv 2104.01431) and its specification, section 3.4. The rest of the generator's
loss is shared: the mean absolute difference of whole pictures, `features.perceptual` and
`features.style` of them on VGG-19, fed with `imagenet_standardised((pictures + 1) / 2)`.

The discriminator's maps have no sigmoid. They are brought to the mask's size before they are
compared, `real` of untouched pictures, `fake` of composites. The program's labels teach it to say 1
in holes, and then reward the generator for a 1: the wrong way round. The paper's do not.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

RADIUS = 35  # of the blur of the labels, in pixels
SPREAD = 10.0  # its deviation


def soft_holes(masks: Tensor) -> Tensor:
    """Blur masks: a Gaussian of deviation 10, cut off at 35 pixels, zeros beyond the picture.

    Args:
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        (N, 1, H, W) in [0, 1]; a hole fades towards the picture's border as well.
    """
    steps = torch.arange(-RADIUS, RADIUS + 1, dtype=masks.dtype, device=masks.device)
    line = torch.exp(-steps.square() / (2 * SPREAD**2))  # (71,)
    line = line / line.sum()
    blurred = F.conv2d(masks, line.view(1, 1, -1, 1), padding=(RADIUS, 0))
    return F.conv2d(blurred, line.view(1, 1, 1, -1), padding=(0, RADIUS))


def discriminator_program(real: Tensor, fake: Tensor, masks: Tensor) -> Tensor:
    """What the discriminator pays: 0 is wanted where untouched, about 1 in the holes.

    Args:
        real: (N, 1, h, w), its answers to untouched pictures.
        fake: (N, 1, h, w), its answers to composites without gradient.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar, the sum of both mean squared errors.
    """
    real, fake = _to_size(real, masks), _to_size(fake, masks)
    return real.square().mean() + F.mse_loss(fake, soft_holes(masks))


def discriminator_paper(real: Tensor, fake: Tensor, masks: Tensor) -> Tensor:
    """The same with the paper's labels: 1 is wanted where untouched, about 0 in the holes.

    They are 1 less the program's, so that known pixels at the border count as known.
    """
    return discriminator_program(1 - real, 1 - fake, masks)


def generator_program(fake: Tensor, masks: Tensor) -> Tensor:
    """What the generator pays: 1 is wanted everywhere.

    The program multiplies by mask / mean(mask) only after averaging, which changes nothing.

    Args:
        fake: (N, 1, h, w), the discriminator's answers to composites.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar.
    """
    return (_to_size(fake, masks) - 1).square().mean()


def generator_paper(fake: Tensor, masks: Tensor) -> Tensor:
    """The same, counted in the holes only: the squared error times the mask, averaged over all."""
    return ((_to_size(fake, masks) - 1).square() * masks).mean()


def _to_size(answers: Tensor, masks: Tensor) -> Tensor:
    size = masks.shape[2:]
    if answers.shape[2:] == size:
        return answers
    return F.interpolate(answers, size=size, mode="bilinear", align_corners=True)
