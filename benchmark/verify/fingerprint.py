"""Fingerprints: a model's outputs and intermediate activations on two fixed images."""

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
from benchmark.verify.tolerance import Values, forward_hooks, network_of, summary
from detectors.base import Detector
from inpainters.base import Inpainter

DEPTH = 2  # levels of module names whose activations are recorded
GRID = 16  # cells of an output's downscaled copy, along each side
SAMPLE = "astronaut"
WINDOWS = ((16, 96, 256, 256), (40, 150, 181, 237))  # top, left, height, width: even, then odd


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedImage:
    """A fixed test image with a fixed mask.

    Attributes:
        size: "HEIGHTxWIDTH".
        pixels: (1, H, W, 3) uint8.
        mask: (1, H, W) bool, True = hole.
    """

    size: str
    pixels: Pixels
    mask: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The outputs and activations of a model on one fixed image.

    Attributes:
        taps: by module, a summary of its output, in order of execution.
        outputs: by name, a summary and a downscaled copy of each output of the model.
    """

    taps: Mapping[str, Values]
    outputs: Mapping[str, Values]


@cache
def fixed_images() -> tuple[FixedImage, ...]:
    """Two crops of a sample image of scikit-image, not resized."""
    sample = open_dataset("samples", images=None, size=None).load(SAMPLE)
    return tuple(_window(sample, *window) for window in WINDOWS)


def _window(sample: Pixels, top: int, left: int, height: int, width: int) -> FixedImage:
    pixels = sample[top : top + height, left : left + width]
    down, right = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    block = (abs(down - 0.35) < 0.15) & (abs(right - 0.4) < 0.2)
    disc = (down - 0.7) ** 2 + (right - 0.7) ** 2 < 0.15**2
    stroke = abs(down + right - 0.5) < 0.02
    mask = (block | disc | stroke)[None]
    return FixedImage(size=f"{height}x{width}", pixels=pixels[None].copy(), mask=mask)


@cache
def images_sha256() -> str:
    """SHA-256 of the fixed images and their masks."""
    whole = hashlib.sha256()
    for image in fixed_images():
        whole.update(image.size.encode() + image.pixels.tobytes() + image.mask.tobytes())
    return whole.hexdigest()


def fingerprint_of(model: Inpainter | Detector, image: FixedImage) -> Fingerprint:
    """Run a model on a fixed image.

    Raises:
        BadOutput: if an output is NaN or infinite.
    """
    taps: dict[str, Values] = {}
    network = network_of(model)
    names = [name for name, _ in network.named_modules() if name and name.count(".") < DEPTH]
    with forward_hooks(network, [(name, partial(_record, taps, name)) for name in names]):
        found = _outputs_of(model, image)
    outputs = {name: summary(values) for name, values in found.items()}
    grids = {f"{name} grid": _grid(values) for name, values in found.items() if values.ndim > 1}
    return Fingerprint(taps=taps, outputs={**outputs, **grids})


def _record(
    taps: dict[str, Values], name: str, _module: nn.Module, _inputs: object, output: object
) -> None:
    tensors = [tensor.flatten() for tensor in _tensors(output)]
    if tensors and name not in taps:  # the first call, if a module runs more than once
        taps[name] = summary(torch.cat(tensors))


def _tensors(output: object) -> Iterator[Tensor]:
    """All tensors in the return value of a module, in order."""
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


def _outputs_of(model: Inpainter | Detector, image: FixedImage) -> dict[str, Tensor]:
    images = to_images(image.pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SizeWarning)  # the odd size tests this rule
        if isinstance(model, Inpainter):
            return {"filled": model.inpaint(images, to_masks(image.mask))[0]}
        detection = model.detect(images)
    found = {"heatmap": detection.heatmap[0], "score": detection.score}
    if detection.confidence is not None:
        found["confidence"] = detection.confidence[0]
    return found


def _grid(values: Tensor) -> Values:
    """Average-pool (C, H, W) values to a coarse grid, flat: C * GRID * GRID numbers."""
    planes = values.detach().double().cpu().reshape(1, -1, *values.shape[-2:])
    return F.adaptive_avg_pool2d(planes, GRID).numpy().ravel()
