"""PSCC-Net: an HRNet backbone, masks at four scales from coarse to fine, an image-level head.

Liu et al., "PSCC-Net: Progressive Spatio-Channel Correlation Network for Image Manipulation
Detection and Localization", IEEE TCSVT 32(11), 2022. Written from the paper and facts about its
checkpoint, whose parameter names are kept. Maps are (N, C, h, w); scale 1 is the finest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.load import (
    flat_state,
    load_strict,
    read_checkpoint,
    read_sizes,
    refuse_unfit,
)
from benchmark.core.errors import BadInput, WeightsError
from benchmark.core.inference import optimize_for_inference
from benchmark.core.model import Engines
from benchmark.core.types import Detection
from detectors.base import Detector

Four = tuple[int, int, int, int]  # a number for each scale, finest first

FILES = {  # the authors' folder and file by part of the network
    "hrnet": ("HRNet_checkpoint", "HRNet.pth"),
    "nlc": ("NLCDetection_checkpoint", "NLCDetection.pth"),
    "head": ("DetectionHead_checkpoint", "DetectionHead.pth"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PSCCNetConfig:
    """Sizes of the network; the defaults are the published checkpoint's.

    Attributes:
        stem_width: channels of the stem; the first stage has four times as many.
        widths: channels of the trunk's four outputs.
        blocks: bottlenecks of the first stage, and basic blocks per branch of the others.
        side: height and width that the first output is resized to for the heads; the others are
            resized to a half, a quarter and an eighth of it.
        reductions: r of the four correlation modules: r*r times the channels, at 1 / (r*r) of the
            positions.
        mask_width: hidden channels of the last layers of each mask.
        judge_width: channels of the image-level head before its classifier.
        judge_hidden: hidden units of that classifier.
    """

    stem_width: int = 64
    widths: Four = (18, 36, 72, 144)
    blocks: int = 2
    side: int = 256
    reductions: Four = (4, 2, 2, 1)
    mask_width: int = 16
    judge_width: int = 128
    judge_hidden: int = 16

    def __post_init__(self) -> None:
        """Validate the sizes.

        Raises:
            BadInput: names the invalid field.
        """
        for name in ("widths", "reductions"):
            values = getattr(self, name)
            if len(values) != 4 or min(values) < 1:
                raise BadInput(
                    f"psccnet: {name}: expected four numbers of at least 1, got {values}"
                )
        for name in ("stem_width", "blocks", "side", "mask_width", "judge_width", "judge_hidden"):
            if getattr(self, name) < 1:
                raise BadInput(f"psccnet: {name}: at least 1, got {getattr(self, name)}")
        if any(self.side % (r << scale) for scale, r in enumerate(self.reductions)):
            raise BadInput(f"psccnet: side {self.side} does not fit reductions {self.reductions}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PSCCNetOutput:
    """Outputs of the network for N images.

    Attributes:
        masks: probabilities that a pixel was manipulated, (N, 1, s, s) in [0, 1] at four scales,
            finest first; s is independent of the size of the images.
        logits: (N, 2), authentic and forged; their softmax is the score.
    """

    masks: tuple[Tensor, Tensor, Tensor, Tensor]
    logits: Tensor


def resize(planes: Tensor, size: Sequence[int]) -> Tensor:
    """Resize a map (N, C, h, w) to (N, C, *size), bilinear with aligned corners."""
    if planes.shape[2:] == tuple(size):
        return planes
    return F.interpolate(planes, size=list(size), mode="bilinear", align_corners=True)


def conv3x3(channels: int, width: int, *, stride: int = 1, bias: bool = False) -> nn.Conv2d:
    """A 3x3 convolution with padding 1."""
    return nn.Conv2d(channels, width, 3, stride, padding=1, bias=bias)


def batch_norm(width: int) -> nn.BatchNorm2d:
    """Batch norm with the authors' momentum of 0.01."""
    return nn.BatchNorm2d(width, eps=1e-5, momentum=0.01)


