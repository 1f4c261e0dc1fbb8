"""SafePaint: anti-forensic inpainting in two stages with domain adaptation (ACM MM 2024).

Written from the paper and a description of its published program. Stage I inpaints the hole,
stage II refines it with region-wise separated attention, and an extractor of partial convolutions
encodes the pattern ("domain") of a region as a vector of 16 numbers. Parameter names are those of
the authors' checkpoint, `InpaintingModel_G.pth`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
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
from benchmark.core.inference import optimize_for_inference
from benchmark.core.model import Engines
from inpainters.base import Inpainter
from inpainters.rwsa import RWSA, UNTRACED

GENERATOR_FILE = "InpaintingModel_G.pth"
SIDE = 256  # of the images that the authors' program supports
WITHOUT_RWSA = ("safepaint-backbone", "safepaint-ddl")


@dataclass(frozen=True, slots=True, kw_only=True)
class SafePaintConfig:
    """Sizes of the network; the defaults are the authors'.

    Attributes:
        width: channels at full resolution; twice as many at half, four times at a quarter.
        blocks: residual blocks in the middle of each stage.
        extractor_width: channels of the extractor's first layer; the last has eight times as many.
        vector: length of a domain vector.
        rwsa: whether stage II has its three attention modules; without them it is the backbone of
            the ablation study.
    """

    width: int = 64
    blocks: int = 8
    extractor_width: int = 64
    vector: int = 16
    rwsa: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SafePaintOutput:
    """Outputs of the generator for N images.

    Attributes:
        coarse: (N, 3, H, W) in [0, 1], output of stage I.
        coarse_composite: (N, 3, H, W), `coarse` with the known region put back.
        raw: (N, 3, H, W) in [0, 1], output of stage II.
        composite: (N, 3, H, W), `raw` with the known region put back.
        background: (N, V, 1, 1), domain vector of the known region.
    """

    coarse: Tensor
    coarse_composite: Tensor
    raw: Tensor
    composite: Tensor
    background: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Domains:
    """Domain vectors of N images, each (N, V, 1, 1).

    Attributes:
        background: of the known region.
        real: of the hole in the authentic image.
        coarse: of the hole in the output of stage I; detached, as no loss uses it.
        output: of the hole in the output of stage II.
    """

    background: Tensor
    real: Tensor
    coarse: Tensor
    output: Tensor


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, the first dilated, around a skip; no activation after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(2),
            nn.Conv2d(channels, channels, 3, dilation=2),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, h, w), h and w at least 3."""
        output: Tensor = features + self.conv_block(features)
        return output


def _encoder(channels: int, width: int) -> nn.Sequential:
    """(N, channels, H, W) to (N, 4 * width, H / 4, W / 4)."""
    return nn.Sequential(
        nn.ReflectionPad2d(3),
        nn.Conv2d(channels, width, 7),
        nn.InstanceNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
        nn.InstanceNorm2d(2 * width),
        nn.ReLU(),
        nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1),
        nn.InstanceNorm2d(4 * width),
        nn.ReLU(),
    )


def _middle(config: SafePaintConfig) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(4 * config.width) for _ in range(config.blocks)))


