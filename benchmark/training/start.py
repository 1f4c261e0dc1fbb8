"""Start a training from weights (`--start`): find them, check them, load them into the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from benchmark.core.checkpoints.load import load_strict, read_checkpoint
from benchmark.core.checkpoints.resolve import find_weights
from benchmark.core.errors import TrainingError, WeightsError
from benchmark.core.training_exposure import read_bench_metadata, training_inpainters
from benchmark.training.learner import Learner
from benchmark.training.recipe import Recipe
from detectors import DETECTORS, create_detector
from inpainters import INPAINTERS, create_inpainter


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The weights that a training starts from.

    Attributes:
        path: the file, or the folder of the authors' files.
        edition: "official", "official, unverified", "mini", or "sha256:" and 12 digits.
        sha256: of the file or files.
        network: the network's sizes, as the `network` table of a recipe names them; empty for the
            official ones.
        met: the inpainters that made their training forgeries; None if unknown. Of a detector.
        trained_on: what their file says of the sets of forgeries that they were trained on.
    """

    path: Path
    edition: str
    sha256: str
    network: dict[str, Any]
    met: frozenset[str] | None
    trained_on: tuple[dict[str, Any], ...] = ()

    @property
    def identity(self) -> dict[str, str]:
        """What a checkpoint and the metadata of the weights say of it."""
        return {"edition": self.edition, "sha256": self.sha256}


def find_start(model: str, wanted: str | Path) -> Start:
    """Find weights to start from, and load them once with the model's own reader, as a check.

    Args:
        model: name of a trainable model.
        wanted: "official", "mini", or a path.

    Raises:
        MissingWeights: if there are no such weights here; the message says how to get them.
        WeightsError: if the file is missing, damaged, of another model or of another layout.
        TrainingError: if a file of the authors' layout is given to an inpainter.
    """
    registry = DETECTORS if model in DETECTORS.built_in else INPAINTERS
    found = find_weights(registry.card(model), wanted)
    path = found.path
    if path is None:
        raise TrainingError(f"{model} has no weights to start from")
    if path.suffix != ".safetensors" and registry is INPAINTERS:
        raise TrainingError(
            f"{path}: an inpainter starts from a .safetensors file that 'bench train' wrote; the "
            "authors' files have another layout"
        )
    create = create_detector if registry is DETECTORS else create_inpainter
    create(model, weights=path)
    noted = read_bench_metadata(path) if path.suffix == ".safetensors" else {}
    trained_on = noted.get("forgeries")
    return Start(
        path=path,
        edition=found.edition,
        sha256=found.sha256,
        network=dict(noted.get("config") or {}),
        met=training_inpainters(path) if noted else None,
        trained_on=tuple(trained_on) if isinstance(trained_on, list) else (),
    )


def with_sizes_of(start: Start, recipe: Recipe) -> Recipe:
    """The recipe, with the sizes of the network of the weights that it starts from."""
    return recipe.model_copy(update={"network": start.network})


def told(start: Start, recipe: Recipe) -> str:
    """A line about the weights, and the sizes of the recipe that theirs replace.

    Args:
        start: the weights.
        recipe: as it was before `with_sizes_of`.
    """
    other = [
        f"{name} {_plain(start.network[name])} instead of {_plain(value)}"
        for name, value in recipe.network.items()
        if name in start.network and _plain(start.network[name]) != _plain(value)
    ]
    if not start.network and recipe.network:
        other = ["the official sizes instead of the recipe's"]
    sizes = f"; the network has their sizes: {', '.join(other)}" if other else ""
    return f"Start: {start.edition} weights, SHA-256 {start.sha256[:12]}{sizes}"


def load_start(learner: Learner, start: Start) -> None:
    """Load weights into the network of a training module, strictly; other networks start anew.

    Raises:
        WeightsError: with missing keys, unexpected keys and shape mismatches; or if a number is NaN
            or infinite.
    """
    network = learner.network
    if start.path.suffix == ".safetensors":
        state = read_checkpoint(start.path)
    else:
        state = learner.read_official(start.path)
    modes = {module: module.training for module in network.modules()}
    trained = {parameter: parameter.requires_grad for parameter in network.parameters()}
    load_strict(network, state, start.path)
    for name, value in network.state_dict().items():
        if value.is_floating_point() and not value.isfinite().all():
            raise WeightsError(f"{start.path}: a number of {name} is NaN or infinite")
    _restore(modes, trained)


def _restore(modes: dict[nn.Module, bool], trained: dict[nn.Parameter, bool]) -> None:
    """Undo that `load_strict` ends training."""
    for module, mode in modes.items():
        module.training = mode
    for parameter, wanted in trained.items():
        parameter.requires_grad_(wanted)


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
