"""TruFor's training losses, with the weights of its authors' training program.

Guillaro et al., CVPR 2023; numbers from the specification of TruFor, section 3.7.
`truth` is (N, H, W) throughout, of integers: 1 forged, 0 pristine, -1 ignored.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = -1
CLASS_WEIGHTS = (0.5, 2.5)  # of pristine and forged pixels
# Confidence is learned away from borders: squares that forged areas are shrunk and grown by.
EROSION = 15
DILATION = 11
FORGED_PIXELS = 3  # an image with more forged pixels than this is a forged image


def cross_entropy_loss(anomaly: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of the anomaly logits, forged pixels weighing 2.5 and pristine ones 0.5.

    Args:
        anomaly: (N, 2, H, W), logits of pristine and forged.
        truth: (N, H, W), see the module.

    Returns:
        (), the weighted mean over all pixels that are not ignored.
    """
    weights = anomaly.new_tensor(CLASS_WEIGHTS)
    return F.cross_entropy(anomaly, truth.long(), weight=weights, ignore_index=IGNORED)


def dice_loss(anomaly: Tensor, truth: Tensor) -> Tensor:
    """One minus the mean Dice coefficient of the forged class, squares in the denominator.

    Args:
        anomaly: (N, 2, H, W), logits of pristine and forged.
        truth: (N, H, W), see the module.

    Returns:
        () in [0, 1]; an image without forged pixels has a coefficient of 0.
    """
    valid = truth != IGNORED
    forged = (truth == 1).to(anomaly.dtype)
    answer = anomaly.softmax(dim=1)[:, 1] * valid
    shared = (answer * forged).sum(dim=(1, 2))
    total = answer.square().sum(dim=(1, 2)) + forged.sum(dim=(1, 2))
    return 1 - (2 * shared / (total + 1e-5)).mean()


def sure_pixels(truth: Tensor) -> Tensor:
    """The pixels where confidence is learned: those away from the borders of forged areas.

    Forged pixels count where the 15x15 square around them is forged, pristine ones where the 11x11
    square is not; the image's own edge is no border. Ignored pixels never count.

    Args:
        truth: (N, H, W), see the module.

    Returns:
        (N, H, W) bool.
    """
    forged = (truth == 1).float()[:, None]
    inside = -F.max_pool2d(-forged, EROSION, stride=1, padding=EROSION // 2)
    near = F.max_pool2d(forged, DILATION, stride=1, padding=DILATION // 2)
    return (inside[:, 0] == 1) | ((near[:, 0] == 0) & (truth == 0))


def confidence_loss(confidence: Tensor, anomaly: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error of the confidence against the probability given to the true class.

    The anomaly logits are the target and get no gradient from it.

    Args:
        confidence: (N, 1, H, W), logits.
        anomaly: (N, 2, H, W), logits of pristine and forged.
        truth: (N, H, W), see the module.

    Returns:
        (), the mean over `sure_pixels`; 0 where there are none.
    """
    answer = anomaly.detach().softmax(dim=1)
    target = torch.where(truth == 1, answer[:, 1], answer[:, 0])
    sure = sure_pixels(truth)
    error = (confidence[:, 0].sigmoid() - target).square() * sure
    return error.sum() / sure.sum().clamp(min=1)


def detection_loss(detection: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy of the image-level logit, as if 7 in 10 images were forged.

    Args:
        detection: (N,), logits.
        truth: (N, H, W), see the module; an image with more than 3 forged pixels is forged.

    Returns:
        (), the mean over images of 0.5 / 0.7 (forged) or 0.5 / 0.3 (pristine) times the entropy.
    """
    forged = ((truth == 1).sum(dim=(1, 2)) > FORGED_PIXELS).to(detection.dtype)
    weights = forged * (0.5 / 0.7) + (1 - forged) * (0.5 / 0.3)
    return F.binary_cross_entropy_with_logits(detection, forged, weight=weights)
