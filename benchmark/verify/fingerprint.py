"""What a model answers to two fixed images, noted at every stage of its network."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.errors import SizeWarning
from benchmark.core.tensors import to_images, to_masks
from benchmark.core.types import Mask, Pixels
from benchmark.datasets import open_dataset
from benchmark.verify.tolerance import Values, listening, network_of, summary
from detectors.base import Detector
from inpainters.base import Inpainter

DEPTH = 2  # parts of a module's name that is noted: deep enough to point, short enough to read
GRID = 16  # cells of an answer's coarse image, along each side
PHOTOGRAPH = "astronaut"
WINDOWS = ((16, 96, 256, 256), (40, 150, 181, 237))  # top, left, height, width: even, then odd


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedImage:
    """An image with a hole that never change.

    Attributes:
        size: "HEIGHTxWIDTH".
        pixels: (1, H, W, 3) uint8.
        mask: (1, H, W) bool, True = hole.
    """

    size: str
    pixels: Pixels
    mask: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a model answered to one fixed image.

    Attributes:
        taps: summary of what left each module, in the order in which they finished.
        outputs: summary and coarse image of each of the door's answers.
    """

    taps: Mapping[str, Values]
    outputs: Mapping[str, Values]


@cache
def fixed_images() -> tuple[FixedImage, ...]:
    """Two windows of an image that scikit-image installs, cut and not resized."""
    photograph = open_dataset("samples", images=None, size=None).load(PHOTOGRAPH)
    return tuple(_window(photograph, *window) for window in WINDOWS)


def _window(photograph: Pixels, top: int, left: int, height: int, width: int) -> FixedImage:
    pixels = photograph[top : top + height, left : left + width]
    down, right = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    block = (abs(down - 0.35) < 0.15) & (abs(right - 0.4) < 0.2)
    disc = (down - 0.7) ** 2 + (right - 0.7) ** 2 < 0.15**2
    stroke = abs(down + right - 0.5) < 0.02
    mask = (block | disc | stroke)[None]
    return FixedImage(size=f"{height}x{width}", pixels=pixels[None].copy(), mask=mask)


@cache
def images_sha256() -> str:
    """SHA-256 of the fixed images and their holes."""
    whole = hashlib.sha256()
    for picture in fixed_images():
        whole.update(picture.size.encode() + picture.pixels.tobytes() + picture.mask.tobytes())
    return whole.hexdigest()


def look(model: Inpainter | Detector, picture: FixedImage) -> Seen:
    """Show a model a fixed image.

    Raises:
        BadOutput: if it answers NaN or infinity.
    """
    taps: dict[str, Values] = {}
    network = network_of(model)
    names = [name for name, _ in network.named_modules() if name and name.count(".") < DEPTH]
    with listening(network, [(name, partial(_note, taps, name)) for name in names]):
        given = _given(model, picture)
    outputs = {name: summary(values) for name, values in given.items()}
    grids = {f"{name} grid": _grid(values) for name, values in given.items() if values.ndim > 1}
    return Seen(taps=taps, outputs={**outputs, **grids})


def _note(
    taps: dict[str, Values], name: str, _module: nn.Module, _inputs: object, output: object
) -> None:
    tensors = [tensor.flatten() for tensor in _tensors(output)]
    if tensors and name not in taps:  # a module that runs again keeps its first run's
        taps[name] = summary(torch.cat(tensors))


def _tensors(output: object) -> Iterator[Tensor]:
    """The tensors in whatever a module returns, in order."""
    if isinstance(output, Tensor):
        yield output.detach().double().cpu()
    elif isinstance(output, Mapping):
        for value in output.values():
            yield from _tensors(value)
    elif isinstance(output, tuple | list):
        for value in output:
            yield from _tensors(value)
    elif is_dataclass(output):
        for field in fields(output):
            yield from _tensors(getattr(output, field.name))


def _given(model: Inpainter | Detector, picture: FixedImage) -> dict[str, Tensor]:
    images = to_images(picture.pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SizeWarning)  # the odd size is there to try that rule
        if isinstance(model, Inpainter):
            return {"filled": model.inpaint(images, to_masks(picture.mask))[0]}
        detection = model.detect(images)
    given = {"heatmap": detection.heatmap[0], "score": detection.score}
    if detection.confidence is not None:
        given["confidence"] = detection.confidence[0]
    return given


def _grid(values: Tensor) -> Values:
    """Means over the cells of a coarse grid, flat: C x GRID x GRID numbers."""
    planes = values.detach().double().cpu().reshape(1, -1, *values.shape[-2:])
    return F.adaptive_avg_pool2d(planes, GRID).numpy().ravel()
