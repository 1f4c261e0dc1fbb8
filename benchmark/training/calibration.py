"""Where a detector calls an image forged: its operating point, set on untouched images."""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from benchmark.core.errors import TrainingError
from benchmark.training.export import halves
from benchmark.training.learner import Learner


@runtime_checkable
class Calibrated(Protocol):
    """A learner whose network calls images forged, by a bias that can be moved."""

    def margins(self, images: Tensor) -> Tensor:
        """How far each image is above the operating point, as a logit.

        Args:
            images: (N, 3, H, W) RGB in [0, 1].

        Returns:
            (N,), above 0 where the network, in evaluation mode, calls the image forged.
        """

    def shift(self, by: float) -> None:
        """Make all margins smaller by `by`."""


@torch.no_grad()
def calibrate(learner: Learner, originals: Tensor, share: float) -> float:
    """Move a detector's operating point so that it fires on a share of untouched images.

    The weights are rounded to half precision first, as they are exported: so a file that was
    exported without can be calibrated afterwards, and comes to the same.

    Args:
        learner: of a detector.
        originals: (N, 3, H, W) RGB in [0, 1] that no step has seen.
        share: in (0, 1); the network will fire on floor(share * N) of them.

    Returns:
        How far the operating point moved, as a logit; above 0 if it now fires less.

    Raises:
        TrainingError: if the model calls nothing forged, or there are too few originals to tell.
    """
    if not isinstance(learner, Calibrated):
        raise TrainingError("false_alarms is for detectors; this model calls no image forged")
    allowed = math.floor(share * len(originals))
    if not 0 < allowed < len(originals):
        raise TrainingError(
            f"false_alarms = {share}: {len(originals)} images that were held out cannot tell; "
            "hold out more"
        )
    round_to_half(learner.network)
    learner.network.eval()
    margins = torch.cat([learner.margins(one[None]) for one in originals])
    ranked = margins.sort(descending=True).values
    by = float(ranked[allowed - 1] + ranked[allowed]) / 2
    learner.shift(by)
    return by


def round_to_half(network: nn.Module) -> None:
    """Round every number of a network as it is exported."""
    network.load_state_dict(halves(network))
