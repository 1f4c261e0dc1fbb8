"""Feature networks for perceptual and style losses: VGG-19, VGG-16, fixed random filters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.backbones import find_backbone, load_backbone, why_missing
from benchmark.core.checkpoints.load import load_strict
from benchmark.core.errors import TrainingError, WeightsError
from inpainters.training.losses.features import (
    PERCEPTUAL_LAYERS,
    POOL_LAYERS,
    STYLE_LAYERS,
    VGG16_PERCEPTUAL_LAYERS,
    VGG16_STYLE_LAYERS,
)

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # per channel, of images in [0, 1]
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True, kw_only=True)
class VGG:
    """A torchvision VGG without batch norm, up to the last layer that losses use.

    Attributes:
        name: name of its ImageNet weights in `benchmark.core.backbones`.
        layout: torchvision's configuration letter.
        positions: index in torchvision's `features`, and the name of that layer's output.
        perceptual_layers: names for the perceptual loss.
        style_layers: names for the style loss.
    """

    name: str
    layout: str
    positions: Mapping[int, str]
    perceptual_layers: tuple[str, ...]
    style_layers: tuple[str, ...]


VGG19 = VGG(
    name="vgg19",
    layout="E",
    positions={  # the ReLU after that convolution
        1: "relu1_1",
        6: "relu2_1",
        8: "relu2_2",
        11: "relu3_1",
        17: "relu3_4",
        20: "relu4_1",
        26: "relu4_4",
        29: "relu5_1",
        31: "relu5_2",
    },
    perceptual_layers=PERCEPTUAL_LAYERS,
    style_layers=STYLE_LAYERS,
)
VGG16 = VGG(
    name="vgg16",
    layout="D",
    positions={1: "relu1_1", 6: "relu2_1", 8: "relu2_2", 11: "relu3_1", 15: "relu3_3"},
    perceptual_layers=VGG16_PERCEPTUAL_LAYERS,
    style_layers=VGG16_STYLE_LAYERS,
)
VGG16_POOLS = VGG(  # of CTSDG and MADF
    name="vgg16",
    layout="D",
    positions={4: "pool1", 9: "pool2", 16: "pool3"},
    perceptual_layers=POOL_LAYERS,
    style_layers=POOL_LAYERS,
)


def imagenet_standardized(images: Tensor) -> Tensor:
    """Standardize (N, 3, H, W) images in [0, 1] with ImageNet's mean and standard deviation."""
    mean, deviation = images.new_tensor(IMAGENET_MEAN), images.new_tensor(IMAGENET_DEVIATION)
    return (images - mean[:, None, None]) / deviation[:, None, None]


class FeatureNetwork(nn.Module, ABC):
    """A frozen network for comparing images by their features.

    Attributes:
        perceptual_layers: names of the layers for the perceptual loss.
        style_layers: names of the layers for the style loss.
    """

    perceptual_layers: tuple[str, ...]
    style_layers: tuple[str, ...]

    @abstractmethod
    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (N, 3, H, W) images in [0, 1], each (N, C, h, w), by layer name."""


def first_share(images: Tensor, share: float) -> Tensor:
    """The first `share` of (N, C, H, W) images, at least one.

    Batches are shuffled, so a mean over the first images is an unbiased estimate.
    """
    return images[: max(1, round(share * len(images)))]


class VGGFeatures(FeatureNetwork):
    """VGG-19 or VGG-16, up to the last layer that losses use; inputs are not standardized.

    A new instance is untrained; see `load_vgg`.

    Args:
        vgg: which network, and which of its layers.
    """

    def __init__(self, vgg: VGG = VGG19) -> None:
        super().__init__()
        from torchvision.models.vgg import cfgs, make_layers  # seconds to import, training only

        self.perceptual_layers, self.style_layers = vgg.perceptual_layers, vgg.style_layers
        self._positions = vgg.positions
        self.layers = make_layers(cfgs[vgg.layout])[: max(vgg.positions) + 1]
        self.requires_grad_(requires_grad=False)

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (N, 3, H, W) images, H and W at least 16, by layer name.

        The images are in the range that the authors' program uses: [0, 1] unless the losses of the
        model state otherwise.
        """
        found, values = {}, images
        for position, layer in enumerate(self.layers):
            values = layer(values)
            if position in self._positions:
                found[self._positions[position]] = values
        return found


