"""Shared parts of the inpainters' training modules: base class, network sizes, sample images."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, TypeVar

from torch import Tensor, nn

from benchmark.core.errors import TrainingError

Sizes = TypeVar("Sizes")


class InpainterLearner(ABC):
    """Base class of training modules: the methods of `Learner` that most inpainters share.

    Attributes:
        model: its name in error messages.
        phases: the phases that a recipe may name; "joint" trains everything, as in the papers.
        modules: all networks with a state, by name.
        sizes: the network's configuration, a dataclass.
    """

    model: ClassVar[str]
    phases: ClassVar[tuple[str, ...]] = ("joint",)
    modules: dict[str, nn.Module]
    sizes: Any

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Set training mode.

        Args:
            phase: one of `phases`.
            fresh: whether this is the first step of a stage.

        Raises:
            TrainingError: if the phase is unknown.
        """
        if phase not in self.phases:
            known = ", ".join(self.phases)
            raise TrainingError(f"{self.model} has no phase {phase!r}; known: {known}")
        for part in self.modules.values():
            part.train()

    def finish(self) -> None:  # noqa: B027 (optional to override)
        """Do nothing: the network is exported as trained."""

    def config(self) -> dict[str, Any]:
        """The network's sizes."""
        return asdict(self.sizes)


def read_network(kind: type[Sizes], table: Mapping[str, Any], model: str) -> Sizes:
    """Read the `network` table of a recipe into the network's configuration.

    Raises:
        TrainingError: if a key is unknown.
        BadInput: if a size is invalid.
    """
    try:
        return kind(**table)
    except TypeError as error:
        raise TrainingError(f"recipe of {model}, network: {error}") from None


def white_holes(images: Tensor, masks: Tensor) -> Tensor:
    """Fill holes with white, for sample images.

    Args:
        images: (N, 3, H, W) in [0, 1].
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        (N, 3, H, W) in [0, 1].
    """
    return images * (1 - masks) + masks
