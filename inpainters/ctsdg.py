"""CTSDG: conditional texture and structure dual generation (arXiv 2108.09760).

Written from a description of its published program. Two U-Nets of partial convolutions, for
texture and structure (edges); each decoder starts from the bottleneck of the other. Their features
are fused by gates and refined by patch attention. Parameter names are those of the authors'
checkpoint. Inside the network the mask is inverted: 1 = known.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.load import (
    load_strict,
    part_of,
    read_checkpoint,
    read_sizes,
    refuse_unfit,
)
from benchmark.core.errors import BadInput
from benchmark.core.inference import optimize_for_inference
from benchmark.core.model import Engines
from benchmark.core.tensors import to_images, to_masks, to_pixels
from benchmark.core.types import Mask, Pixels
from inpainters.base import Inpainter
from inpainters.edgeconnect import canny_edges, gray_levels

SIDE = 256  # images of unsupported size are resized to squares of this side
SLOPE = 0.2  # of the decoders' LeakyReLU
SHARPNESS = 10  # factor on the attention's logits
FAINTEST = 1e-8  # smallest attention weight
PLACES = 4096  # query positions at once: all of a 256x256 image
DILATIONS = (1, 2, 4, 8)
SQUEEZE = 4  # reduction ratio of a projection's bottleneck

# For gray and edges the program converts images in [-1, 1] to 8 bits as if they were in [0, 1], so
# that levels wrap around; the weights were trained with it.
WRAPPED = np.array(
    [2 * v + 1 if v < 64 else (2 * v + 2) % 256 if v < 128 else 2 * v - 255 for v in range(256)],
    dtype=np.uint8,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CTSDGConfig:
    """Sizes of the network; the defaults are the authors'.

    Attributes:
        width: channels of the first level; doubled per level, up to eight times as many.
        levels: downsampling steps of each encoder.
    """

    width: int = 64
    levels: int = 7

    def __post_init__(self) -> None:
        """Validate the sizes.

        Raises:
            BadInput: names the invalid field.
        """
        for field in fields(self):
            if type(getattr(self, field.name)) is not int:
                raise BadInput(f"ctsdg: {field.name}: expected a whole number")
        if self.width < SQUEEZE or self.width % SQUEEZE:
            raise BadInput(f"ctsdg: width: expected a multiple of {SQUEEZE}, got {self.width}")
        if not 2 <= self.levels <= 8:
            raise BadInput(f"ctsdg: levels: expected 2 to 8, got {self.levels}")

    @property
    def multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        return 1 << self.levels

    def channels(self, level: int) -> int:
        """Channels at a level of 1 or more."""
        return self.width << min(level - 1, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialFeatures:
    """Features and their validity mask.

    Attributes:
        features: (N, C, h, w).
        known: (N, 1, h, w) of 0 and 1, 1 = known.
    """

    features: Tensor
    known: Tensor

    def upsampled(self) -> PartialFeatures:
        """Upsample by 2: features bilinearly, the mask by nearest neighbor."""
        known = F.interpolate(self.known, scale_factor=2, mode="nearest")
        return PartialFeatures(features=_upsampled(self.features), known=known)


@dataclass(frozen=True, slots=True, kw_only=True)
class CTSDGOutput:
    """Outputs of the generator for N images.

    Attributes:
        raw: (N, 3, H, W) in [-1, 1], the whole image.
        texture: (N, width, H, W), features of the texture decoder.
        structure: (N, width, H, W), features of the structure decoder.
    """

    raw: Tensor
    texture: Tensor
    structure: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Projections:
    """Predictions of each decoder alone, for training losses.

    Attributes:
        image: (N, 3, H, W) in [-1, 1], image of the texture decoder.
        edges: (N, 1, H, W) in [0, 1], edges of the structure decoder.
    """

    image: Tensor
    edges: Tensor


def _upsampled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)


class PartialUnit(nn.Module):
    """A partial convolution, batch norm and an activation.

    Args:
        channels: of all inputs together.
        width: output channels.
        side: kernel size.
        stride: 2 in an encoder, 1 in a decoder.
        norm: whether it has a batch norm.
        slope: of the LeakyReLU; 0 for a ReLU.
    """

    def __init__(
        self, channels: int, width: int, side: int, *, stride: int, norm: bool, slope: float
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, side, stride, padding=side // 2, bias=False)
        self.bn = nn.BatchNorm2d(width) if norm else nn.Identity()
        self.slope = slope

    def forward(self, *parts: PartialFeatures) -> PartialFeatures:
        """Convolve the parts, concatenated along the channels.

        The output is scaled by the share of known values in a window, over all channels; it is
        exactly 0 where a window has none, before batch norm.

        Args:
            parts: features (N, C_i, h, w), and masks (N, 1, h, w).

        Returns:
            Features (N, width, h / stride, w / stride), and their mask of 0 and 1.
        """
        side, stride = self.conv.kernel_size[0], self.conv.stride[0]
        seen = torch.cat([part.features * part.known for part in parts], dim=1)
        channels = torch.stack([part.features.shape[1] * part.known for part in parts]).sum(dim=0)
        count = F.avg_pool2d(channels, side, stride, side // 2, divisor_override=1)  # a sum
        known = count.clamp(0, 1)
        scale = seen.shape[1] * side * side / (count + 1e-8) * known
        features = self.bn(self.conv(seen) * scale)
        return PartialFeatures(features=F.leaky_relu(features, self.slope), known=known)


class Bottleneck(nn.Module):
    """Residual block of two 3x3 convolutions with a quarter of the channels between them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels // SQUEEZE, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels // SQUEEZE)
        self.conv2 = nn.Conv2d(channels // SQUEEZE, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, h, w), non-negative."""
        squeezed = F.relu(self.bn1(self.conv1(features)))
        return F.relu(self.bn2(self.conv2(squeezed)) + features)


class Projection(nn.Module):
    """Predicts an image or edges from the features of one decoder, for intermediate losses.

    Args:
        stream: "texture" or "structure".
        channels: of the features.
    """

    def __init__(self, stream: str, channels: int) -> None:
        super().__init__()
        self.resolver = f"{stream}_resolver"
        self.add_module(self.resolver, Bottleneck(channels))
        if stream == "texture":
            self.out_layer = nn.Sequential(nn.Conv2d(channels, 3, 1), nn.Tanh())
        else:
            self.out_layer = nn.Sequential(nn.Conv2d(channels, 1, 1), nn.Sigmoid())

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to an image (N, 3, H, W) in [-1, 1], or edges (N, 1, H, W) in [0, 1]."""
        output: Tensor = self.out_layer(self.get_submodule(self.resolver)(features))
        return output


class GatedFusion(nn.Module):
    """Bidirectional gated fusion: each stream adds the gated other one, texture first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.structure_gamma = nn.Parameter(torch.zeros(1))
        self.texture_gamma = nn.Parameter(torch.zeros(1))
        self.structure_gate = _gate(channels)
        self.texture_gate = _gate(channels)

    def forward(self, texture: Tensor, structure: Tensor) -> Tensor:
        """Fuse two (N, C, H, W) maps to (N, 2 * C, H, W), texture first.

        Symmetric in the paper; in the program structure is fused with the updated texture.
        """
        both = torch.cat((texture, structure), dim=1)
        texture = texture + self.texture_gamma * (self.structure_gate(both) * structure)
        structure = structure + self.structure_gamma * (self.texture_gate(both) * texture)
        return torch.cat((texture, structure), dim=1)


def _gate(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(2 * channels, channels, 3, padding=1), nn.Sigmoid())


class RegionAffinity(nn.Module):
    """Patch attention of a feature map on itself, without parameters; holes are not excluded."""

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, h, w), h and w even; one image at a time to save memory."""
        return torch.cat([self._attend(image) for image in torch.split(features, 1)])

    def _attend(self, image: Tensor) -> Tensor:
        """Replace each position of the half-size grid by a weighted mean of similar patches.

        Only keys are normalized, not queries. Fewer patches overlap at the border than inside, so
        that values are smaller there.
        """
        height, width = image.shape[2:]
        half = F.interpolate(
            image, size=(height // 2, width // 2), mode="bilinear", align_corners=True
        )
        windows = F.unfold(half, 3, padding=1)[0]  # (C * 9, L)
        patches = windows / windows.norm(dim=0, keepdim=True).clamp(min=1e-4)
        pieces = F.unfold(image, 4, padding=1, stride=2)[0]  # (C * 16, L)
        pasted = []
        for places in torch.split(windows, PLACES, dim=1):
            weights = (SHARPNESS * (patches.T @ places)).softmax(dim=0)  # (L, places)
            pasted.append(pieces @ weights.clamp(min=FAINTEST))
        whole = torch.cat(pasted, dim=1)[None]
        return F.fold(whole, (height, width), 4, padding=1, stride=2) / 4


class MultiScale(nn.Module):
    """Four dilated convolutions, blended with weights per position."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        for index, dilation in enumerate(DILATIONS):
            conv = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
            self.add_module(f"dilated_conv_{index}", nn.Sequential(conv, nn.ReLU()))
        self.weight_calc = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, len(DILATIONS), 1),
            nn.ReLU(),
            nn.Softmax(dim=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, h, w), non-negative."""
        weights = self.weight_calc(features)  # (N, 4, h, w)
        branches = [
            weights[:, index : index + 1] * self.get_submodule(f"dilated_conv_{index}")(features)
            for index in range(len(DILATIONS))
        ]
        return torch.stack(branches).sum(dim=0)


class ContextualAggregation(nn.Module):
    """Contextual feature aggregation: patch attention, then dilated convolutions at four rates."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ral = RegionAffinity()
        self.msfa = MultiScale(channels)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, h, w), h and w even."""
        output: Tensor = self.msfa(self.ral(features))
        return output


class Generator(nn.Module):
    """Both U-Nets, their fusion and the projections, as in one checkpoint.

    Args:
        config: the network's sizes.
    """

    def __init__(self, config: CTSDGConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self._add_stream("texture", 3)
        self._add_stream("structure", 2)
        self.structure_feature_projection = Projection("structure", width)
        self.texture_feature_projection = Projection("texture", width)
        self.bigff = GatedFusion(width)
        self.fusion_layer1 = nn.Sequential(
            nn.Conv2d(2 * width, width, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE)
        )
        self.cfa = ContextualAggregation(width)
        self.fusion_layer2 = nn.Sequential(
            nn.Conv2d(2 * width, width, 3, padding=1), nn.LeakyReLU(SLOPE)
        )
        self.out_layer = nn.Sequential(nn.Conv2d(3 * width, 3, 1), nn.Tanh())

    def _add_stream(self, stream: str, channels: int) -> None:
        """Add the units of a U-Net: the encoder from fine to coarse, then the decoder back."""
        wide = self.config.channels
        for level in range(1, self.config.levels + 1):
            before = wide(level - 1) if level > 1 else channels
            side = {1: 7, 2: 5, 3: 5}.get(level, 3)
            unit = PartialUnit(before, wide(level), side, stride=2, norm=level > 1, slope=0)
            self.add_module(f"ec_{stream}_{level}", unit)
        for level in range(self.config.levels, 0, -1):
            skip, after = (wide(level - 1),) * 2 if level > 1 else (channels, wide(1))
            unit = PartialUnit(wide(level) + skip, after, 3, stride=1, norm=True, slope=SLOPE)
            self.add_module(f"dc_{stream}_{level}", unit)

    def forward(self, images: Tensor, outlines: Tensor, masks: Tensor) -> CTSDGOutput:
        """Inpaint the holes.

        Args:
            images: (N, 3, H, W) in [-1, 1], H and W multiples of 2 ** levels.
            outlines: (N, 2, H, W), edges (0 or 1) and gray in [0, 1], in this order. The content of
                the hole in images and outlines is ignored.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            The image, and the features of both decoders.
        """
        known = 1 - masks
        textures = self._encode("texture", PartialFeatures(features=images * known, known=known))
        structures = self._encode(
            "structure", PartialFeatures(features=outlines * known, known=known)
        )
        texture = self._decode("texture", structures[-1], textures)
        structure = self._decode("structure", textures[-1], structures)
        joined = self.bigff(texture, structure)  # (N, 2 * width, H, W)
        fused = self.fusion_layer1(joined)  # (N, width, H / 2, W / 2)
        fused = self.fusion_layer2(torch.cat((fused, self.cfa(fused)), dim=1))
        raw = self.out_layer(torch.cat((_upsampled(fused), joined), dim=1))
        return CTSDGOutput(raw=raw, texture=texture, structure=structure)

    def _encode(self, stream: str, given: PartialFeatures) -> list[PartialFeatures]:
        """The input, then the features of each level."""
        parts = [given]
        for level in range(1, self.config.levels + 1):
            parts.append(self.get_submodule(f"ec_{stream}_{level}")(parts[-1]))
        return parts

    def _decode(self, stream: str, code: PartialFeatures, skips: list[PartialFeatures]) -> Tensor:
        """Decode the bottleneck of the other stream with skips of this one, to (N, width, H, W)."""
        for level in range(self.config.levels, 0, -1):
            unit = self.get_submodule(f"dc_{stream}_{level}")
            code = unit(code.upsampled(), skips[level - 1])
        return code.features

    def project(self, painted: CTSDGOutput) -> Projections:
        """Predictions of each decoder alone, from the outputs of `forward`, see `Projections`."""
        return Projections(
            image=self.texture_feature_projection(painted.texture),
            edges=self.structure_feature_projection(painted.structure),
        )


class CTSDG(Inpainter):
    """CTSDG, with the authors' checkpoint or a reduced-width variant of this project.

    Edges and gray are computed from the whole image before it is masked, as by the authors, so that
    edges next to a hole depend on its content.
    """

    card = Card(
        name="ctsdg",
        title="CTSDG",
        side=256,
        paper="https://arxiv.org/abs/2108.09760",
        license="MIT",
        reported="CTSDG",
        checkpoints=(
            Checkpoint(
                file="generator.pth",
                source="https://github.com/Xiefan-Guo/CTSDG: Places2, CelebA and Paris StreetView, "
                "under names that are not stated, at "
                "https://drive.google.com/drive/folders/1lcATVc_U7plyEI__j5NWKCmKV_MNuhwq",
                license="not stated; linked from the MIT repository",
            ),
        ),
        mini="inpainters:mini/ctsdg.safetensors",
        learner="inpainters.training.ctsdg:CTSDGLearner",
        parameters=52_147_789,
        multiply_adds=65_660_780_544,
        sizes="256x256, to which its authors' program squeezes any image; here multiples of 128 "
        "as they are, others resized to 256x256 and back",
        sees_hole=True,
    )
    engines: ClassVar[Engines] = {
        "openvino": "its average pooling with a divisor of its own cannot be converted",
        "onnxruntime": "its average pooling with a divisor of its own cannot be converted",
    }

    def _load(self, path: Path) -> None:
        self.network = optimize_for_inference(
            load_generator(path), self.device, channels_last=True, nnpack="one thread"
        )

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        height, width = images.shape[2:]
        pixels, holes = to_pixels(images), masks[:, 0].cpu().numpy() > 0
        multiple = self.network.config.multiple
        if not height % multiple and not width % multiple:
            return self._paint(pixels, holes)
        self._warn_size((height, width), f"it is resized to {SIDE}x{SIDE} and back")
        raw = self._paint(*resized(pixels, holes, SIDE))
        return F.interpolate(raw, (height, width), mode="bilinear", antialias=True)

    def _paint(self, pixels: Pixels, holes: Mask) -> Tensor:
        """Inpaint (N, H, W, 3) uint8 and (N, H, W) bool of supported size to (N, 3, H, W)."""
        images = (to_images(pixels) - 0.5) / 0.5
        inputs = (images, outlines_of(pixels), to_masks(holes))
        painted: CTSDGOutput = self.network(*(planes.to(self.device) for planes in inputs))
        return (painted.raw + 1) / 2


def outlines_of(pixels: Pixels) -> Tensor:
    """Compute edges and gray of whole images, from their `WRAPPED` levels.

    Args:
        pixels: (N, H, W, 3) uint8 RGB.

    Returns:
        (N, 2, H, W) float32: edges, 0 or 1, then gray in [0, 1].
    """
    gray = gray_levels(WRAPPED[pixels])  # (N, H, W)
    edges = canny_edges(gray, np.ones(gray.shape, dtype=np.bool_))
    return torch.from_numpy(np.stack((edges, gray), axis=1).astype(np.float32))


def resized(pixels: Pixels, holes: Mask, side: int) -> tuple[Pixels, Mask]:
    """Resize to squares as the authors do, without keeping the aspect ratio.

    Args:
        pixels: (N, H, W, 3) uint8, resized by Pillow's bilinear filter.
        holes: (N, H, W) bool, True = hole, resized by nearest neighbor.
        side: of the squares, in pixels.

    Returns:
        Pixels (N, side, side, 3) uint8 and holes (N, side, side) bool.
    """
    size, method = (side, side), Image.Resampling
    images = [Image.fromarray(image).resize(size, method.BILINEAR) for image in pixels]
    masks = [Image.fromarray(hole).resize(size, method.NEAREST) for hole in holes]
    return np.stack([np.asarray(one) for one in images]), np.stack([np.asarray(m) for m in masks])


def load_generator(file: Path) -> Generator:
    """Build the generator of a checkpoint, and load it strictly.

    Args:
        file: the authors' checkpoint, which may include their discriminator, or a .safetensors file
            of this project, whose metadata has the sizes.

    Returns:
        The generator on the CPU, in evaluation mode, without gradients.

    Raises:
        WeightsError: if the file is missing, damaged or of another model.
    """
    content = read_checkpoint(file)
    if file.suffix == ".safetensors":
        config, state = read_sizes(file, "ctsdg", CTSDGConfig), content
        refuse_unfit(lambda: Generator(config), state, file)
    else:
        config, state = CTSDGConfig(), part_of(content, "generator", file)
    network = Generator(config)
    load_strict(network, state, file)
    return network