def conv_bn(
    channels: int, width: int, *, stride: int = 1, bias: bool = False, relu: bool = True
) -> nn.Sequential:
    """A 3x3 convolution, batch norm and, by default, ReLU."""
    layers = [conv3x3(channels, width, stride=stride, bias=bias), batch_norm(width)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if relu else []))


class BasicBlock(nn.Module):
    """Residual block of two 3x3 convolutions."""

    folds: ClassVar[dict[str, tuple[str, ...]]] = {"bn1": ("conv1",), "bn2": ("conv2",)}

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(width, width)
        self.bn1 = batch_norm(width)
        self.conv2 = conv3x3(width, width)
        self.bn2 = batch_norm(width)

    def forward(self, planes: Tensor) -> Tensor:
        """Map (N, C, h, w) to a map of the same shape."""
        inner = F.relu(self.bn1(self.conv1(planes)), inplace=True)
        output = self.bn2(self.conv2(inner))
        output += planes
        return F.relu(output, inplace=True)


class Bottleneck(nn.Module):
    """Residual block of 1x1, 3x3 and 1x1 convolutions; its skip may be a 1x1 convolution."""

    folds: ClassVar[dict[str, tuple[str, ...]]] = {
        "bn1": ("conv1",),
        "bn2": ("conv2",),
        "bn3": ("conv3",),
    }

    def __init__(self, channels: int, inner: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = batch_norm(inner)
        self.conv2 = conv3x3(inner, inner)
        self.bn2 = batch_norm(inner)
        self.conv3 = nn.Conv2d(inner, width, 1, bias=False)
        self.bn3 = batch_norm(width)
        self.downsample: nn.Module = nn.Identity()
        if channels != width:
            shortcut = nn.Conv2d(channels, width, 1, bias=False)
            self.downsample = nn.Sequential(shortcut, batch_norm(width))

    def forward(self, planes: Tensor) -> Tensor:
        """Map (N, channels, h, w) to a map (N, width, h, w)."""
        inner = F.relu(self.bn1(self.conv1(planes)), inplace=True)
        inner = F.relu(self.bn2(self.conv2(inner)), inplace=True)
        output = self.bn3(self.conv3(inner))
        output += self.downsample(planes)
        return F.relu(output, inplace=True)


class Exchange(nn.Module):
    """HRNet module: residual blocks per branch, then multi-scale fusion of all branches."""

    def __init__(self, widths: Sequence[int], blocks: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width) for _ in range(blocks))) for width in widths
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_crossing(widths, source, target) for source in range(len(widths)))
            for target in range(len(widths))
        )

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Maps (N, C_i, h_i, w_i) of the branches, finest first, to maps of the same shapes."""
        own = [blocks(planes) for blocks, planes in zip(self.branches, branches, strict=True)]
        return [self._join(own, target) for target in range(len(own))]

    def _join(self, own: Sequence[Tensor], target: int) -> Tensor:
        size = own[target].shape[2:]
        shares = [
            self.get_submodule(f"fuse_layers.{target}.{source}")(planes)
            for source, planes in enumerate(own)
        ]
        total = resize(shares[0], size)  # only coarser branches have another size
        for share in shares[1:]:
            total = total + resize(share, size)
        return F.relu(total, inplace=True)


def _crossing(widths: Sequence[int], source: int, target: int) -> nn.Module:
    """The layers from one branch to another; the output of a coarser one is resized later."""
    if source == target:
        return nn.Identity()
    if source > target:
        return nn.Sequential(
            nn.Conv2d(widths[source], widths[target], 1, bias=False), batch_norm(widths[target])
        )
    halvings = [
        conv_bn(widths[source], widths[source], stride=2) for _ in range(source + 1, target)
    ]
    last = conv_bn(widths[source], widths[target], stride=2, relu=False)
    return nn.Sequential(*halvings, last)


class Trunk(nn.Module):
    """HRNet-W18-small-v2 with a full-resolution stem."""

    folds: ClassVar[dict[str, tuple[str, ...]]] = {"bn1": ("conv1",), "bn2": ("conv2",)}

    def __init__(self, config: PSCCNetConfig) -> None:
        super().__init__()
        stem, widths, blocks = config.stem_width, config.widths, config.blocks
        self.conv1 = conv3x3(3, stem)
        self.bn1 = batch_norm(stem)
        self.conv2 = conv3x3(stem, stem)
        self.bn2 = batch_norm(stem)
        self.layer1 = nn.Sequential(
            Bottleneck(stem, stem, 4 * stem),
            *(Bottleneck(4 * stem, stem, 4 * stem) for _ in range(blocks - 1)),
        )
        self.transition1 = nn.ModuleList(
            (
                conv_bn(4 * stem, widths[0]),
                nn.Sequential(conv_bn(4 * stem, widths[1], stride=2)),
            )
        )
        self.stage2 = nn.Sequential(Exchange(widths[:2], blocks))
        self.transition2 = _another_branch(widths[1], widths[2], number=2)
        self.stage3 = nn.Sequential(Exchange(widths[:3], blocks))
        self.transition3 = _another_branch(widths[2], widths[3], number=3)
        self.stage4 = nn.Sequential(Exchange(widths, blocks))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (N, 3, H, W) in [0, 1] to four maps (N, C, h, w), at 1, 1/2, 1/4 and 1/8 size."""
        stem = F.relu(self.bn1(self.conv1(images)), inplace=True)
        stem = F.relu(self.bn2(self.conv2(stem)), inplace=True)
        stem = self.layer1(stem)
        branches: list[Tensor] = self.stage2([branch(stem) for branch in self.transition1])
        branches = self.stage3([*branches, self.transition2[2](branches[-1])])
        return self.stage4([*branches, self.transition3[3](branches[-1])])  # type: ignore[no-any-return]


