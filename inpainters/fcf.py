"""FcF: a co-modulated generator with Fourier convolutions (WACV 2023).

Written from the paper and a description of its published program. The code of an encoder and the
style of a mapping network, from a random latent, modulate a synthesis network that grows the image
from 4 x 4. The image size is fixed and square. Parameter names are those of the authors'
checkpoints, `places.pkl` (256 x 256) and `places_512.pkl`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.legacy_formats import is_bare_pickle, read_network
from benchmark.core.checkpoints.load import load_strict, read_checkpoint, read_sizes, refuse_unfit
from benchmark.core.errors import BadInput, WeightsError
from benchmark.core.inference import optimize_for_inference
from benchmark.core.model import Engines
from inpainters.base import Inpainter
from inpainters.fourier import from_spectrum, to_spectrum

CLAMP = 256.0
FOURIER_FROM = 32  # smallest resolution with Fourier units
PSI = 0.1  # truncation of styles towards the mean style, not in training
STYLE_EMA_DECAY = 0.995  # of the mean style in training, as in StyleGAN2; FcF states none
GROUP_SIZE = 4  # images per group of the minibatch standard deviation, in training
PUBLISHED = (256, 512)  # resolutions of the published checkpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class FcFConfig:
    """Sizes of the network; the defaults are the authors' for 256 x 256.

    Attributes:
        resolution: side of the image, a power of two, at least 8.
        width: channels at that resolution; they double as it halves. A multiple of 32 where the
            resolution is at least 32, for the Fourier units.
        max_width: largest number of channels at any resolution.
        latent: length of latents and styles.
        code: length of the encoder's code.
    """

    resolution: int = 256
    width: int = 64
    max_width: int = 512
    latent: int = 512
    code: int = 1024

    def channels(self, side: int) -> int:
        """Channels at a resolution."""
        return min(self.width * self.resolution // side, self.max_width)

    def sides(self) -> list[int]:
        """Resolutions from 8 up to the image's."""
        return [2**power for power in range(3, self.resolution.bit_length())]

    @property
    def rows(self) -> int:
        """Number of styles of the synthesis: two at 4 x 4, two more per resolution from 8 up."""
        return 2 + 2 * len(self.sides())


