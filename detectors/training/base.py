"""What the learners of detectors share: reading sizes, finding files, the phase of everything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

from benchmark.core.errors import BadInput, TrainingError
from benchmark.core.paths import at_home, home

Sizes = TypeVar("Sizes")


def read_network(kind: type[Sizes], table: Mapping[str, Any], model: str) -> Sizes:
    """The `network` table of a recipe as the network's own sizes.

    Raises:
        TrainingError: if a size has an unknown name.
        BadInput: if a size is one the network cannot have.
    """
    sizes = {name: tuple(v) if isinstance(v, list) else v for name, v in table.items()}
    try:
        return kind(**sizes)
    except TypeError as error:
        raise TrainingError(f"recipe of {model}, network: {error}") from None


def found(file: str, model: str) -> Path:
    """A file to start from: a path, or a name in `weights/MODEL` of the bench's home folder.

    Raises:
        TrainingError: if it is in neither place.
    """
    installed = home() / "weights" / model / file
    for path in (at_home(Path(file)), installed):
        if path.is_file():
            return path
    raise TrainingError(
        f"{file}: this recipe starts from it; put it at {installed}, or use the mini recipe"
    )


def begin_joint(network: nn.Module, phase: str, model: str) -> None:
    """Set training mode, in a model that is trained whole or not at all.

    Raises:
        BadInput: if the recipe names another phase than "joint".
    """
    if phase != "joint":
        raise BadInput(f"{model} has no phase {phase!r}; known: joint")
    network.train()


def wrapped(network: nn.Module) -> dict[str, Tensor]:
    """A state as a data-parallel container saves it, which is how some authors publish theirs."""
    return {f"module.{name}": value for name, value in network.state_dict().items()}
