"""The interface of training modules: networks, losses and optimizer roles of one model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from pydantic import BaseModel
from torch import Tensor, nn


class Learner(Protocol):
    """A training module: the networks of a model, their losses, and their optimizer roles.

    An optimizer role is a set of networks with one optimizer: a generator, a discriminator, or
    everything. In each step the trainer updates the roles one after the other, in the order of
    `roles`: it clears the gradients of the role's optimizer; calls `training_step` for each part of
    the batch (in the same order for all roles) and backpropagates the sum of the losses; clips the
    gradients; and steps the optimizer. So a later role sees the updated networks of an earlier one.
    During the update of a role the parameters of all other roles are frozen, though gradients flow
    through their networks. Outputs of one role may be kept for a later one in a first-in, first-out
    queue, which must be empty at the end of the step.

    All randomness must come from torch's default generator, which the trainer seeds in each step.
    Any other state that a later step needs, such as a running average or a counter, must be a
    buffer of one of the `modules`, so that it is saved in checkpoints.

    Attributes:
        Losses: the recipe's `losses` table.
        tiny: replacements of the `network` and `losses` tables for a smoke run of seconds.
        terms: names of all loss terms, of all roles and phases; they are columns of the log, so
            each belongs to one role.
        roles: by optimizer role, the names of the `modules` that it trains. A module belongs to at
            most one role; modules without a role are saved in checkpoints but not trained.
        pretrained: of the losses table, the files that parts of the network start from; they are
            not read where a training starts from weights (`--start`). May be missing.
        ignores: whether the losses of a detector leave out pixels whose mask is -1. May be missing.
        modules: all networks with a state, by name; none contains another.
    """

    Losses: ClassVar[type[BaseModel]]
    tiny: ClassVar[dict[str, dict[str, Any]]]
    terms: ClassVar[tuple[str, ...]]
    roles: ClassVar[dict[str, tuple[str, ...]]]
    modules: dict[str, nn.Module]

    @property
    def network(self) -> nn.Module:
        """The network that is exported; all its state is in `modules`."""

    def __init__(self, network: dict[str, Any], losses: BaseModel, device: torch.device) -> None:
        """Build and initialize the networks, with torch's default random generator."""

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Freeze the networks that the phase does not train, and set train and eval modes.

        Called at the first step of a stage (`fresh`), and whenever modes may have changed since.
        """

    def training_step(self, role: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """Compute the weighted loss terms of an optimizer role; their sum is backpropagated once.

        Args:
            role: a name of `roles`.
            images: (N, 3, H, W) RGB in [0, 1].
            masks: (N, 1, H, W) of 0 and 1.

        Returns:
            Each term, a scalar (), by its name of `terms`; empty where the role is not trained in
            this phase, and its optimizer does not step.
        """

    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """Sample images for inspection and validation, in evaluation mode; the state is unchanged.

        Args:
            images: (N, 3, H, W) RGB in [0, 1].
            masks: (N, 1, H, W) of 0 and 1.

        Returns:
            The columns of the sample sheet, each (N, 3, H, W) in [0, 1]. The first is the images.
            Of an inpainter the last is its composites, of a detector the third its heatmaps; these
            are validated.
        """

    def finish(self) -> None:
        """Remove from the network what only training needs; called once, before the export."""

    def config(self) -> dict[str, Any]:
        """The network's sizes, by the names of its configuration."""

    def read_official(self, path: Path) -> dict[str, Tensor]:
        """The network's state from the authors' file or folder; of a detector only.

        Raises:
            WeightsError: if it cannot be read.
        """

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """Files in the authors' layout: by file name, the content for torch.save."""