def smoothing_filter() -> Tensor:
    """The (4, 4) low-pass filter of up- and downsampling, with sum 1."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0], device="cpu")
    return torch.outer(row, row) / 64


def smooth(features: Tensor, kernel: Tensor, *, stride: int = 1) -> Tensor:
    """Filter (N, C, h, w) per channel with a (4, 4) kernel: (N, C, h - 3, w - 3) at stride 1."""
    channels = features.shape[1]
    return F.conv2d(features, kernel.expand(channels, 1, 4, 4), stride=stride, groups=channels)


def _activate(features: Tensor) -> Tensor:
    if torch.is_grad_enabled():
        return F.leaky_relu(features, 0.2) * math.sqrt(2)
    return F.leaky_relu(features, 0.2, inplace=True).mul_(math.sqrt(2))


def _clamp(features: Tensor, bound: float) -> Tensor:
    """Clamp to [-bound, bound]; in place unless gradients are needed."""
    if torch.is_grad_enabled():
        return features.clamp(-bound, bound)
    return features.clamp_(-bound, bound)


def _upsample_image(image: Tensor, kernel: Tensor) -> Tensor:
    """(N, 3, h, w) to (N, 3, 2h, 2w): insert zeros, then low-pass filter."""
    count, channels, height, width = image.shape
    stuffed = image.new_zeros(count, channels, 2 * height, 2 * width)
    stuffed[:, :, ::2, ::2] = image
    return smooth(F.pad(stuffed, (2, 1, 2, 1)), 4 * kernel)


class ScaledConv(nn.Module):
    """A convolution whose weight is scaled by its fan-in, with bias, leaky ReLU and clamp."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, down: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("resample_filter", smoothing_filter())
        self.down = down
        self._scale = math.sqrt(self.weight[0].numel())  # 1 once it is in the weight

    def prepare(self) -> None:
        """Scale the weight once; called for inference, when weights no longer change."""
        self.weight.div_(self._scale)
        self._scale = 1

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C', h, w), or half that size."""
        weight = self.weight if self._scale == 1 else self.weight / self._scale
        if self.down:
            features = smooth(F.pad(features, (2, 2, 2, 2)), self.get_buffer("resample_filter"))
            features = F.conv2d(features, weight, self.bias, stride=2)
        else:
            features = F.conv2d(features, weight, self.bias, padding=weight.shape[-1] // 2)
        return _clamp(_activate(features), CLAMP)


class ScaledLinear(nn.Module):
    """A linear layer whose weight is scaled by its fan-in.

    Args:
        inputs: input features.
        outputs: output features.
        rate: learning rate multiplier: factor on weight and bias.
        active: whether a leaky ReLU follows.
        bias: initial value of the bias.
    """

    def __init__(
        self, inputs: int, outputs: int, *, rate: float = 1, active: bool = True, bias: float = 0.0
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs).div_(rate))
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.rate = rate
        self.active = active
        self._prepared = False

    def prepare(self) -> None:
        """Scale weight and bias once; called for inference, when they no longer change."""
        self.weight.mul_(self.rate / math.sqrt(self.weight.shape[1]))
        self.bias.mul_(self.rate)
        self._prepared = True

    def forward(self, vector: Tensor) -> Tensor:
        """(N, inputs) to (N, outputs)."""
        weight: Tensor = self.weight
        bias: Tensor = self.bias
        if not self._prepared:
            weight, bias = weight * (self.rate / math.sqrt(weight.shape[1])), bias * self.rate
        output = F.linear(vector, weight, bias)
        return _activate(output) if self.active else output


