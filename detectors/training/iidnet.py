"""Training module of IID-Net: cross-entropy and focal loss, training step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional as F

from detectors.iidnet import PUBLISHED_FILE, IIDNet, IIDNetConfig, IIDNetNetwork
from detectors.training.base import begin_joint, read_network, wrapped

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
    """IID-Net in training; answers the loop's `Learner`.

    Args:
        network: sizes, as `IIDNetConfig` names them.
        losses: weights of the losses.
        device: where the network is.

    Raises:
        BadInput: if the sizes make no network.
        TrainingError: if a size has an unknown name.
    """

    model: ClassVar[str] = "iidnet"
    Losses: ClassVar[type[BaseModel]] = IIDNetLosses
    terms: ClassVar[tuple[str, ...]] = ("cross_entropy", "focal")
    players: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("network",)}
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
        """Set training mode; the constant smoothing stays as it is.

        Args:
            phase: "joint", the only one.
            fresh: whether this is the first step of a stage; it makes no difference here.

        Raises:
            BadInput: if the recipe names another phase.
        """
        begin_joint(self.network, phase, self.model)

    def learn(self, player: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted losses.

        Args:
            player: "all", the only one.
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
        """The logit, (N,), that as large a share of the heatmap exceeds as makes an image forged.

        Where it is above 0, the score, the share above 0, is above the card's threshold.
        """
        logits: Tensor = self.network(as_input(images)).flatten(1)
        rank = int(IIDNet.card.threshold * logits.shape[1]) + 1  # one pixel more than that share
        return logits.topk(rank, dim=1).values[:, -1]

    @torch.no_grad()
    def shift(self, by: float) -> None:
        """Make the whole heatmap's logits smaller by `by`."""
        self.network.decision[-1].get_parameter("bias").sub_(by)

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """The images, where they were inpainted, and the heatmap."""
        self.network.eval()
        heatmap = self.network(as_input(images)).sigmoid()
        return [images, *(plane.expand(-1, 3, -1, -1) for plane in (masks, heatmap))]

    def finish(self) -> None:
        """Nothing: the network is exported as it was trained."""

    def config(self) -> dict[str, Any]:
        """The network's sizes."""
        return asdict(self.network.config)

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The published file's layout."""
        return {PUBLISHED_FILE: dict(wrapped(self.network))}


def as_input(images: Tensor) -> Tensor:
    """RGB images in [0, 1] as the network takes them: 8 bits, BGR, in [-1, 1]."""
    pixels = (255 * images).round() / 255
    return (pixels.flip(1) - 0.5) / 0.5
