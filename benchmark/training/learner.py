"""What the loop asks of a model that learns."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import torch
from pydantic import BaseModel
from torch import Tensor, nn


class Learner(Protocol):
    """A model that learns: its networks, and the players who train them.

    A player is who has an optimizer: a generator, a discriminator, or one for everything. In each
    step the loop asks the players one after the other, in the order of `players`. A player's turn
    is: its optimizer's gradients are cleared; `learn` is called for each part of the batch, in the
    same order for every player, and the sum of the terms is differentiated; the gradients are
    clipped; its optimizer steps. Then the next player has its turn, with networks that have
    already moved. While a player has its turn, no parameter of the others takes a gradient, though
    gradients pass through their networks. What one player made may be kept for a later one, first
    in, first out, as long as it is gone by the end of the step.

    Randomness comes from torch alone, which the loop seeds for each step. What else changes from
    step to step and is needed in the next, such as a running average or a count of steps, is a
    buffer of one of the `modules`, so that a run that is resumed finds it again.

    Attributes:
        Losses: the recipe's `losses` table.
        tiny: replacements of the `network` and `losses` tables for a run of seconds.
        terms: names of all loss terms, of all players and phases; they are the log's columns, so no
            two players share one.
        players: by player, the names of the `modules` that it trains; each in one player at most,
            and those in none are kept in checkpoints but not trained.
        modules: all networks with a state, by name, none within another.
    """

    Losses: ClassVar[type[BaseModel]]
    tiny: ClassVar[dict[str, dict[str, Any]]]
    terms: ClassVar[tuple[str, ...]]
    players: ClassVar[dict[str, tuple[str, ...]]]
    modules: dict[str, nn.Module]

    @property
    def network(self) -> nn.Module:
        """What is exported in the end; all its state lies in `modules`."""

    def __init__(self, network: dict[str, Any], losses: BaseModel, device: torch.device) -> None:
        """Build and initialise the networks from torch's random numbers."""

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Freeze what the phase does not train, and set training and evaluation modes.

        Called at the first step of a stage, which is `fresh`, and whenever networks may have been
        set otherwise since.
        """

    def learn(self, player: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """A player's weighted loss terms; their sum is differentiated once.

        Args:
            player: a name of `players`.
            images: (N, 3, H, W) RGB in [0, 1].
            masks: (N, 1, H, W) of 0 and 1.

        Returns:
            Each term, (), by its name of `terms`; none where the player rests in this phase, whose
            optimizer then does not step.
        """

    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """Images (N, 3, H, W) to look at, one list entry a column, in evaluation mode.

        The first are the images. For an inpainter the last are its composites, for a detector the
        third its heatmaps; those are measured. The networks' state stays as it is.
        """

    def finish(self) -> None:
        """Take out of the network what only training needs; called once, before it is exported."""

    def config(self) -> dict[str, Any]:
        """The network's sizes, as its configuration names them."""

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The files of the authors' layout: what torch.save writes under each name."""
