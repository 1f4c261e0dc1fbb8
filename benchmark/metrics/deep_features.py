"""LPIPS from its definition: distance of deep features of two images, with linear weights.

Zhang et al. 2018 (arXiv:1801.03924), equation 1, version 0.1. The linear layers are read from the
files of the package `lpips`. The package itself is not imported: with torchvision that takes
seconds, and its network would compute the original's features again for every inpainter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.core.backbones import BACKBONES, BackboneFile, load_backbone
from benchmark.core.checkpoints.load import read_checkpoint
from benchmark.core.errors import WeightsError
from benchmark.core.tensors import to_images
from benchmark.core.threads import network_threads
from benchmark.core.types import Pixels

Features = tuple[Tensor, ...]  # of one image: per layer (pixels, channels), of unit length
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of images in [-1, 1], per channel
TINY = 1e-10  # added to lengths: features that are all zero stay zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Architecture of a backbone apart from its table of convolutions.

    Attributes:
        linear: file name of the linear layers in the package `lpips`.
        pooling: kernel size and stride of max pooling.
        first: stride and padding of the first convolution; the others preserve the size.
        compared: indices in torchvision's `features` of the convolutions whose activations are
            compared, after ReLU.
    """

    linear: str
    pooling: tuple[int, int]
    first: tuple[int, int]
    compared: tuple[int, ...]


LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "alexnet": Layout(
            linear="alex.pth", pooling=(3, 2), first=(4, 2), compared=(0, 3, 6, 8, 10)
        ),
        "vgg16": Layout(
            linear="vgg.pth", pooling=(2, 2), first=(1, 1), compared=(2, 7, 14, 21, 28)
        ),
    }
)


class DeepFeatures:
    """A backbone with the linear layers of LPIPS.

    Images are processed one by one: in a batch, the last digits could depend on other images, and
    on a CPU batches gain little (docs/scale.md). The channels-last memory format makes pooling ten
    times as fast.

    Args:
        backbone: "alexnet" or "vgg16".

    Raises:
        WeightsError: if the backbone is not installed, or a file's content is not the published.
    """

    def __init__(self, backbone: str) -> None:
        self._layout = LAYOUTS[backbone]
        self._convolutions = BACKBONES[backbone].convolutions
        self._weights = {
            name: value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value
            for name, value in load_backbone(backbone).items()
        }
        self._linear = _linear_layers(self._layout, self._convolutions)

    @torch.inference_mode()
    def of(self, pixels: Pixels) -> Features:
        """Return the features of one image, (H, W, 3) uint8 RGB."""
        images = to_images(pixels[None]) * 2 - 1
        shift, scale = (images.new_tensor(one).view(3, 1, 1) for one in (SHIFT, SCALE))
        values = ((images - shift) / scale).contiguous(memory_format=torch.channels_last)
        with network_threads():
            layers = self._layers(values)
        return tuple(_of_unit_length(layer) for layer in layers)

    def _layers(self, values: Tensor) -> list[Tensor]:
        """Return the compared activations, (1, C, h, w) each, of an image (1, 3, H, W)."""
        found, last = [], 0
        for at, _, _, side in self._convolutions:
            if at > last + 2:  # torchvision counts the pooling layer in between
                values = F.max_pool2d(values, *self._layout.pooling)
            stride, padding = (1, side // 2) if at else self._layout.first
            weight, bias = (self._weights[f"features.{at}.{part}"] for part in ("weight", "bias"))
            values = F.relu_(F.conv2d(values, weight, bias, stride, padding))
            if at in self._layout.compared:
                found.append(values)
            last = at
        return found

    @torch.inference_mode()
    def distance(self, one: Features, other: Features) -> float:
        """Return the LPIPS distance of two images of equal size from their features."""
        distance = 0.0
        for a, b, weight in zip(one, other, self._linear, strict=True):
            apart = (a - b).square_().mul_(weight).sum(dim=1)
            distance += float(apart.double().mean())
        return distance


@cache
def load_network(backbone: str, found: BackboneFile) -> DeepFeatures:
    """Return a backbone with its linear layers, read once per process while its file is unchanged.

    Args:
        backbone: name in `BACKBONES`.
        found: its file, as `load_backbone` finds it.

    Raises:
        WeightsError: as `DeepFeatures`.
    """
    return DeepFeatures(backbone)


def _of_unit_length(layer: Tensor) -> Tensor:
    """Reshape (1, C, h, w) features to (h * w, C), divided by their length over channels."""
    flat = layer[0].permute(1, 2, 0).flatten(0, 1)
    return flat / (flat.square().sum(dim=1, keepdim=True).sqrt_() + TINY)


def _linear_layers(
    layout: Layout, convolutions: tuple[tuple[int, int, int, int], ...]
) -> list[Tensor]:
    """Return the (C,) channel weights of each compared layer."""
    spec = find_spec("lpips")
    if spec is None or spec.origin is None:
        raise WeightsError("the package lpips is not installed; run 'pip install lpips==0.1.4'")
    path = Path(spec.origin).parent / "weights" / "v0.1" / layout.linear
    content, channels = read_checkpoint(path), {at: out for at, out, _, _ in convolutions}
    expected = {
        f"lin{number}.model.1.weight": (1, channels[at], 1, 1)
        for number, at in enumerate(layout.compared)
    }
    if {name: tuple(value.shape) for name, value in content.items()} != expected:
        raise WeightsError(f"{path}: not the linear layers of LPIPS 0.1")
    return [content[name].flatten() for name in expected]
