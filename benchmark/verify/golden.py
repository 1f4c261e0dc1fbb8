"""Reference outputs: outputs of the authors' programs under seeded weights, and their comparison.

A folder of reference outputs has one folder per model: `manifest.json`, which names every tensor of
the authors' checkpoint, and `case*.npz` with an image, its mask, the outputs and the intermediate
activations.
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
    Hook,
    Pick,
    Tolerance,
    deviation,
    forward_hooks,
    mask_tensor,
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
    """Select the output of a module."""
    return output


def entering(_module: nn.Module, inputs: tuple[Any, ...], _output: object) -> Any:  # noqa: ANN401
    """Select the first input of a module."""
    return inputs[0]


def leaving_as(index: int) -> Pick:
    """Select one of several outputs of a module."""
    return lambda _module, _inputs, output: output[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """An intermediate activation, compared by its summary, within the tolerance for activations.

    Attributes:
        module: name of the module.
        pick: selects the values from the module, its inputs and its output.
        whole: compare all values instead of their summary.
    """

    module: str
    pick: Pick = leaving
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPoint:
    """An output, compared value by value.

    Attributes:
        tolerance: the allowed error.
        of: computes it from a run; None for the model's output of the same name.
    """

    tolerance: Tolerance
    of: Callable[[Asked], ArrayLike] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """How the reference outputs of a model are reproduced and compared.

    Attributes:
        parts: the manifest's parts that the model consists of, without training-only networks.
        save: writes the seeded parts as the authors' program does; returns the path to load.
        taps: tolerance for activations.
        points: activations and outputs, by the array's name in the case, in the network's order.
        training: arrays of the cases that belong to training-only networks.
    """

    parts: tuple[str, ...]
    save: Save
    taps: Tolerance
    points: Mapping[str, Activation | OutputPoint]
    training: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A reference case, and the outputs of this project's model.

    Attributes:
        expected: the case's arrays.
        model: the model, under the case's weights.
        images: (1, 3, H, W) float32 in [0, 1], the case's image.
        masks: (1, 1, H, W) float32, 1 = hole; all 0 for a detector.
        given: the model's outputs by name, without the batch axis.
        returned: return value of the network's forward.
        taps: intermediate activations by name.
    """

    expected: Arrays
    model: Inpainter | Detector
    images: Tensor
    masks: Tensor
    given: Mapping[str, Tensor]
    returned: Any
    taps: Mapping[str, NDArray[np.float64]]


def reference_of(name: str) -> Reference:
    """The reference of a model.

    Raises:
        BadInput: if the model has none.
    """
    if name not in MODELS:
        raise BadInput(f"{name} has no reference outputs; these have: {', '.join(MODELS)}")
    return cast(Reference, importlib.import_module(f"benchmark.verify.models.{name}").REFERENCE)


def find_references(folder: Path | None) -> Path | None:
    """Find the reference outputs: in the given folder, or near the working directory or checkout.

    Raises:
        BadInput: if the given folder has no reference outputs.
    """
    if folder is not None:
        for place in (folder, folder / "goldens"):
            if _has_references(place):
                return place
        raise BadInput(
            f"--goldens: {folder} holds no reference outputs (MODEL/manifest.json, MODEL/case*.npz)"
        )
    for root in (Path.cwd(), Path(__file__).resolve().parents[2]):
        for place in (root.parent / "shared" / "goldens", root.parent / "shared"):
            if _has_references(place):
                return place
    return None


def _has_references(folder: Path) -> bool:
    return any((folder / name / "manifest.json").is_file() for name in MODELS)


def cases(goldens: Path, name: str) -> list[Path]:
    """The case files of a model, sorted by name."""
    return sorted((goldens / name).glob("case*.npz"))


def read_case(file: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of a case file.

    Raises:
        DataError: if it cannot be read, or has too many numbers.
    """
    found = read_arrays(file)
    if found is None:
        raise DataError(f"{file}: no reference output, or a damaged one")
    return found


def read_manifest(goldens: Path, name: str) -> dict[str, Any]:
    """Read the manifest of a model.

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
        part: its name in the manifest.
        seed: the case's.

    Returns:
        The state dict, with the fixed values of the manifest.
    """
    manifest = read_manifest(goldens, name)
    gain = manifest.get("gains", {}).get(part, manifest["gain"])
    state = seeded_state(manifest["parts"][part], seed=seed, gain=gain)
    for tensor, value in manifest.get("fixed", {}).items():
        if tensor in state:
            state[tensor] = torch.tensor(value, dtype=torch.float32)
    return state


def merged(parts: Parts) -> State:
    """Merge the state dicts of several parts."""
    return {name: value for state in parts.values() for name, value in state.items()}


def model_of(name: str, weights: Path | str) -> Inpainter | Detector:
    """Load an inpainter or detector with the given weights.

    Raises:
        WeightsError: if they are missing, damaged or of another model.
    """
    kind = INPAINTERS if name in INPAINTERS else DETECTORS
    return kind.load(name)(weights=weights)


def play(goldens: Path, name: str, file: Path) -> Asked:
    """Load a case's seeded weights from a file in the authors' layout, and run the model.

    Args:
        goldens: the folder of reference outputs.
        name: the model.
        file: the case.

    Returns:
        The case, and the outputs of the model.

    Raises:
        DataError: if the reference outputs are damaged.
        WeightsError: if the model does not load the weights.
        BadOutput: if an output is NaN or infinite.
    """
    golden, expected = reference_of(name), read_case(file)
    seed = int(expected["seed"])
    parts = {part: seeded_part(goldens, name, part, seed=seed) for part in golden.parts}
    with TemporaryDirectory() as folder:  # up to 340 MB, removed at once
        model = model_of(name, golden.save(Path(folder), file.stem, parts))
    return ask(model, golden, expected)


def ask(model: Inpainter | Detector, golden: Reference, expected: Arrays) -> Asked:
    """Run a model on a case's image, recording intermediate activations.

    Raises:
        BadOutput: if an output is NaN or infinite.
    """
    taps: dict[str, NDArray[np.float64]] = {}
    returned: list[object] = []

    def record(name: str, tap: Activation, *call: Any) -> None:  # noqa: ANN401 (of any module)
        values = tap.pick(*call)
        taps[name] = tensor_or_number(values) if tap.whole else summary(values)

    images = to_images(expected["image"][None])
    masks = mask_tensor(expected.get("mask", np.zeros(expected["image"].shape[:2])))
    hooks: list[tuple[str, Hook]] = [("", lambda *call: returned.append(call[2]))]
    for name, tap in golden.points.items():
        if isinstance(tap, Activation):
            hooks.append((tap.module, partial(record, name, tap)))
    with forward_hooks(network_of(model), hooks):
        given = _run_model(model, images, masks, expected)
    return Asked(
        expected=expected,
        model=model,
        images=images,
        masks=masks,
        given=given,
        returned=returned[0],
        taps=taps,
    )


def _run_model(
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
    """The deviation of each point, in the network's order.

    Raises:
        DataError: if the case lacks one of the points.
    """
    for name, point in golden.points.items():
        if name not in asked.expected:
            raise DataError(f"a reference output of {asked.model.card.name} has no array {name!r}")
        tolerance = golden.taps if isinstance(point, Activation) else point.tolerance
        yield deviation(name, _value(name, point, asked), asked.expected[name], tolerance)


def _value(name: str, point: Activation | OutputPoint, asked: Asked) -> ArrayLike:
    if isinstance(point, Activation):
        return asked.taps.get(name, np.empty(0))  # infinite deviation if a module did not run
    return tensor_or_number(asked.given[name] if point.of is None else point.of(asked))