def _upsample(channels: int) -> nn.ConvTranspose2d:
    """Twice the size, half the channels."""
    return nn.ConvTranspose2d(channels, channels // 2, 4, stride=2, padding=1)


def _to_unit(values: Tensor) -> Tensor:
    """Map unbounded values of any shape to [0, 1]."""
    return (torch.tanh(values) + 1) / 2


class CoarseGenerator(nn.Module):
    """Stage I: encoder, residual blocks, decoder."""

    def __init__(self, config: SafePaintConfig) -> None:
        super().__init__()
        width = config.width
        self.encoder = _encoder(4, width)
        self.middle = _middle(config)
        self.decoder = nn.Sequential(
            _upsample(4 * width),
            nn.InstanceNorm2d(2 * width),
            nn.ReLU(),
            _upsample(2 * width),
            nn.InstanceNorm2d(width),
            nn.ReLU(),
            nn.ReflectionPad2d(3),
            nn.Conv2d(width, 3, 7),
        )

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """Inpaint the hole coarsely.

        Args:
            images: (N, 3, H, W) in [0, 1]; the content of the hole is ignored.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            (N, 3, H, W) in [0, 1], the whole image.
        """
        white = images * (1 - masks) + masks
        return _to_unit(self.decoder(self.middle(self.encoder(torch.cat((white, masks), dim=1)))))


class NoAttention(nn.Module):
    """Identity, in place of RWSA in the ablation study."""

    def forward(self, features: Tensor, masks: Tensor) -> Tensor:
        """Return (N, C, h, w) features unchanged; (N, 1, H, W) masks are not used."""
        return features


def _attention(channels: int, config: SafePaintConfig) -> nn.Module:
    return RWSA(channels) if config.rwsa else NoAttention()


class FineGenerator(nn.Module):
    """Stage II: stage I with attention before each upsampling and before the last layer."""

    def __init__(self, config: SafePaintConfig) -> None:
        super().__init__()
        width = config.width
        self.encoder = _encoder(4 + config.vector, width)
        self.middle = _middle(config)
        self.att1 = _attention(4 * width, config)
        self.deconv1 = _upsample(4 * width)
        self.att2 = _attention(2 * width, config)
        self.deconv2 = _upsample(2 * width)
        self.att3 = _attention(width, config)
        self.deconv3 = nn.Conv2d(width, 3, 7)

    def forward(self, composite: Tensor, masks: Tensor, background: Tensor) -> Tensor:
        """Refine the hole.

        Args:
            composite: (N, 3, H, W) in [0, 1], output of stage I with the known region put back.
            masks: (N, 1, H, W), 1 = hole.
            background: (N, V, 1, 1), domain vector of the known region. It is constant over the
                plane, so that the first instance norm removes it; the checkpoint's shapes need it.

        Returns:
            (N, 3, H, W) in [0, 1], the whole image.
        """
        plane = background.expand(-1, -1, *composite.shape[2:])
        features = self.middle(self.encoder(torch.cat((composite, masks, plane), dim=1)))
        features = self.deconv1(self.att1(features, masks))  # (N, 2 * width, H / 2, W / 2)
        features = F.relu(F.instance_norm(features))
        features = self.deconv2(self.att2(features, masks))  # (N, width, H, W)
        features = F.relu(F.instance_norm(features))
        features = F.pad(self.att3(features, masks), (3, 3, 3, 3), mode="reflect")
        return _to_unit(self.deconv3(features))


class PartialConv(nn.Conv2d):
    """A convolution over the pixels of a region, scaled up for the pixels outside."""

    def forward(self, inputs: Tensor, region: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Convolve the region.

        Args:
            inputs: (N, C, h, w).
            region: (N, 1, h, w) in [0, 1], 1 = inside.

        Returns:
            Features (N, C', h', w'), exactly 0 where a window has no pixel of the region, and the
            region (N, 1, h', w') in [0, 1].
        """
        side = self.kernel_size[0]
        with torch.no_grad():
            count = F.avg_pool2d(region, side, self.stride[0], divisor_override=1)  # a sum
            seen = count.clamp(0, 1)
            ratio = side * side / (count + 1e-8) * seen
        features = F.conv2d(inputs * region, self.weight, stride=self.stride) * ratio
        if self.bias is not None:
            features = (features + self.bias[:, None, None]) * seen
        return features, seen


class Extractor(nn.Module):
    """Domain pattern extractor: encodes the low-level pattern of a region, not its content."""

    def __init__(self, config: SafePaintConfig) -> None:
        super().__init__()
        width = config.extractor_width
        self.conv1f = PartialConv(3, width, 3, stride=2)
        self.conv2f = PartialConv(width, 2 * width, 3, stride=2, bias=False)
        self.norm2f = nn.BatchNorm2d(2 * width)
        self.conv3f = PartialConv(2 * width, 4 * width, 3, stride=2, bias=False)
        self.norm3f = nn.BatchNorm2d(4 * width)
        self.conv4f = PartialConv(4 * width, 8 * width, 3, stride=2, bias=False)
        self.norm4f = nn.BatchNorm2d(8 * width)
        self.conv5f = PartialConv(8 * width, 8 * width, 3, stride=2, bias=False)
        self.convs = nn.Conv2d(8 * width, config.vector, 1)

    def forward(self, images: Tensor, region: Tensor) -> Tensor:
        """Compute domain vectors.

        Args:
            images: (N, 3, H, W) in [0, 1], H and W at least 63.
            region: (N, 1, H, W), 1 = the region to encode.

        Returns:
            (N, V, 1, 1).
        """
        features, seen = self.conv1f(images, region)
        features, seen = self.conv2f(F.relu(features), seen)
        features, seen = self.conv3f(F.relu(self.norm2f(features)), seen)
        features, seen = self.conv4f(F.relu(self.norm3f(features)), seen)
        features, seen = self.conv5f(F.relu(self.norm4f(features)), seen)
        # The mean counts positions outside the region as zeros.
        vector: Tensor = self.convs(features.mean(dim=(2, 3), keepdim=True))
        return vector


class Generator(nn.Module):
    """Both stages and the extractor, as in one generator checkpoint.

    Args:
        config: the network's sizes.
    """

    def __init__(self, config: SafePaintConfig) -> None:
        super().__init__()
        self.coarse_generator = CoarseGenerator(config)
        self.fine_generator = FineGenerator(config)
        self.extractor = Extractor(config)

    def forward(self, images: Tensor, masks: Tensor) -> SafePaintOutput:
        """Inpaint the holes.

        Args:
            images: (N, 3, H, W) in [0, 1], H and W multiples of 4, at least 64.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            The outputs of both stages, and the domain vector of the known region.
        """
        background = self.extractor(images, 1 - masks)
        coarse = self.coarse_generator(images, masks)
        coarse_composite = coarse * masks + images * (1 - masks)
        raw = self.fine_generator(coarse_composite, masks, background)
        return SafePaintOutput(
            coarse=coarse,
            coarse_composite=coarse_composite,
            raw=raw,
            composite=raw * masks + images * (1 - masks),
            background=background,
        )

    def domains(self, images: Tensor, masks: Tensor, painted: SafePaintOutput) -> Domains:
        """Domain vectors of the outputs of `forward`.

        The order of calls is the program's (background, in `forward`; real; coarse; output): each
        call in training mode updates the running statistics.

        Args:
            images: (N, 3, H, W) in [0, 1], authentic.
            masks: (N, 1, H, W), 1 = hole.
            painted: the outputs of `forward`.

        Returns:
            Four vectors per image, each (N, V, 1, 1).
        """
        real = self.extractor(images, masks)
        with torch.no_grad():
            coarse = self.extractor(painted.coarse_composite, masks)
        output = self.extractor(painted.composite, masks)
        return Domains(background=painted.background, real=real, coarse=coarse, output=output)


class SafePaint(Inpainter):
    """SafePaint, with the authors' checkpoint or a reduced-width variant of this project."""

    card = Card(
        name="safepaint",
        title="SafePaint",
        side=256,
        paper="https://doi.org/10.1145/3664647.3681279",
        license="no license file; the README allows strictly non-commercial, academic use only",
        reported="SafePaint",
        checkpoints=(
            Checkpoint(
                file="InpaintingModel_G.pth",
                source="not published; written by the training script of "
                "https://github.com/hnucdy/SafePaint",
                license="not published, so none is stated",
            ),
        ),
        mini="inpainters:mini/safepaint.safetensors",
        learner="inpainters.training.safepaint:SafePaintLearner",
        parameters=28_840_298,
        multiply_adds=132_245_840_832,
        sizes="256x256 only in its authors' program; here any of at least 64 pixels a side: "
        "extended by reflection to a multiple of 4, the domain vectors repeated to its size",
        multiple=4,
        min_side=64,
        rounding="cut",
        revision=2,
    )
    engines: ClassVar[Engines] = UNTRACED

    def _load(self, path: Path) -> None:
        file = path / GENERATOR_FILE if path.is_dir() else path
        self.network = optimize_for_inference(
            load_generator(file, self.card.name), self.device, nnpack="any threads"
        )

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        size = (images.shape[2], images.shape[3])
        if size != (SIDE, SIDE):
            self._warn_size(size, "the domain vectors are repeated to its size")
        painted: SafePaintOutput = self.network(images, masks)
        return painted.raw


class SafePaintBackbone(SafePaint):
    """First row of Table 5: without RWSA, trained without the domain distance loss."""

    card = Card(
        name="safepaint-backbone",
        title="SafePaint, backbone",
        side=256,
        paper="https://doi.org/10.1145/3664647.3681279",
        license="no license file; the README allows strictly non-commercial, academic use only",
        reported="Backbone",
        mini="inpainters:mini/safepaint-backbone.safetensors",
        learner="inpainters.training.safepaint:SafePaintLearner",
        parameters=25_518_742,
        multiply_adds=101_639_849_664,
        sizes="256x256 only in its authors' program; here any of at least 64 pixels a side: "
        "extended by reflection to a multiple of 4, the domain vectors repeated to its size",
        multiple=4,
        min_side=64,
        rounding="cut",
    )
    engines: ClassVar[Engines] = {}  # without the attention


class SafePaintDDL(SafePaint):
    """Second row of Table 5: without RWSA, trained with the domain distance loss."""

    card = Card(
        name="safepaint-ddl",
        title="SafePaint, backbone + DDL",
        side=256,
        paper="https://doi.org/10.1145/3664647.3681279",
        license="no license file; the README allows strictly non-commercial, academic use only",
        reported="Backbone+DDL",
        mini="inpainters:mini/safepaint-ddl.safetensors",
        learner="inpainters.training.safepaint:SafePaintLearner",
        parameters=25_518_742,
        multiply_adds=101_639_849_664,
        sizes="256x256 only in its authors' program; here any of at least 64 pixels a side: "
        "extended by reflection to a multiple of 4, the domain vectors repeated to its size",
        multiple=4,
        min_side=64,
        rounding="cut",
    )
    engines: ClassVar[Engines] = {}  # without the attention


class SafePaintRWSA(SafePaint):
    """Third row of Table 5: with RWSA, trained without the domain distance loss."""

    card = Card(
        name="safepaint-rwsa",
        title="SafePaint, backbone + RWSA",
        side=256,
        paper="https://doi.org/10.1145/3664647.3681279",
        license="no license file; the README allows strictly non-commercial, academic use only",
        reported="Backbone+RWSA",
        mini="inpainters:mini/safepaint-rwsa.safetensors",
        learner="inpainters.training.safepaint:SafePaintLearner",
        parameters=28_840_298,
        multiply_adds=132_245_840_832,
        sizes="256x256 only in its authors' program; here any of at least 64 pixels a side: "
        "extended by reflection to a multiple of 4, the domain vectors repeated to its size",
        multiple=4,
        min_side=64,
        rounding="cut",
    )


def load_generator(file: Path, model: str = "safepaint") -> Generator:
    """Build the generator of a checkpoint, and load it strictly.

    Args:
        file: the authors' `InpaintingModel_G.pth`, or a .safetensors file of this project, whose
            metadata has the sizes.
        model: "safepaint", or one of its variants in Table 5.

    Returns:
        The generator on the CPU, in evaluation mode, without gradients.

    Raises:
        WeightsError: if the file is missing, damaged or of another model.
    """
    content, rwsa = read_checkpoint(file), model not in WITHOUT_RWSA
    if file.suffix == ".safetensors":
        config, state = read_sizes(file, model, SafePaintConfig, rwsa=rwsa), content
        refuse_unfit(lambda: Generator(config), state, file)
    else:
        config, state = SafePaintConfig(rwsa=rwsa), part_of(content, "generator", file)
    network = Generator(config)
    load_strict(network, state, file)
    return network
