"""Calibrate the operating point of a detector to a false-positive rate on authentic images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from benchmark.core.errors import TrainingError
from benchmark.training.export import half_precision_state
from benchmark.training.learner import Learner


@runtime_checkable
class Calibratable(Protocol):
    """A training module whose detector classifies images by a logit with an adjustable bias."""

    def margins(self, images: Tensor) -> Tensor:
        """The logit of each image, relative to the operating point.

        Args:
            images: (N, 3, H, W) RGB in [0, 1].

        Returns:
            (N,), above 0 where the network, in evaluation mode, detects the image as forged.
        """

    def shift(self, by: float) -> None:
        """Subtract `by` from all margins."""


@torch.no_grad()
def calibrate(learner: Learner, authentic: Sequence[Tensor] | Tensor, rate: float) -> float:
    """Shift the operating point of a detector to a false-positive rate.

    The weights are rounded to half precision first, as in the exported file, so that an exported
    file can be calibrated afterwards with the same result.

    Args:
        learner: training module of a detector.
        authentic: N authentic images that are not trained on, (3, H, W) RGB in [0, 1] each.
        rate: in (0, 1); the network will detect floor(rate * N) of them as forged.

    Returns:
        The shift of the operating point, as a logit; above 0 if fewer images are detected.

    Raises:
        TrainingError: if the model does not classify images, or there are too few images.
    """
    if not isinstance(learner, Calibratable):
        raise TrainingError(
            "false_positive_rate is for detectors only; this model does not classify images"
        )
    allowed = math.floor(rate * len(authentic))
    if not 0 < allowed < len(authentic):
        raise TrainingError(
            f"too few held-out images ({len(authentic)}) to calibrate a false-positive rate of "
            f"{rate:.3g}; increase held_out"
        )
    round_to_half(learner.network)
    learner.network.eval()
    margins = torch.cat([learner.margins(one[None]) for one in authentic])
    ranked = margins.sort(descending=True).values
    by = float(ranked[allowed - 1] + ranked[allowed]) / 2
    learner.shift(by)
    return by


def round_to_half(network: nn.Module) -> None:
    """Round all weights of a network to the precision of the exported file."""
    network.load_state_dict(half_precision_state(network))
