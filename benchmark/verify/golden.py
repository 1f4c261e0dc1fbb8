"""Goldens: what the authors' programs answer under weights that are drawn from names.

A folder of reference outputs has one folder a model: `manifest.json`, which names every tensor of
the authors' checkpoint, and `case*.npz` with an image, its mask, the answer and the taps.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from benchmark.core.arrays import read_arrays
from benchmark.core.errors import BadInput, DataError
from benchmark.core.tensors import to_images
from benchmark.verify.models import MODELS
from benchmark.verify.seeded import State, seeded_state
from benchmark.verify.tolerance import (
    Deviation,
    Hear,
    Pick,
    Tolerance,
    deviation,
    hole_tensor,
    listening,
    network_of,
    summary,
    tensor_or_number,
)
from detectors import DETECTORS
from detectors.base import Detector
from inpainters import INPAINTERS
from inpainters.base import Inpainter

Arrays = Mapping[str, NDArray[Any]]
Parts = Mapping[str, State]  # a checkpoint's tensors, by the manifest's parts
Save = Callable[[Path, str, Parts], Path]  # folder, case, seeded parts -> what to load


def leaving(_module: nn.Module, _inputs: tuple[Any, ...], output: Any) -> Any:  # noqa: ANN401
    """What leaves a module."""
    return output


def entering(_module: nn.Module, inputs: tuple[Any, ...], _output: object) -> Any:  # noqa: ANN401
    """What enters a module first."""
    return inputs[0]


def leaving_as(index: int) -> Pick:
    """One of several tensors that leave a module."""
    return lambda _module, _inputs, output: output[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A point inside the network, compared by its summary with the reference output's tolerance
    for taps.

    Attributes:
        module: the name of the module it is noted at.
        pick: what to note of the module, what enters and what leaves it.
        whole: the values themselves are compared, not their summary.
    """

    module: str
    pick: Pick = leaving
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A point outside the network, compared value by value.

    Attributes:
        tolerance: how far it may be off.
        of: how it is had from what was asked; None for the door's answer of the point's name.
    """

    tolerance: Tolerance
    of: Callable[[Asked], ArrayLike] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """How a model's reference outputs are played and what is compared.

    Attributes:
        parts: the manifest's parts that make up the model, without what only training needs.
        save: writes the seeded parts as the authors' program does; says what to load.
        taps: how far a tap may be off.
        points: what is compared, by the array's name in the case, in the network's order.
        training: arrays of the cases that belong to networks which only training has.
    """

    parts: tuple[str, ...]
    save: Save
    taps: Tolerance
    points: Mapping[str, Activation | Answer]
    training: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A case, and what this project's model answers to it.

    Attributes:
        expected: the case's arrays.
        model: the model, under the case's weights.
        images: (1, 3, H, W) float32 in [0, 1], the case's image.
        masks: (1, 1, H, W) float32, 1 = hole; nothing of it for a detector.
        given: the door's answers by name, each for the one image.
        returned: what the network's forward returned.
        taps: the taps' values by name.
    """

    expected: Arrays
    model: Inpainter | Detector
    images: Tensor
    masks: Tensor
    given: Mapping[str, Tensor]
    returned: Any
    taps: Mapping[str, NDArray[np.float64]]


def reference_of(name: str) -> Reference:
    """How the reference outputs of a model are played.

    Raises:
        BadInput: if the model has none.
    """
    if name not in MODELS:
        raise BadInput(f"{name} has no reference outputs; these have: {', '.join(MODELS)}")
    return cast(Reference, importlib.import_module(f"benchmark.verify.models.{name}").GOLDEN)


def find_references(folder: Path | None) -> Path | None:
    """The folder of reference outputs: the given one, or one in `../shared` of here or of the
    checkout.

    Raises:
        BadInput: if the given folder holds no reference outputs.
    """
    if folder is not None:
        for place in (folder, folder / "goldens"):
            if _holds_goldens(place):
                return place
        raise BadInput(
            f"--goldens: {folder} holds no reference outputs (MODEL/manifest.json, MODEL/case*.npz)"
        )
    for root in (Path.cwd(), Path(__file__).resolve().parents[2]):
        for place in (root.parent / "shared" / "goldens", root.parent / "shared"):
            if _holds_goldens(place):
                return place
    return None


def _holds_goldens(folder: Path) -> bool:
    return any((folder / name / "manifest.json").is_file() for name in MODELS)


def cases(goldens: Path, name: str) -> list[Path]:
    """The files of a model's cases, in the order of their names."""
    return sorted((goldens / name).glob("case*.npz"))


