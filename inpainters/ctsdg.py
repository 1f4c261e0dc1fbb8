"""CTSDG: texture and structure, generated with each other's help (arXiv 2108.09760).

Written from a description of what its published program does. Two U-nets of partial
convolutions, one of colours and one of edges, each decode the other's code; their features are
joined by gates, and the result borrows from its own patches. Entry names are those of the authors'
checkpoint. Inside the network the mask is turned round: 1 = known.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

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
from benchmark.core.inference import fast
from benchmark.core.tensors import to_images, to_masks, to_pixels
from benchmark.core.types import Mask, Pixels
from inpainters.base import Inpainter
from inpainters.edgeconnect import canny_edges, grey_levels

SIDE = 256  # of the squares that images of a size the network does not take are resized to
SLOPE = 0.2  # of the decoders' LeakyReLU
SHARPNESS = 10  # of the attention's softmax
FAINTEST = 1e-8  # weight that the attention gives at least
PLACES = 4096  # that are attended from at once: all of an image of 256x256
DILATIONS = (1, 2, 4, 8)
SQUEEZE = 4  # channels per channel of a projection's bottleneck

# The program reads images in [-1, 1] as if they were in [0, 1] when it makes 8-bit images of
# them for grey and edges, so dark and bright fold over each other; the weights were trained so.
WRAPPED = np.array(
    [2 * v + 1 if v < 64 else (2 * v + 2) % 256 if v < 128 else 2 * v - 255 for v in range(256)],
    dtype=np.uint8,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CTSDGConfig:
    """Sizes of the network; the defaults are the authors'.

    Attributes:
        width: channels of the first level; doubled per level, up to eight times as many.
        levels: halvings of the image's sides in each encoder.
    """

    width: int = 64
    levels: int = 7

    def __post_init__(self) -> None:
        """Refuse sizes that make no network.

        Raises:
            BadInput: naming the field.
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
        """What the image's sides are multiples of."""
        return 1 << self.levels

    def channels(self, level: int) -> int:
        """Channels at a level of 1 or more."""
        return self.width << min(level - 1, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Features of which some are known.

    Attributes:
        features: (N, C, h, w).
        known: (N, 1, h, w), 1 = known; the same for all channels.
    """

    features: Tensor
    known: Tensor

    def enlarged(self) -> Part:
        """Twice the size: features bilinear, the mask by its nearest."""
        known = F.interpolate(self.known, scale_factor=2, mode="nearest")
        return Part(features=_enlarged(self.features), known=known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted:
    """What the generator answers to N images.

    Attributes:
        raw: (N, 3, H, W) in [-1, 1], the whole image.
        texture: (N, width, H, W), the texture decoder's features.
        structure: (N, width, H, W), the structure decoder's features.
    """

    raw: Tensor
    texture: Tensor
    structure: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Projected:
    """What each decoder alone would answer to N images; not used for the image.

    Attributes:
        picture: (N, 3, H, W) in [-1, 1], of the texture decoder.
        edges: (N, 1, H, W) in [0, 1], of the structure decoder.
    """

    picture: Tensor
    edges: Tensor


def _enlarged(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)


class PartialUnit(nn.Module):
    """A convolution that sees only what is known, batch norm and an activation.

    Args:
        channels: of all inputs together.
        width: of the answer.
        side: of the filters.
        stride: 2 in an encoder, 1 in a decoder.
        norm: whether there is a batch norm.
        slope: of the LeakyReLU; 0 is a ReLU.
    """

    def __init__(
        self, channels: int, width: int, side: int, *, stride: int, norm: bool, slope: float
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, side, stride, padding=side // 2, bias=False)
        self.bn = nn.BatchNorm2d(width) if norm else nn.Identity()
        self.slope = slope

    def forward(self, *parts: Part) -> Part:
        """Convolve the parts, one after the other in the channels.

        What a window misses is made up for by scale, counted over all channels; where a window
        sees nothing the convolution answers exactly 0, and the batch norm acts on that.
        """
        side, stride = self.conv.kernel_size[0], self.conv.stride[0]
        seen = torch.cat([part.features * part.known for part in parts], dim=1)
        channels = torch.stack([part.features.shape[1] * part.known for part in parts]).sum(dim=0)
        count = F.avg_pool2d(channels, side, stride, side // 2, divisor_override=1)  # a sum
        known = count.clamp(0, 1)
        scale = seen.shape[1] * side * side / (count + 1e-8) * known
        features = self.bn(self.conv(seen) * scale)
        return Part(features=F.leaky_relu(features, self.slope), known=known)


class Bottleneck(nn.Module):
    """Two 3x3 convolutions through a quarter of the channels, around a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels // SQUEEZE, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels // SQUEEZE)
        self.conv2 = nn.Conv2d(channels // SQUEEZE, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, h, w), not negative."""
        squeezed = F.relu(self.bn1(self.conv1(features)))
        return F.relu(self.bn2(self.conv2(squeezed)) + features)


class Projection(nn.Module):
    """What one decoder's features show by themselves, for the intermediate loss.

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
        answer: Tensor = self.out_layer(self.get_submodule(self.resolver)(features))
        return answer


class GatedFusion(nn.Module):
    """Each stream takes from the other what a gate lets through: texture first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.structure_gamma = nn.Parameter(torch.zeros(1))
        self.texture_gamma = nn.Parameter(torch.zeros(1))
        self.structure_gate = _gate(channels)
        self.texture_gate = _gate(channels)

    def forward(self, texture: Tensor, structure: Tensor) -> Tensor:
        """Two of (N, C, H, W) to (N, 2 * C, H, W), texture first.

        The paper's formulas are symmetric; the program's structure takes from the new texture.
        """
        both = torch.cat((texture, structure), dim=1)
        texture = texture + self.texture_gamma * (self.structure_gate(both) * structure)
        structure = structure + self.structure_gamma * (self.texture_gate(both) * texture)
        return torch.cat((texture, structure), dim=1)


def _gate(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(2 * channels, channels, 3, padding=1), nn.Sigmoid())


class RegionAffinity(nn.Module):
    """Attention of a feature map on its own patches, known or not; no parameters."""

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, h, w), h and w even; image by image, for the memory."""
        return torch.cat([self._borrow(image) for image in torch.split(features, 1)])

    def _borrow(self, image: Tensor) -> Tensor:
        """Paste at each place of the half-size grid the patches that look like it.

        Only the patches are normalised, not the place they are compared with. Fewer pasted patches
        overlap at the border than inside, so it comes out weaker.
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
    """Four dilated convolutions, blended by weights of each position."""

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
        """(N, C, h, w) to (N, C, h, w), not negative."""
        weights = self.weight_calc(features)  # (N, 4, h, w)
        branches = [
            weights[:, index : index + 1] * self.get_submodule(f"dilated_conv_{index}")(features)
            for index in range(len(DILATIONS))
        ]
        return torch.stack(branches).sum(dim=0)


class ContextualAggregation(nn.Module):
    """Attention on patches, then context of four sizes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ral = RegionAffinity()
        self.msfa = MultiScale(channels)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, h, w), h and w even."""
        answer: Tensor = self.msfa(self.ral(features))
        return answer


class Generator(nn.Module):
    """Both U-nets, their fusion and the projections: what one checkpoint holds.

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
        """A U-net's units: an encoder's from the top down, then a decoder's from the bottom up."""
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

    def forward(self, images: Tensor, outlines: Tensor, masks: Tensor) -> Painted:
        """Paint the holes.

        Args:
            images: (N, 3, H, W) in [-1, 1], H and W multiples of 2 ** levels.
            outlines: (N, 2, H, W), edges (0 or 1) and grey in [0, 1], in this order. What is in the
                hole of images and outlines is not seen.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            The image and both decoders' features.
        """
        known = 1 - masks
        textures = self._encode("texture", Part(features=images * known, known=known))
        structures = self._encode("structure", Part(features=outlines * known, known=known))
        texture = self._decode("texture", structures[-1], textures)
        structure = self._decode("structure", textures[-1], structures)
        joined = self.bigff(texture, structure)  # (N, 2 * width, H, W)
        fused = self.fusion_layer1(joined)  # (N, width, H / 2, W / 2)
        fused = self.fusion_layer2(torch.cat((fused, self.cfa(fused)), dim=1))
        raw = self.out_layer(torch.cat((_enlarged(fused), joined), dim=1))
        return Painted(raw=raw, texture=texture, structure=structure)

    def _encode(self, stream: str, given: Part) -> list[Part]:
        """What is given and each level's features, in this order."""
        parts = [given]
        for level in range(1, self.config.levels + 1):
            parts.append(self.get_submodule(f"ec_{stream}_{level}")(parts[-1]))
        return parts

    def _decode(self, stream: str, code: Part, skips: list[Part]) -> Tensor:
        """(N, width, H, W), from the other stream's code and the stream's own features."""
        for level in range(self.config.levels, 0, -1):
            unit = self.get_submodule(f"dc_{stream}_{level}")
            code = unit(code.enlarged(), skips[level - 1])
        return code.features

    def project(self, painted: Painted) -> Projected:
        """What each decoder alone would answer, given what `forward` answered."""
        return Projected(
            picture=self.texture_feature_projection(painted.texture),
            edges=self.structure_feature_projection(painted.structure),
        )


class CTSDG(Inpainter):
    """CTSDG: weights in the authors' layout, or a reduced edition of ours.

    Edges and grey are taken from the whole image before it is masked, as the authors do, so edges
    beside a hole depend on what is in it.
    """

    card = Card(
        name="ctsdg",
        title="CTSDG",
        side=256,
        paper="https://arxiv.org/abs/2108.09760",
        licence="MIT",
        reported="CTSDG",
        checkpoints=(
            Checkpoint(
                file="generator.pth",
                source="https://github.com/Xiefan-Guo/CTSDG: Places2, CelebA and Paris StreetView, "
                "under names that are not stated, at "
                "https://drive.google.com/drive/folders/1lcATVc_U7plyEI__j5NWKCmKV_MNuhwq",
                licence="not stated; linked from the MIT repository",
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

    def _load(self, path: Path) -> None:
        self.network = fast(load_generator(path), channels_last=True).to(self.device)

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        height, width = images.shape[2:]
        pixels, holes = to_pixels(images), masks[:, 0].cpu().numpy() > 0
        multiple = self.network.config.multiple
        if not height % multiple and not width % multiple:
            return self._paint(pixels, holes)
        self._beyond((height, width), f"it is resized to {SIDE}x{SIDE} and back")
        raw = self._paint(*resized(pixels, holes, SIDE))
        return F.interpolate(raw, (height, width), mode="bilinear", antialias=True)

    def _paint(self, pixels: Pixels, holes: Mask) -> Tensor:
        """(N, H, W, 3) and (N, H, W) of a size the network takes to (N, 3, H, W) in [0, 1]."""
        images = (to_images(pixels) - 0.5) / 0.5
        given = (images, outlines_of(pixels), to_masks(holes))
        painted: Painted = self.network(*(planes.to(self.device) for planes in given))
        return (painted.raw + 1) / 2


def outlines_of(pixels: Pixels) -> Tensor:
    """Edges and grey of whole images, made of their wrapped 8-bit values.

    Args:
        pixels: (N, H, W, 3).

    Returns:
        (N, 2, H, W) float32: edges, 0 or 1, then grey in [0, 1].
    """
    grey = grey_levels(WRAPPED[pixels])  # (N, H, W)
    edges = canny_edges(grey, np.ones(grey.shape, dtype=np.bool_))
    return torch.from_numpy(np.stack((edges, grey), axis=1).astype(np.float32))


def resized(pixels: Pixels, holes: Mask, side: int) -> tuple[Pixels, Mask]:
    """Resize to squares as the authors do, aspect ratio not kept.

    Args:
        pixels: (N, H, W, 3), resized by Pillow's bilinear filter.
        holes: (N, H, W), True in the hole, resized to the nearest.
        side: of the squares, in pixels.

    Returns:
        Pixels (N, side, side, 3) and holes (N, side, side).
    """
    size, method = (side, side), Image.Resampling
    pictures = [Image.fromarray(picture).resize(size, method.BILINEAR) for picture in pixels]
    planes = [Image.fromarray(hole).resize(size, method.NEAREST) for hole in holes]
    return np.stack([np.asarray(one) for one in pictures]), np.stack(
        [np.asarray(p) for p in planes]
    )


def load_generator(file: Path) -> Generator:
    """Build the generator that a checkpoint is of, and load it strictly, for evaluation.

    Args:
        file: the authors' checkpoint, which may hold their discriminator too, or a .safetensors
            file of this project, which says its own sizes.

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
