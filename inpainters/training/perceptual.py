"""Feature networks for the perceptual and style losses: VGG-19, and what stands in for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.checkpoint import load_strict, read_checkpoint
from benchmark.core.errors import WeightsError
from benchmark.core.paths import torch_checkpoints
from benchmark.core.weights import sha256_of
from inpainters.training.losses.features import PERCEPTUAL_LAYERS, STYLE_LAYERS, perceptual, style


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureLosses:
    """Both losses on features of one step: scalars, both stages' terms added, before weighting."""

    perceptual: Tensor
    style: Tensor


VGG_FILE = "vgg19-dcbb9e9d.pth"
VGG_DIGEST = "dcbb9e9d"  # torchvision names its files by the first digits of their SHA-256
VGG_POSITIONS = {  # in torchvision's `features`: the ReLU after that convolution
    1: "relu1_1",
    6: "relu2_1",
    8: "relu2_2",
    11: "relu3_1",
    17: "relu3_4",
    20: "relu4_1",
    26: "relu4_4",
    29: "relu5_1",
    31: "relu5_2",
}


class FeatureNetwork(nn.Module, ABC):
    """A frozen network whose features two pictures are compared in.

    Attributes:
        perceptual_layers: names of the layers for the perceptual loss.
        style_layers: names of the layers for the style loss.
    """

    perceptual_layers: ClassVar[tuple[str, ...]]
    style_layers: ClassVar[tuple[str, ...]]

    @abstractmethod
    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (N, 3, H, W) images in [0, 1], each (N, C, h, w), by layer name."""


def feature_losses(
    network: FeatureNetwork, stages: tuple[Tensor, Tensor], images: Tensor, masks: Tensor
) -> FeatureLosses:
    """Perceptual and style loss of both stages in the program's form, in few passes of the network.

    Args:
        network: gives the features.
        stages: (N, 3, H, W) in [0, 1] each, both stages' whole pictures.
        images: (N, 3, H, W) in [0, 1], untouched.
        masks: (N, 1, H, W), 1 = hole: style compares the pictures times these.

    Returns:
        Perceptual: G1 and G2 against I. Style: G1 M and G2 M against I M.
    """
    both, holes = torch.cat(stages), torch.cat((masks, masks))
    with torch.no_grad():
        real, real_hole = network.features(images), network.features(images * masks)
        real = {name: torch.cat((value, value)) for name, value in real.items()}
        real_hole = {name: torch.cat((value, value)) for name, value in real_hole.items()}
    seen = perceptual(network.features(both), real, network.perceptual_layers)
    textures = style(network.features(both * holes), real_hole, network.style_layers)
    # A mean over both stages at once is half the sum of their means.
    return FeatureLosses(perceptual=2 * seen, style=2 * textures)


class VGGFeatures(FeatureNetwork):
    """VGG-19 without batch norm, to relu5_2, as torchvision builds it; no ImageNet mean comes off.

    A new one is untrained; `load_vgg` gives the one the losses are meant for.
    """

    perceptual_layers = PERCEPTUAL_LAYERS
    style_layers = STYLE_LAYERS

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models.vgg import cfgs, make_layers  # seconds to import, training only

        self.layers = make_layers(cfgs["E"])[: max(VGG_POSITIONS) + 1]
        self.requires_grad_(requires_grad=False)

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """The nine named layers of (N, 3, H, W) images in [0, 1], H and W at least 16."""
        answers, values = {}, images
        for position, layer in enumerate(self.layers):
            values = layer(values)
            if position in VGG_POSITIONS:
                answers[VGG_POSITIONS[position]] = values
        return answers


def find_vgg() -> Path | None:
    """Where torch keeps torchvision's VGG-19 weights, or None if they are not there."""
    path = torch_checkpoints() / VGG_FILE
    return path if path.is_file() else None


def load_vgg(path: Path) -> VGGFeatures:
    """Load torchvision's ImageNet VGG-19 from its file; nothing is downloaded.

    Args:
        path: `vgg19-dcbb9e9d.pth`.

    Returns:
        The network, frozen.

    Raises:
        WeightsError: if the file is missing, damaged or another one.
    """
    content = read_checkpoint(path)
    if not sha256_of(path).startswith(VGG_DIGEST):
        raise WeightsError(f"{path}: its SHA-256 does not start with {VGG_DIGEST}; fetch it again")
    network = VGGFeatures()
    own = network.state_dict()
    state = {name.replace("features.", "layers.", 1): value for name, value in content.items()}
    load_strict(network, {name: state[name] for name in own if name in state}, path)
    return network


TEXTURE_CHANNELS = (16, 32, 32)  # per level, full resolution first
TEXTURE_SEED = 19
TEXTURE_GAIN = 8.0  # brings the answers to photographs to a deviation of about 0.3
BLUR = (1.0, 4.0, 6.0, 4.0, 1.0)  # binomial, in sixteenths


class TextureFeatures(FeatureNetwork):
    """Local structure at three scales through fixed random filters: no learned weights.

    On each level of a blur-and-halve pyramid, 3x3 filters that are orthogonal to each other and to
    every constant colour (L1 sees that), then ReLU. One such layer at several scales is known to
    describe textures well (Ustyuzhaninov et al., ICLR 2017).
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
        """Three levels of (N, 3, H, W) images in [0, 1], H and W at least 16, halved each time."""
        answers, blur = {}, self.get_buffer("blur")
        for level, name in enumerate(self.perceptual_layers):
            if level:
                padded = F.pad(images, (2, 2, 2, 2), mode="reflect")
                images = F.conv2d(padded, blur, stride=2, groups=3)
            answers[name] = F.relu(F.conv2d(images, self.get_buffer(f"filters{level}")))
        return answers


def _filters(channels: int, generator: torch.Generator) -> Tensor:
    """(channels, 3, 3, 3), of zero mean in each colour, times the gain."""
    draws = torch.randn(
        2, 24, 3, 9, generator=generator
    )  # 3 colours of 9 pixels less their mean: 24
    draws = (draws - draws.mean(dim=3, keepdim=True)).flatten(2).transpose(1, 2)  # (2, 27, 24)
    bases, triangle = torch.linalg.qr(draws)
    bases = bases * triangle.diagonal(dim1=1, dim2=2).sign()[:, None]  # the same on every platform
    rows: Tensor = bases.transpose(1, 2).flatten(0, 1)[:channels]
    return TEXTURE_GAIN * rows.reshape(channels, 3, 3, 3)