def read_case(file: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a reference output's file, read whole.

    Raises:
        DataError: if it cannot be read, or has too many numbers.
    """
    found = read_arrays(file)
    if found is None:
        raise DataError(f"{file}: no reference output, or a damaged one")
    return found


def read_manifest(goldens: Path, name: str) -> dict[str, Any]:
    """What the manifest of a model says.

    Raises:
        DataError: if it cannot be read.
    """
    file = goldens / name / "manifest.json"
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise DataError(f"{file}: no manifest, or a damaged one ({str(error)[:100]})") from None


def seeded_part(goldens: Path, name: str, part: str, *, seed: int) -> State:
    """The seeded state dict of one part of a model's manifest.

    Args:
        goldens: the folder of reference outputs.
        name: the model.
        part: the manifest's name of it.
        seed: the case's.

    Returns:
        The state dict, with the values that the manifest fixes.
    """
    manifest = read_manifest(goldens, name)
    gain = manifest.get("gains", {}).get(part, manifest["gain"])
    state = seeded_state(manifest["parts"][part], seed=seed, gain=gain)
    for tensor, value in manifest.get("fixed", {}).items():
        if tensor in state:
            state[tensor] = torch.tensor(value, dtype=torch.float32)
    return state


def merged(parts: Parts) -> State:
    """One state dict of several parts."""
    return {name: value for state in parts.values() for name, value in state.items()}


def model_of(name: str, weights: Path | str) -> Inpainter | Detector:
    """The inpainter or detector of that name, under the given weights.

    Raises:
        WeightsError: if they are missing, damaged or of another model.
    """
    kind = INPAINTERS if name in INPAINTERS else DETECTORS
    return kind.load(name)(weights=weights)


def play(goldens: Path, name: str, file: Path) -> Asked:
    """Load a case's weights from a file in the authors' layout, and ask the model.

    Args:
        goldens: the folder of reference outputs.
        name: the model.
        file: the case.

    Returns:
        The case, and what the model answers.

    Raises:
        DataError: if the reference outputs are damaged.
        WeightsError: if the model does not load the weights.
        BadOutput: if it answers NaN or infinity.
    """
    golden, expected = reference_of(name), read_case(file)
    seed = int(expected["seed"])
    parts = {part: seeded_part(goldens, name, part, seed=seed) for part in golden.parts}
    with TemporaryDirectory() as folder:  # up to 340 MB, gone at once
        model = model_of(name, golden.save(Path(folder), file.stem, parts))
    return ask(model, golden, expected)


def ask(model: Inpainter | Detector, golden: Reference, expected: Arrays) -> Asked:
    """Take a case's image through a model's door, noting the taps on the way.

    Raises:
        BadOutput: if the model answers NaN or infinity.
    """
    taps: dict[str, NDArray[np.float64]] = {}
    returned: list[object] = []

    def note(name: str, tap: Activation, *seen: Any) -> None:  # noqa: ANN401 (whatever modules take)
        values = tap.pick(*seen)
        taps[name] = tensor_or_number(values) if tap.whole else summary(values)

    images = to_images(expected["image"][None])
    masks = hole_tensor(expected.get("mask", np.zeros(expected["image"].shape[:2])))
    hear: list[tuple[str, Hear]] = [("", lambda *seen: returned.append(seen[2]))]
    for name, tap in golden.points.items():
        if isinstance(tap, Activation):
            hear.append((tap.module, partial(note, name, tap)))
    with listening(network_of(model), hear):
        given = _through_the_door(model, images, masks, expected)
    return Asked(
        expected=expected,
        model=model,
        images=images,
        masks=masks,
        given=given,
        returned=returned[0],
        taps=taps,
    )


def _through_the_door(
    model: Inpainter | Detector, images: Tensor, masks: Tensor, expected: Arrays
) -> dict[str, Tensor]:
    if isinstance(model, Inpainter):
        latents = {name: torch.from_numpy(expected[name]) for name in model.card.latents}
        return {"filled": model.inpaint(images, masks, latents=latents)[0]}
    detection = model.detect(images)
    given = {"heatmap": detection.heatmap[0], "score": detection.score[0]}
    if detection.confidence is not None:
        given["confidence"] = detection.confidence[0]
    return given


def compare(golden: Reference, asked: Asked) -> Iterator[Deviation]:
    """How far each point is off, in the network's order.

    Raises:
        DataError: if the case lacks one of the points.
    """
    for name, point in golden.points.items():
        if name not in asked.expected:
            raise DataError(f"a reference output of {asked.model.card.name} has no array {name!r}")
        tolerance = golden.taps if isinstance(point, Activation) else point.tolerance
        yield deviation(name, _value(name, point, asked), asked.expected[name], tolerance)


def _value(name: str, point: Activation | Answer, asked: Asked) -> ArrayLike:
    if isinstance(point, Activation):
        return asked.taps.get(name, np.empty(0))  # a module that did not run is off by infinity
    return tensor_or_number(asked.given[name] if point.of is None else point.of(asked))