def _another_branch(channels: int, width: int, *, number: int) -> nn.ModuleList:
    """Pass the existing branches unchanged, and add one from the coarsest of them."""
    passing = (nn.Identity() for _ in range(number))
    return nn.ModuleList((*passing, nn.Sequential(conv_bn(channels, width, stride=2))))


class Correlation(nn.Module):
    """Spatio-channel correlation module (SCCM): attention over positions and over channels.

    Args:
        width: channels C of the map.
        reduction: r; the map is reshaped to C*r*r channels of h/r x w/r positions.
        mask_width: hidden channels of the last layers.
    """

    def __init__(self, width: int, reduction: int, mask_width: int) -> None:
        super().__init__()
        inner = width * reduction**2
        self.reduction = reduction
        self.gamma_s = nn.Parameter(torch.ones(1))
        self.gamma_c = nn.Parameter(torch.ones(1))
        self.g = nn.Conv2d(inner, inner, 1)
        self.theta = nn.Conv2d(inner, inner, 1)
        self.phi = nn.Conv2d(inner, inner, 1)
        self.W_s = nn.Conv2d(width, width, 1)
        self.W_c = nn.Conv2d(width, width, 1)
        self.getmask = nn.Sequential(
            conv3x3(width, mask_width, bias=True),
            nn.ReLU(inplace=True),
            conv3x3(mask_width, 1, bias=True),
        )

    def forward(self, planes: Tensor) -> Tensor:
        """Map (N, C, h, w), both sides multiples of r, to probabilities (N, 1, h, w)."""
        count, width, height, breadth = planes.shape
        r = self.reduction
        # A plain reshape, not a pixel-unshuffle: the published weights were trained with it.
        bands = planes.reshape(count, width * r * r, height // r, breadth // r)
        values, queries, keys = (
            layer(bands).flatten(2)
            for layer in (self.g, self.theta, self.phi)  # (N, M, n) each
        )
        by_position = _attend(queries, keys, values)
        affinity = (queries @ keys.transpose(1, 2)).softmax(dim=2)  # (N, M, M), not scaled
        # (N, n, M) reshaped to a map without transposing it, as in the program.
        by_channel = (values.transpose(1, 2) @ affinity).reshape(planes.shape)  # from (N, n, M)
        refined = (
            planes
            + self.gamma_s * self.W_s(by_position.reshape(planes.shape))
            + self.gamma_c * self.W_c(by_channel)
        )
        return torch.sigmoid(self.getmask(refined))


def _attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Unscaled attention between positions; inputs and output are (N, M, n)."""
    query, key, value = (
        part.transpose(1, 2)[:, None].contiguous()  # (N, 1, n, M)
        for part in (queries, keys, values)
    )
    mixed = F.scaled_dot_product_attention(query, key, value, scale=1.0)
    return mixed[:, 0].transpose(1, 2)


class Localization(nn.Module):
    """Masks at four scales; each weights the features of the next finer scale."""

    def __init__(self, config: PSCCNetConfig) -> None:
        super().__init__()
        for scale in (4, 3, 2, 1):
            width, reduction = config.widths[scale - 1], config.reductions[scale - 1]
            self.add_module(f"getmask{scale}", Correlation(width, reduction, config.mask_width))

    def forward(self, scales: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Four maps (N, C, h, w), finest first, to probabilities (N, 1, h, w) of their sizes."""
        mask4 = self._mask(4, scales[3])
        mask3 = self._mask(3, scales[2], mask4)
        mask2 = self._mask(2, scales[1], mask3)
        mask1 = self._mask(1, scales[0], mask2)
        return mask1, mask2, mask3, mask4

    def _mask(self, scale: int, planes: Tensor, coarser: Tensor | None = None) -> Tensor:
        if coarser is not None:
            planes = planes * resize(coarser, planes.shape[2:])
        return self.get_submodule(f"getmask{scale}")(planes)  # type: ignore[no-any-return]


class ImageHead(nn.Module):
    """Image-level classifier on the features of all four scales; it does not use the masks."""

    def __init__(self, config: PSCCNetConfig) -> None:
        super().__init__()
        widths, width = config.widths, config.judge_width
        self.incre_modules = nn.ModuleList(
            nn.Sequential(Bottleneck(width, width, 2 * width)) for width in widths
        )
        self.downsamp_modules = nn.ModuleList(
            conv_bn(2 * fine, 2 * coarse, stride=2, bias=True) for fine, coarse in pairwise(widths)
        )
        self.final_layer = nn.Sequential(
            nn.Conv2d(2 * widths[3], width, 1), batch_norm(width), nn.ReLU(inplace=True)
        )
        self.classifier = nn.Sequential(
            nn.Linear(width, config.judge_hidden),
            nn.ReLU(inplace=True),
            nn.Linear(config.judge_hidden, 2),
        )

    def forward(self, scales: Sequence[Tensor]) -> Tensor:
        """Four maps (N, C, h, w), finest first, to logits (N, 2), authentic and forged."""
        widened = [layer(planes) for layer, planes in zip(self.incre_modules, scales, strict=True)]
        merged = widened[0]
        for halving, planes in zip(self.downsamp_modules, widened[1:], strict=True):
            merged = planes + halving(merged)
        return self.classifier(self.final_layer(merged).mean(dim=(2, 3)))  # type: ignore[no-any-return]


class PSCCNetNetwork(nn.Module):
    """The whole network: trunk, localization head, image-level head.

    Args:
        config: its sizes; by default the published checkpoint's.
    """

    def __init__(self, config: PSCCNetConfig | None = None) -> None:
        super().__init__()
        self.config = config or PSCCNetConfig()
        self.hrnet = Trunk(self.config)
        self.nlc = Localization(self.config)
        self.head = ImageHead(self.config)

    def forward(self, images: Tensor) -> PSCCNetOutput:
        """Detect manipulations in images of any size.

        Args:
            images: (N, 3, H, W), RGB in [0, 1].

        Returns:
            Masks and logits. Both heads use the trunk's maps, resized to fixed sizes.
        """
        side = self.config.side
        scales = [
            resize(planes, (side >> scale, side >> scale))
            for scale, planes in enumerate(self.hrnet(images))
        ]
        return PSCCNetOutput(masks=self.nlc(scales), logits=self.head(scales))


class PSCCNet(Detector):
    """PSCC-Net with its heatmap and image-level score."""

    card = Card(
        name="psccnet",
        title="PSCC-Net",
        paper="https://arxiv.org/abs/2103.10596",
        license="MIT; its HRNet part carries a Microsoft MIT notice",
        reported="PSCC-Net",
        checkpoints=(
            Checkpoint(
                file="HRNet.pth",
                url="https://github.com/proteus1991/PSCC-Net/raw/main/checkpoint/"
                "HRNet_checkpoint/HRNet.pth",
                source="https://github.com/proteus1991/PSCC-Net",
                license="none of its own; it lies in an MIT repository",
                git_blob="84c29f7bb2bc511c2783c18d6da66adb8df8f217",
            ),
            Checkpoint(
                file="NLCDetection.pth",
                url="https://github.com/proteus1991/PSCC-Net/raw/main/checkpoint/"
                "NLCDetection_checkpoint/NLCDetection.pth",
                source="https://github.com/proteus1991/PSCC-Net",
                license="none of its own; it lies in an MIT repository",
                sha256="11ea3461253cf059b299ad4b6b89008485f94a2d2b2da83ec28c2282a095b00b",
                git_blob="248f06583d15e37ff3c9f76eea9dd6f099e0bb54",
                size=2_900_709,
            ),
            Checkpoint(
                file="DetectionHead.pth",
                url="https://github.com/proteus1991/PSCC-Net/raw/main/checkpoint/"
                "DetectionHead_checkpoint/DetectionHead.pth",
                source="https://github.com/proteus1991/PSCC-Net",
                license="none of its own; it lies in an MIT repository",
                sha256="a17581e8a3489a360257a266ca9b2db1b7c9b43337fbcc4aeb8d751f593f66f5",
                git_blob="e08360041cbacfee7d9e9eb45e91c66f2d3e6303",
                size=3_739_969,
            ),
        ),
        mini="detectors:mini/psccnet.safetensors",
        learner="detectors.training.psccnet:PSCCNetLearner",
        parameters=3_667_942,
        multiply_adds=45_027_985_440,
        sizes="any, as its authors' program: its heads see 256x256 features of any image",
        score="its own classification head: probability that the image is forged",
    )
    engines: ClassVar[Engines] = {"openvino": 1.28, "onnxruntime": 1.17}

    def _load(self, path: Path) -> None:
        if path.suffix == ".safetensors":
            config, state = read_sizes(path, "psccnet", PSCCNetConfig), read_checkpoint(path)
            refuse_unfit(lambda: PSCCNetNetwork(config), state, path)
            network = PSCCNetNetwork(config)
            load_strict(network, state, path)
        else:
            network = PSCCNetNetwork()
            for part, file in published_files(path).items():
                state = flat_state(read_checkpoint(file), file)
                load_strict(network.get_submodule(part), state, file)
        self.network = optimize_for_inference(network.eval(), self.device, channels_last=True)

    def _detect(self, images: Tensor) -> Detection:
        pixels = (255 * images).round() / 255
        # On a CPU one image at a time is faster, and bit-identical for any batch.
        batches = torch.split(pixels, 1) if self.device.type == "cpu" else (pixels,)
        outputs = [self.network(batch) for batch in batches]
        finest = torch.cat([output.masks[0] for output in outputs])
        logits = torch.cat([output.logits for output in outputs])
        return Detection(
            heatmap=resize(finest, images.shape[2:])[:, 0], score=logits.softmax(dim=1)[:, 1]
        )


def published_files(path: Path) -> dict[str, Path]:
    """The authors' three files, by part of the network.

    Args:
        path: the authors' folder `checkpoint` with its three folders, or a folder with the three
            files.

    Raises:
        WeightsError: if it is not a folder.
    """
    if not path.is_dir():
        found = ", ".join(sorted(map(str, read_checkpoint(path)))[:5])
        names = ", ".join(file for _, file in FILES.values())
        raise WeightsError(f"{path}: expected the folder of {names}, found {found or 'nothing'}")
    nested = {part: path / folder / file for part, (folder, file) in FILES.items()}
    return {part: file if file.is_file() else path / file.name for part, file in nested.items()}
