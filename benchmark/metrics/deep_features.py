"""LPIPS from its definition: the layers of an ImageNet network in which two images are compared.

Zhang et al. 2018 (arXiv:1801.03924), equation 1, version 0.1. The linear layers come from the files
of the package `lpips`. It is not imported: with torchvision that takes seconds, and its network
looks at the original again for every inpainter.
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

Features = tuple[Tensor, ...]  # of one image, for each layer (pixels, channels), of unit length
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of images in [-1, 1], per colour
TINY = 1e-10  # added to lengths: a pixel without features stays without


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a backbone's table of convolutions does not say.

    Attributes:
        linear: the package's file of linear layers.
        pooling: side and stride of max pooling.
        first: stride and padding of the first convolution; the others keep the size.
        compared: of which convolutions, by their number in torchvision's `features`, the answer is
            compared, after its ReLU.
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
    """A backbone with LPIPS's linear layers.

    It looks at one image at a time: in a batch, the last digits of an answer could depend on the
    neighbours, and on a CPU it gains little (docs/scale.md). Channels lie side by side in memory,
    which makes pooling ten times as fast.

    Args:
        backbone: "alexnet" or "vgg16".

    Raises:
        WeightsError: if the backbone is not here, or a file's content is not the published one.
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
        """The features of one image, (H, W, 3) uint8 RGB."""
        images = to_images(pixels[None]) * 2 - 1
        shift, scale = (images.new_tensor(one).view(3, 1, 1) for one in (SHIFT, SCALE))
        values = ((images - shift) / scale).contiguous(memory_format=torch.channels_last)
        with network_threads():
            layers = self._layers(values)
        return tuple(_of_unit_length(layer) for layer in layers)

    def _layers(self, values: Tensor) -> list[Tensor]:
        """The (1, C, h, w) answers that are compared, of (1, 3, H, W) values."""
        found, last = [], 0
        for at, _, _, side in self._convolutions:
            if at > last + 2:  # torchvision counts the pooling between
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
        """The distance of two images of one size, by their features; 0 if they are the same."""
        distance = 0.0
        for a, b, weight in zip(one, other, self._linear, strict=True):
            apart = (a - b).square_().mul_(weight).sum(dim=1)
            distance += float(apart.double().mean())
        return distance


@cache
def load_network(backbone: str, found: BackboneFile) -> DeepFeatures:
    """A backbone with its linear layers, read once per process while its file stays.

    Args:
        backbone: as `BACKBONES` calls it.
        found: its file, which `load_backbone` finds too.

    Raises:
        WeightsError: as `DeepFeatures`.
    """
    return DeepFeatures(backbone)


def _of_unit_length(layer: Tensor) -> Tensor:
    """(1, C, h, w) features as (h * w, C), divided by their length over channels."""
    flat = layer[0].permute(1, 2, 0).flatten(0, 1)
    return flat / (flat.square().sum(dim=1, keepdim=True).sqrt_() + TINY)


def _linear_layers(
    layout: Layout, convolutions: tuple[tuple[int, int, int, int], ...]
) -> list[Tensor]:
    """A weight per channel of each layer that is compared."""
    spec = find_spec("lpips")
    if spec is None or spec.origin is None:
        raise WeightsError("the package lpips is not here; get it with 'pip install lpips==0.1.4'")
    path = Path(spec.origin).parent / "weights" / "v0.1" / layout.linear
    content, channels = read_checkpoint(path), {at: out for at, out, _, _ in convolutions}
    expected = {
        f"lin{number}.model.1.weight": (1, channels[at], 1, 1)
        for number, at in enumerate(layout.compared)
    }
    if {name: tuple(value.shape) for name, value in content.items()} != expected:
        raise WeightsError(f"{path}: not the linear layers of LPIPS 0.1")
    return [content[name].flatten() for name in expected]
