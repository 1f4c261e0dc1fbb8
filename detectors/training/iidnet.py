"""Training module of IID-Net: cross-entropy and focal loss, training step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.checkpoints.load import flat_state, read_checkpoint
from detectors.iidnet import PUBLISHED_FILE, IIDNet, IIDNetConfig, IIDNetNetwork
from detectors.training.base import begin_joint, data_parallel_state, read_network

INPAINTED_WEIGHT = 0.25  # of inpainted pixels in the focal loss; the others weigh 0.75


def cross_entropy_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Mean binary cross-entropy.

    Args:
        logits: (N, 1, H, W), logits of the network.
        truth: (N, 1, H, W) of 0 and 1, 1 = inpainted.

    Returns:
        ().
    """
    return F.binary_cross_entropy_with_logits(logits, truth)


def focal_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Focal loss: mean of a (1 - q)^2 times the binary cross-entropy, q after a second sigmoid.

    The program's form, in which q is between 0.5 and 0.73 on inpainted pixels and between 0.27 and
    0.5 on others, so that well classified pixels still count. The cross-entropy uses one sigmoid.

    Args:
        logits: (N, 1, H, W), logits of the network.
        truth: (N, 1, H, W) of 0 and 1, 1 = inpainted.

    Returns:
        ().
    """
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    twice = logits.sigmoid().sigmoid()
    certainty = torch.where(truth == 1, twice, 1 - twice)
    weights = torch.where(truth == 1, INPAINTED_WEIGHT, 1 - INPAINTED_WEIGHT)
    return (weights * (1 - certainty).square() * entropy).mean()


class IIDNetLosses(BaseModel):
    """The `losses` table of a recipe of IID-Net.

    Attributes:
        cross_entropy: weight of the binary cross-entropy.
        focal: weight of the focal loss.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cross_entropy: float = 1.0
    focal: float = 1.0


class IIDNetLearner:
    """Training module of IID-Net; implements `Learner`.

    Args:
        network: sizes, as `IIDNetConfig` names them.
        losses: weights of the losses.
        device: device of the network.

    Raises:
        BadInput: if the sizes are invalid.
        TrainingError: if a size is unknown.
    """

    model: ClassVar[str] = "iidnet"
    Losses: ClassVar[type[BaseModel]] = IIDNetLosses
    terms: ClassVar[tuple[str, ...]] = ("cross_entropy", "focal")
    roles: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("network",)}
    tiny: ClassVar[dict[str, dict[str, Any]]] = {
        "network": {"stem_widths": [4, 4], "widths": [8, 8], "cells": 3, "decision_width": 4},
        "losses": {},
    }

    def __init__(
        self, network: Mapping[str, Any], losses: IIDNetLosses, device: torch.device
    ) -> None:
        sizes = read_network(IIDNetConfig, network, self.model)
        self.network = IIDNetNetwork(sizes).to(device)
        self.modules: dict[str, nn.Module] = {"network": self.network}
        self._weights = losses

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Set training mode; the fixed smoothing filters are not trained.

        Args:
            phase: "joint", the only one.
            fresh: whether this is the first step of a stage; not used.

        Raises:
            BadInput: if the phase is unknown.
        """
        begin_joint(self.network, phase, self.model)

    def training_step(self, role: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted losses.

        Args:
            role: "all", the only one.
            images: (N, 3, H, W) RGB in [0, 1], inpainted or not, of at least 25 pixels a side.
            masks: (N, 1, H, W), 1 = inpainted.

        Returns:
            Each term, ().
        """
        logits = self.network(as_input(images))
        return {
            "cross_entropy": self._weights.cross_entropy * cross_entropy_loss(logits, masks),
            "focal": self._weights.focal * focal_loss(logits, masks),
        }

    def margins(self, images: Tensor) -> Tensor:
        """The logit of each image whose rank corresponds to the card's threshold on the score.

        The score is the share of pixels with a logit above 0; it exceeds the threshold if and only
        if this logit is above 0.

        Args:
            images: (N, 3, H, W) RGB in [0, 1].

        Returns:
            (N,).
        """
        logits: Tensor = self.network(as_input(images)).flatten(1)
        rank = int(IIDNet.card.threshold * logits.shape[1]) + 1  # one pixel more than the threshold
        return logits.topk(rank, dim=1).values[:, -1]

    @torch.no_grad()
    def shift(self, by: float) -> None:
        """Subtract `by` from all logits of the heatmap."""
        self.network.decision[-1].get_parameter("bias").sub_(by)

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """Images, masks, heatmaps.

        Each (N, 3, H, W) in [0, 1]; arguments as in `Learner.show`.
        """
        self.network.eval()
        heatmap = self.network(as_input(images)).sigmoid()
        return [images, *(plane.expand(-1, 3, -1, -1) for plane in (masks, heatmap))]

    def finish(self) -> None:
        """Do nothing: the network is exported as trained."""

    def config(self) -> dict[str, Any]:
        """The network's sizes."""
        return asdict(self.network.config)

    def read_official(self, path: Path) -> dict[str, Tensor]:
        """The network's state from the authors' file, or the folder with it."""
        file = path / PUBLISHED_FILE if path.is_dir() else path
        return flat_state(read_checkpoint(file), file)

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The file in the authors' published layout."""
        return {PUBLISHED_FILE: dict(data_parallel_state(self.network))}


def as_input(images: Tensor) -> Tensor:
    """Convert (N, 3, H, W) RGB images in [0, 1] to network inputs: 8 bits, BGR, in [-1, 1]."""
    pixels = (255 * images).round() / 255
    return (pixels.flip(1) - 0.5) / 0.5