def load_vgg(vgg: VGG = VGG19) -> VGGFeatures:
    """Load the ImageNet weights that `bench weights` installed; nothing is downloaded.

    Args:
        vgg: which network, and which of its layers.

    Returns:
        The network, frozen.

    Raises:
        WeightsError: if they are not installed, damaged or of another model.
    """
    found = find_backbone(vgg.name)
    if found is None:
        raise WeightsError(f"{vgg.name}: {why_missing(vgg.name)}")
    content = load_backbone(vgg.name)
    network = VGGFeatures(vgg)
    own = network.state_dict()
    state = {name.replace("features.", "layers.", 1): value for name, value in content.items()}
    load_strict(network, {name: state[name] for name in own if name in state}, found.path)
    return network


def choose_features(
    kind: Literal["vgg19", "vgg16", "texture"], vgg16: VGG = VGG16
) -> FeatureNetwork:
    """The feature network that a recipe names.

    Args:
        kind: a VGG whose weights are installed, or "texture" for fixed random filters.
        vgg16: the layers to compare if it is VGG-16.

    Returns:
        The network, frozen, on the CPU.

    Raises:
        TrainingError: if the weights are not installed, or their file is a different one.
        WeightsError: if the file is damaged.
    """
    if kind == "texture":
        return TextureFeatures()
    reason = why_missing(kind)
    if reason:
        title = kind.upper().replace("VGG", "VGG-")
        raise TrainingError(
            f'this recipe compares features of {title}: it {reason}; or set features = "texture"'
        )
    return load_vgg(VGG19 if kind == "vgg19" else vgg16)


TEXTURE_CHANNELS = (16, 32, 32)  # per level, full resolution first
TEXTURE_SEED = 19
TEXTURE_GAIN = 8.0  # scales features of images to a standard deviation of about 0.3
BLUR = (1.0, 4.0, 6.0, 4.0, 1.0)  # binomial, in sixteenths


class TextureFeatures(FeatureNetwork):
    """Fixed random filters at three scales: features of local structure without learned weights.

    On each level of a Gaussian pyramid, 3x3 filters that are orthogonal to each other and to
    constant colors (which L1 covers), then ReLU. One such layer at several scales describes
    textures well (Ustyuzhaninov et al., ICLR 2017).
    """

    perceptual_layers = ("level0", "level1", "level2")
    style_layers = perceptual_layers

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(TEXTURE_SEED)
        for level, channels in enumerate(TEXTURE_CHANNELS):
            self.register_buffer(f"filters{level}", _filters(channels, generator))
        line = torch.tensor(BLUR) / sum(BLUR)
        self.register_buffer("blur", (line[:, None] * line).expand(3, 1, 5, 5).contiguous())

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (N, 3, H, W) images in [0, 1], H and W at least 16, at scales 1, 1/2, 1/4."""
        found, blur = {}, self.get_buffer("blur")
        for level, name in enumerate(self.perceptual_layers):
            if level:
                padded = F.pad(images, (2, 2, 2, 2), mode="reflect")
                images = F.conv2d(padded, blur, stride=2, groups=3)
            found[name] = F.relu(F.conv2d(images, self.get_buffer(f"filters{level}")))
        return found


def _filters(channels: int, generator: torch.Generator) -> Tensor:
    """(channels, 3, 3, 3) filters with zero mean in each channel, times the gain."""
    # Three colors of 9 pixels have 24 dimensions without their means.
    draws = torch.randn(2, 24, 3, 9, generator=generator)
    draws = (draws - draws.mean(dim=3, keepdim=True)).flatten(2).transpose(1, 2)  # (2, 27, 24)
    bases, triangle = torch.linalg.qr(draws)
    bases = bases * triangle.diagonal(dim1=1, dim2=2).sign()[:, None]  # the same on every platform
    rows: Tensor = bases.transpose(1, 2).flatten(0, 1)[:channels]
    return TEXTURE_GAIN * rows.reshape(channels, 3, 3, 3)
