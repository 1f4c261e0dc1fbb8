"""Shared parts of the detectors' training modules: network sizes, pretrained files, joint phase."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn

from benchmark.core.errors import BadInput, TrainingError
from benchmark.core.paths import expand_home, home

Sizes = TypeVar("Sizes")


def read_network(kind: type[Sizes], table: Mapping[str, Any], model: str) -> Sizes:
    """Read the `network` table of a recipe into the network's configuration.

    Raises:
        TrainingError: if a key is unknown.
        BadInput: if a size is invalid.
    """
    sizes = {name: tuple(v) if isinstance(v, list) else v for name, v in table.items()}
    try:
        return kind(**sizes)
    except TypeError as error:
        raise TrainingError(f"recipe of {model}, network: {error}") from None


def find_pretrained(file: str, model: str) -> Path:
    """Find pretrained weights: a path, or a file name in `weights/MODEL` of the home folder.

    Raises:
        TrainingError: if the file does not exist.
    """
    installed = home() / "weights" / model / file
    for path in (expand_home(Path(file)), installed):
        if path.is_file():
            return path
    raise TrainingError(
        f"{file}: this recipe starts from it; put it at {installed}, or use the mini recipe"
    )


def begin_joint(network: nn.Module, phase: str, model: str) -> None:
    """Begin the phase "joint", in which the whole network is trained.

    Raises:
        BadInput: if the phase is unknown.
    """
    if phase != "joint":
        raise BadInput(f"{model} has no phase {phase!r}; known: joint")
    network.train()


def data_parallel_state(network: nn.Module) -> dict[str, Tensor]:
    """The state dict of a network, of unchanged tensors, with DataParallel's prefix "module."."""
    return {f"module.{name}": value for name, value in network.state_dict().items()}
