"""What the learners of inpainters share: how they read sizes, begin a phase and show a hole."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, TypeVar

from torch import Tensor, nn

from benchmark.core.errors import TrainingError

Sizes = TypeVar("Sizes")


class InpainterLearner(ABC):
    """The part of the loop's `Learner` that most inpainters answer alike.

    Attributes:
        model: its name in errors.
        phases: what a recipe may ask for; "joint" is everything, as the paper has it.
        modules: all networks with a state, by name.
        sizes: the network's, a dataclass.
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
            TrainingError: if the recipe names another.
        """
        if phase not in self.phases:
            known = ", ".join(self.phases)
            raise TrainingError(f"{self.model} has no phase {phase!r}; known: {known}")
        for part in self.modules.values():
            part.train()

    def finish(self) -> None:  # noqa: B027 (most have nothing to take out)
        """Nothing: the network is exported as it was trained."""

    def config(self) -> dict[str, Any]:
        """The network's sizes."""
        return asdict(self.sizes)


def read_network(kind: type[Sizes], table: Mapping[str, Any], model: str) -> Sizes:
    """The `network` table of a recipe as the network's own sizes.

    Raises:
        TrainingError: if a size has an unknown name.
        BadInput: if a size is one the network cannot have.
    """
    try:
        return kind(**table)
    except TypeError as error:
        raise TrainingError(f"recipe of {model}, network: {error}") from None


def pierced(images: Tensor, masks: Tensor) -> Tensor:
    """(N, 3, H, W) images in [0, 1] with their holes, (N, 1, H, W), inpainted white, to look at."""
    return images * (1 - masks) + masks