class EncoderBlock(nn.Module):
    """The encoder at one resolution."""

    def __init__(self, config: FcFConfig, side: int) -> None:
        super().__init__()
        width = config.channels(side)
        self.register_buffer("resample_filter", smoothing_filter())  # in checkpoints, not used
        if side == config.resolution:
            self.fromrgb = ScaledConv(4, width, 1)
        self.conv0 = ScaledConv(width, width)
        self.conv1 = ScaledConv(width, config.channels(side // 2), down=True)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, h, w) to a skip (N, C, h, w), and (N, C', h / 2, w / 2) for the next block."""
        if hasattr(self, "fromrgb"):
            features = self.fromrgb(features)
        kept = self.conv0(features)
        return kept, self.conv1(kept)


def group_deviation(features: Tensor) -> Tensor:
    """Minibatch standard deviation over groups of 4 images, or all if there are fewer.

    With N / 4 groups, image i is in group i modulo their number.

    Args:
        features: (N, C, h, w).

    Returns:
        (N, 1, h, w), for each image the mean of its group's standard deviations per channel and
        pixel.

    Raises:
        BadInput: if N is larger than 4 and not a multiple of 4.
    """
    count, *shape = features.shape
    group = min(GROUP_SIZE, count)
    if count % group:
        raise BadInput(f"fcf: training batch of {count}; expected at most 4, or a multiple of 4")
    groups = features.reshape(group, count // group, *shape)
    variance = groups.var(dim=0, correction=0)  # (N / group, C, h, w)
    deviation = (variance + 1e-8).sqrt().mean(dim=(1, 2, 3))  # (N / group,)
    return deviation.repeat(group)[:, None, None, None].expand(-1, 1, *shape[1:])


class EncoderEpilogue(nn.Module):
    """The last block of the encoder, at 4 x 4, and the code."""

    def __init__(self, config: FcFConfig) -> None:
        super().__init__()
        width = config.channels(4)
        self.conv = ScaledConv(width + 1, width)
        self.fc = ScaledLinear(16 * width, config.code)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, 4, 4) to features (N, C, 4, 4) and code (N, code)."""
        if self.training:
            deviation = group_deviation(features)
        else:  # groups of one image, as in the authors' tests
            deviation = features.new_full((features.shape[0], 1, 4, 4), math.sqrt(1e-8))
        kept = self.conv(torch.cat((features, deviation), dim=1))
        return kept, F.dropout(self.fc(kept.flatten(1)), 0.5, self.training)


class Encoder(nn.Module):
    """Blocks `b<side>` from the image's resolution down to 4."""

    def __init__(self, config: FcFConfig) -> None:
        super().__init__()
        self.sides = config.sides()[::-1]
        for side in self.sides:
            self.add_module(f"b{side}", EncoderBlock(config, side))
        self.b4 = EncoderEpilogue(config)

    def forward(self, seen: Tensor) -> tuple[dict[int, Tensor], Tensor]:
        """Encode the known region.

        Args:
            seen: (N, 4, R, R): 0.5 - mask, then RGB in [-1, 1], 0 in the hole.

        Returns:
            Features by resolution, each (N, C, side, side), and the code (N, code).
        """
        features = {}
        for side in self.sides:
            features[side], seen = self.get_submodule(f"b{side}")(seen)
        features[4], code = self.b4(seen)
        return features, code


class MappingNetwork(nn.Module):
    """Maps latents to styles."""

    def __init__(self, config: FcFConfig) -> None:
        super().__init__()
        self.register_buffer("w_avg", torch.zeros(config.latent))
        self.fc0 = ScaledLinear(config.latent, config.latent, rate=0.01)
        self.fc1 = ScaledLinear(config.latent, config.latent, rate=0.01)

    def forward(self, latent: Tensor) -> Tensor:
        """(N, latent) standard normal to styles (N, latent), truncated towards the mean style.

        In training styles are not truncated, and the mean is updated.
        """
        scale = (latent.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
        style: Tensor = self.fc1(self.fc0(latent * scale))
        mean = self.get_buffer("w_avg")
        if self.training:
            mean.lerp_(style.detach().float().mean(dim=0), 1 - STYLE_EMA_DECAY)
        return style if self.training else mean + PSI * (style - mean)


class SynthesisLayer(nn.Module):
    """Modulated convolution, noise, leaky ReLU and clamp.

    Args:
        config: the network's sizes.
        inputs: input channels.
        outputs: output channels.
        side: resolution of the output.
        up: whether it upsamples by 2.
        clamp: largest absolute value of the output.
    """

    def __init__(
        self,
        config: FcFConfig,
        inputs: int,
        outputs: int,
        *,
        side: int,
        up: bool = False,
        clamp: float = CLAMP,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))  # in checkpoints, not used by the program
        self.register_buffer("resample_filter", smoothing_filter())
        self.register_buffer("noise_const", torch.randn(side, side))
        self.affine = ScaledLinear(config.latent + config.code, inputs, active=False, bias=1.0)
        self.up = up
        self.clamp = clamp
        self._power: Tensor | None = None

    def prepare(self) -> None:
        """Cache the power of the kernels; called for inference, when weights no longer change."""
        self._power = self._kernel_power()

    def _kernel_power(self) -> Tensor:
        """Sums of squares over the kernel's pixels, (C, C')."""
        return self.weight.square().sum(dim=(2, 3)).T

    def forward(self, features: Tensor, vector: Tensor, noise: Tensor | None) -> Tensor:
        """Convolve, modulated by style and code.

        Args:
            features: (N, C, h, w).
            vector: (N, latent + code), style and code.
            noise: (N, 1, h, w) or (h, w) of the output's size, multiplied by the noise strength;
                None for none.

        Returns:
            (N, C', h, w), or (N, C', 2h, 2w) if it upsamples.
        """
        style = self.affine(vector)  # (N, C)
        # Equivalent to a kernel per image: scale input channels, then normalize outputs.
        power = self._kernel_power() if self._power is None else self._power
        norm = (style.square() @ power + 1e-8).rsqrt()
        features = features * style[:, :, None, None]
        if self.up:
            features = F.conv_transpose2d(features, self.weight.transpose(0, 1), stride=2)
            features = smooth(F.pad(features, (1, 1, 1, 1)), 4 * self.get_buffer("resample_filter"))
        else:
            features = F.conv2d(features, self.weight, padding=1)
        features *= norm[:, :, None, None]
        if noise is not None:
            features += noise * self.noise_strength
        return _clamp(_activate(features), self.clamp)


class ToRGB(nn.Module):
    """A modulated 1x1 convolution to an image, without demodulation."""

    def __init__(self, config: FcFConfig, inputs: int, *, clamp: float = CLAMP) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))
        self.affine = ScaledLinear(config.latent + config.code, inputs, active=False, bias=1.0)
        self.clamp = clamp

    def forward(self, features: Tensor, vector: Tensor) -> Tensor:
        """(N, C, h, w) features, and (N, latent + code) style and code, to (N, 3, h, w)."""
        style = self.affine(vector) / math.sqrt(features.shape[1])
        image = F.conv2d(features * style[:, :, None, None], self.weight, self.bias)
        return image.clamp(-self.clamp, self.clamp)


class SpectralStep(nn.Module):
    """A 1x1 convolution of the spectrum, then ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to the same."""
        return from_spectrum(F.relu(self.conv_layer(to_spectrum(features))), features.shape[-1])


class SpectralTransform(nn.Module):
    """Global and local Fourier units with a skip connection, between two 1x1 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = nn.Sequential(
            nn.Conv2d(channels, half, 1, bias=False), nn.Identity(), nn.ReLU()
        )
        self.fu = SpectralStep(half)
        self.lfu = SpectralStep(half)
        self.conv2 = nn.Conv2d(half, channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to the same, h and w even."""
        reduced = self.conv1(features)
        quarters = self.lfu(_quarters(reduced[:, : reduced.shape[1] // 4])).repeat(1, 1, 2, 2)
        output: Tensor = self.conv2(reduced + self.fu(reduced) + quarters)
        return output


def _quarters(features: Tensor) -> Tensor:
    """(N, C, h, w) to (N, 4C, h / 2, w / 2): top left, bottom left, top right, bottom right."""
    halves = features.chunk(2, dim=3)
    return torch.cat([part for half in halves for part in half.chunk(2, dim=2)], dim=1)


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3x3 convolution with reflection padding."""
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect", bias=False)


class FFCUnit(nn.Module):
    """An FFC unit: a quarter of the channels is local, the rest global; each from both."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        near = channels // 4
        far = channels - near
        self.ffc = nn.ModuleDict(
            {
                "convl2l": _conv(near, near),
                "convl2g": _conv(near, far),
                "convg2l": _conv(far, near),
                "convg2g": SpectralTransform(far),
            }
        )
        self.near = near

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to the same."""
        near, far = features[:, : self.near], features[:, self.near :]
        outputs = (
            self.ffc["convl2l"](near) + self.ffc["convg2l"](far),
            self.ffc["convl2g"](near) + self.ffc["convg2g"](far),
        )
        return F.relu(torch.cat(outputs, dim=1))


class FFCBlock(nn.Module):
    """Two FFC units with a skip connection."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = FFCUnit(channels)
        self.conv2 = FFCUnit(channels)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to the same: f(t) + t."""
        output: Tensor = features + self.conv2(self.conv1(features))
        return output


class FFCSkip(nn.Module):
    """A block with the nested parameter names, and the nested skips, of the program."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ffc_act = nn.ModuleDict({"ffc_block": FFCBlock(channels)})

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to the same: f(t) + 3t."""
        output: Tensor = self.ffc_act["ffc_block"](features) + 2 * features
        return output


class Foreword(nn.Module):
    """The synthesis at 4 x 4, without clamps, and with new noise in each call."""

    def __init__(self, config: FcFConfig) -> None:
        super().__init__()
        width = config.channels(4)
        self.fc = ScaledLinear(config.code, 16 * width)
        self.conv = SynthesisLayer(config, width, width, side=4, clamp=math.inf)
        self.torgb = ToRGB(config, width, clamp=math.inf)

    def forward(
        self, code: Tensor, encoded: Tensor, vectors: Sequence[Tensor], noise: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Compute the first features and image.

        Args:
            code: (N, code), the encoder's code.
            encoded: (N, C, 4, 4), the encoder's features.
            vectors: of `conv` and of `torgb`: (N, latent + code), style and code.
            noise: (N, 1, 4, 4) standard normal, or None for none.

        Returns:
            Features (N, C, 4, 4) and image (N, 3, 4, 4).
        """
        features = self.fc(code).view_as(encoded) + encoded
        features = self.conv(features, vectors[0], noise)
        return features, self.torgb(features, vectors[1])


class SynthesisBlock(nn.Module):
    """The synthesis at one resolution of 8 or more."""

    def __init__(self, config: FcFConfig, side: int) -> None:
        super().__init__()
        before, width = config.channels(side // 2), config.channels(side)
        self.register_buffer("resample_filter", smoothing_filter())
        self.conv0 = SynthesisLayer(config, before, width, side=side, up=True)
        self.conv1 = SynthesisLayer(config, width, width, side=side)
        self.torgb = ToRGB(config, width)
        if side >= FOURIER_FROM:
            self.ffc_skip = nn.ModuleList([FFCSkip(width)])

    def forward(
        self,
        features: Tensor,
        image: Tensor,
        encoded: Tensor,
        vectors: Sequence[Tensor],
        *,
        noisy: bool,
    ) -> tuple[Tensor, Tensor]:
        """Double the resolution.

        Args:
            features: (N, C, h, w) of the resolution below.
            image: (N, 3, h, w), the image of the resolution below.
            encoded: (N, C', 2h, 2w), the encoder's features.
            vectors: of `conv0`, `conv1` and `torgb`: (N, latent + code), style and code.
            noisy: whether the layers add noise: constant noise, or new noise in training.

        Returns:
            Features (N, C', 2h, 2w) and image (N, 3, 2h, 2w).
        """
        count = len(features)
        noises = [
            self._noise(layer, count) if noisy else None for layer in (self.conv0, self.conv1)
        ]
        rising = self.conv0(features, vectors[0], noises[0])
        features = rising + encoded
        if hasattr(self, "ffc_skip"):
            features = rising + self.ffc_skip[0](features)
        features = self.conv1(features, vectors[1], noises[1])
        image = _upsample_image(image, self.get_buffer("resample_filter"))
        return features, image + self.torgb(features, vectors[2])

    def _noise(self, layer: SynthesisLayer, count: int) -> Tensor:
        constant = layer.get_buffer("noise_const")
        if self.training:
            return torch.randn(count, 1, *constant.shape, device=constant.device)
        return constant


class Synthesis(nn.Module):
    """`foreword`, then blocks `b<side>` from 8 up to the image's resolution."""

    def __init__(self, config: FcFConfig) -> None:
        super().__init__()
        self.sides, self.rows = config.sides(), config.rows
        self.foreword = Foreword(config)
        for side in self.sides:
            self.add_module(f"b{side}", SynthesisBlock(config, side))

    def forward(
        self, encoded: Mapping[int, Tensor], code: Tensor, style: Tensor, noise: Tensor | None
    ) -> Tensor:
        """Generate the image.

        Args:
            encoded: the encoder's features by resolution, (N, C, side, side).
            code: (N, code), the encoder's code.
            style: of the mapping network, (N, latent), or (N, rows, latent) with one per layer.
            noise: (N, 1, 4, 4) standard normal for the first layer; None for no noise in any layer.

        Returns:
            (N, 3, R, R) about [-1, 1].
        """
        features: Tensor
        image: Tensor
        rows = style.unbind(1) if style.dim() == 3 else [style] * self.rows
        vectors = [torch.cat((row, code), dim=1) for row in rows]
        features, image = self.foreword(code, encoded[4], vectors[:2], noise)
        for index, side in enumerate(self.sides):
            block, own = self.get_submodule(f"b{side}"), vectors[2 * index + 1 : 2 * index + 4]
            features, image = block(features, image, encoded[side], own, noisy=noise is not None)
        return image


class Generator(nn.Module):
    """Encoder, mapping network and synthesis network, as in one generator checkpoint.

    Args:
        config: the network's sizes.
    """

    def __init__(self, config: FcFConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.synthesis = Synthesis(config)
        self.mapping = MappingNetwork(config)

    def forward(self, images: Tensor, masks: Tensor, z: Tensor, noise4: Tensor | None) -> Tensor:
        """Inpaint the holes.

        Args:
            images: (N, 3, R, R) in [0, 1]; the content of the hole is ignored.
            masks: (N, 1, R, R), 1 = hole.
            z: (N, latent) standard normal.
            noise4: (N, 1, 4, 4) standard normal, for the layer at 4 x 4; None for no noise in any
                layer, as in IOPaint, where z = 0 too.

        Returns:
            (N, 3, R, R) near [0, 1], the whole image.
        """
        return self.from_style(images, masks, self.mapping(z), noise4)

    def from_style(
        self, images: Tensor, masks: Tensor, style: Tensor, noise4: Tensor | None
    ) -> Tensor:
        """`forward` from a style instead of a latent.

        Args:
            images: (N, 3, R, R) in [0, 1].
            masks: (N, 1, R, R), 1 = hole.
            style: (N, latent), or (N, rows, latent) with one per layer.
            noise4: (N, 1, 4, 4), see `forward`.

        Returns:
            (N, 3, R, R) near [0, 1].
        """
        seen = torch.cat((0.5 - masks, (2 * images - 1) * (1 - masks)), dim=1)
        encoded, code = self.encoder(seen)
        image: Tensor = self.synthesis(encoded, code, style, noise4)
        return (image + 1) / 2


class FcF(Inpainter):
    """FcF, with the authors' checkpoint or a reduced-width variant of this project."""

    card = Card(
        name="fcf",
        title="FcF",
        side=256,
        paper="https://arxiv.org/abs/2208.03382",
        license="Apache-2.0; parts NVIDIA Source Code License (non-commercial use)",
        reported="FcF",
        checkpoints=(
            Checkpoint(
                file="places.pkl",
                url="https://shi-labs.com/projects/fcf-inpainting/places.pkl",
                source="https://github.com/SHI-Labs/FcF-Inpainting",
                license="none stated apart from the code's: partly non-commercial; trained on "
                "Places2 (research use)",
            ),
        ),
        mini="inpainters:mini/fcf.safetensors",
        learner="inpainters.training.fcf:FcFLearner",
        parameters=70_336_098,
        multiply_adds=40_526_571_520,
        sizes="256x256 only in its authors' program (512x512 with its other file); here others are "
        "resized to that and back",
        seeded=True,
        latents=("z", "noise4"),
    )
    engines: ClassVar[Engines] = {
        "openvino": "its Fourier transforms cannot be converted",
        "onnxruntime": "its Fourier transforms cannot be converted",
    }

    def _load(self, path: Path) -> None:
        self.network = optimize_for_inference(load_generator(path), self.device, channels_last=True)

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        return self._fill_from({}, images, masks, seed=seed)

    def _fill_from(
        self, latents: Mapping[str, Tensor], images: Tensor, masks: Tensor, *, seed: int
    ) -> Tensor:
        inputs = self._latents(latents, count=images.shape[0], seed=seed)
        side, size = self.network.config.resolution, (images.shape[2], images.shape[3])
        if size == (side, side):
            output: Tensor = self.network(images, masks, *inputs)
            return output
        self._warn_size(size, f"it is resized to {side}x{side} and back")
        raw = self.network(*_to_side(images, masks, side), *inputs)
        # For integer factors the mean of squares of pixels, as in the authors' program.
        whole = not side % size[0] and not side % size[1]
        return _resize(raw, size, cv2.INTER_AREA if whole else cv2.INTER_CUBIC)

    def _latents(
        self, given: Mapping[str, Tensor], *, count: int, seed: int
    ) -> tuple[Tensor, Tensor]:
        """The latents z (N, latent) and noise4 (N, 1, 4, 4): given, or generated in this order.

        Generated latents are equal for each image.
        """
        generator = torch.Generator().manual_seed(seed)
        found = []
        for name, shape in (("z", (self.network.config.latent,)), ("noise4", (1, 4, 4))):
            generated = torch.randn(1, *shape, generator=generator).expand(count, *shape)
            latent = given.get(name, generated)
            if tuple(latent.shape) != (count, *shape) or latent.dtype != torch.float32:
                expected, got = (count, *shape), f"{latent.dtype} {tuple(latent.shape)}"
                raise BadInput(f"latents: expected {name} of float32 {expected}, got {got}")
            found.append(latent.to(self.device))
        return found[0], found[1]


def _resize(planes: Tensor, size: tuple[int, int], interpolation: int) -> Tensor:
    """Resize (N, C, h, w) to (N, C, *size) with OpenCV, plane by plane."""
    resized = [
        [cv2.resize(plane, size[::-1], interpolation=interpolation) for plane in image]
        for image in planes.cpu().numpy()
    ]
    return torch.from_numpy(np.array(resized, dtype=np.float32)).to(planes.device)


def _to_side(images: Tensor, masks: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Resize images and masks to side x side, averaging known pixels only."""
    known = 1 - masks
    share = _resize(known, (side, side), cv2.INTER_AREA)
    seen = _resize(images * known, (side, side), cv2.INTER_AREA) / share.clamp(min=1e-6)
    return seen.clamp(0, 1), _resize(masks, (side, side), cv2.INTER_NEAREST)


def load_generator(file: Path) -> Generator:
    """Build the generator of a checkpoint, and load it strictly.

    Args:
        file: the authors' pickle, of which `G_ema` is read without running code; a state dict of
            the generator; or a .safetensors file of this project, whose metadata has the sizes.

    Returns:
        The generator on the CPU, in evaluation mode, without gradients.

    Raises:
        WeightsError: if the file is missing, damaged or of another model.
    """
    if file.suffix == ".safetensors":
        state = read_checkpoint(file)
        config = read_sizes(file, "fcf", FcFConfig)
        refuse_unfit(lambda: Generator(config), state, file)
    else:
        state = read_network(file, "G_ema") if is_bare_pickle(file) else read_checkpoint(file)
        config = _published(state, file)
    network = Generator(config)
    load_strict(network, state, file)
    return network


def _published(state: Mapping[str, Any], file: Path) -> FcFConfig:
    """The sizes of a published checkpoint, from the resolution of its largest encoder block."""
    blocks = [str(name).split(".")[1] for name in state if str(name).startswith("encoder.b")]
    sides = [int(block[1:]) for block in blocks if block[1:].isdecimal()]
    if not sides:
        found = ", ".join(sorted(map(str, state))[:5])
        raise WeightsError(f"{file}: expected entries encoder.b*, found {found or 'nothing'}")
    if max(sides) not in PUBLISHED:
        raise WeightsError(f"{file}: a model of {max(sides)} pixels, expected 256 or 512")
    return FcFConfig(resolution=max(sides))
