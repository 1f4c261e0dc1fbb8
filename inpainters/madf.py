"""MADF: mask-aware dynamic filtering and cascaded refinement (arXiv 2104.13743).

Written from a description of its published program. The encoder convolves with filters that a
second branch generates from the mask for each position; one decoder recovers the image, and two
more refine it, each modulated at every level by the decoder before it. Parameter names are those of
the authors' checkpoint. Inside the network the mask is inverted: 1 = known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import prod
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.load import (
    flat_state,
    load_strict,
    part_of,
    read_checkpoint,
    read_sizes,
    refuse_unfit,
)
from benchmark.core.errors import BadInput
from benchmark.core.inference import optimize_for_inference
from inpainters.base import Inpainter

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
COUNTER = "num_batches_tracked"  # of a batch norm; missing in files of old PyTorch versions
SLOPE = 0.2  # of the decoders' LeakyReLU


@dataclass(frozen=True, slots=True, kw_only=True)
class MADFConfig:
    """Sizes of the network; the defaults are the authors'.

    Attributes:
        levels: downsampling steps of the encoder, and levels of each decoder.
        width: channels of the encoder's first level; doubled per level, up to eight times as many.
        decoder_width: the same for the decoders and the encoder's skip connections.
        mask_width: channels of the mask branch: the number of basis filters.
        guide_width: hidden channels of a point-wise normalization.
    """

    levels: int = 7
    width: int = 16
    decoder_width: int = 64
    mask_width: int = 16
    guide_width: int = 128

    def __post_init__(self) -> None:
        """Validate the sizes.

        Raises:
            BadInput: names the invalid field.
        """
        for field in fields(self):
            value, least = getattr(self, field.name), 2 if field.name == "levels" else 1
            if type(value) is not int or value < least:
                raise BadInput(
                    f"madf: {field.name}: expected a number of at least {least}, got {value!r}"
                )

    @property
    def multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        return 1 << self.levels

    def encoded(self, level: int) -> int:
        """Output channels of the encoder at a level; level 0 is the image and its mask."""
        return self.width << min(level - 1, 3) if level else 6

    def decoded(self, level: int) -> int:
        """Channels of the decoders at a level of 1 or more."""
        return self.decoder_width << min(level - 1, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class MADFOutput:
    """Outputs of the three decoders for N images, each (N, 3, H, W), normalized and unbounded.

    Attributes:
        recovered: of the recovery decoder.
        refined: of the first refinement decoder.
        raw: of the second refinement decoder, the final output.
    """

    recovered: Tensor
    refined: Tensor
    raw: Tensor


def _side(level: int) -> int:
    """Kernel size at a level of the encoder."""
    return {1: 7, 2: 5}.get(level, 3)


class FilterGenerator(nn.Module):
    """A level of the mask branch; its features are the weights of the level's basis filters.

    Args:
        seen: input channels of the branch.
        mask_width: output channels of the branch, Q.
        channels: input channels of the filters, A.
        width: output channels of the filters, B.
        side: kernel size of the filters, k.
    """

    _kernels: Tensor | None

    def __init__(self, *, seen: int, mask_width: int, channels: int, width: int, side: int) -> None:
        super().__init__()
        self.shape = (channels, side, side, width)  # the last index is the fastest
        self.conv = nn.Sequential(
            nn.Conv2d(seen, mask_width, side, stride=2, padding=side // 2), nn.ReLU()
        )
        self.conv1 = nn.Sequential(nn.Conv2d(mask_width, prod(self.shape), 1))
        self.register_buffer("_kernels", None, persistent=False)

    def forward(self, mask_features: Tensor) -> Tensor:
        """(N, seen, h, w) to (N, Q, h / 2, w / 2)."""
        output: Tensor = self.conv(mask_features)
        return output

    def kernels(self) -> Tensor:
        """The basis filters with the constant term last, shape (K, A, k, k), K = (Q + 1) B."""
        return self._arranged() if self._kernels is None else self._kernels

    def prepare(self) -> None:
        """Cache `kernels`; called for inference, when weights no longer change."""
        self._kernels = self._arranged()

    def _arranged(self) -> Tensor:
        """Compute `kernels` from the weights.

        The program computes a filter per position; convolving with the basis filters and summing
        afterwards is equivalent, and saves 0.7 GB at 256x256.
        """
        weight, bias = self.conv1.get_parameter("0.weight"), self.conv1.get_parameter("0.bias")
        terms = weight.view(*self.shape, -1).permute(4, 3, 0, 1, 2)  # (Q, B, A, k, k)
        constant = bias.view(self.shape).permute(3, 0, 1, 2)  # (B, A, k, k)
        return torch.cat((terms.flatten(0, 1), constant))


class MaskAwareConv(nn.Module):
    """A convolution of stride 2 with a different filter per position.

    Its batch norm is part of every checkpoint but never applied: the authors' program skips it,
    also in training.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(width)

    def forward(self, features: Tensor, mask_features: Tensor, kernels: Tensor) -> Tensor:
        """Apply the filters.

        Args:
            features: (N, A, h, w).
            mask_features: (N, Q, h / 2, w / 2), the weights of the basis filters.
            kernels: ((Q + 1) * B, A, k, k); the last term has weight 1.

        Returns:
            (N, B, h / 2, w / 2), non-negative.
        """
        padding = kernels.shape[-1] // 2
        terms = F.conv2d(features, kernels, stride=2, padding=padding)
        count = mask_features.shape[1] + 1
        terms = terms.view(len(terms), count, -1, *terms.shape[2:])  # (N, Q + 1, B, h / 2, w / 2)
        weighted = (terms[:, :-1] * mask_features[:, :, None]).sum(dim=1)
        return F.relu(weighted + terms[:, -1])


class SkipMerge(nn.Module):
    """Merges the skip connection of a level into the recovery decoder."""

    def __init__(self, channels: int, width: int, *, last: bool) -> None:
        super().__init__()
        conv = nn.Conv2d(channels, width, 3, padding=1)
        self.conv = nn.Sequential(conv) if last else nn.Sequential(conv, nn.ReLU())

    def forward(self, skip: Tensor, features: Tensor) -> Tensor:
        """(N, C, h, w) and (N, D, h, w) to (N, width, h, w)."""
        output: Tensor = self.conv(torch.cat((skip, features), dim=1))
        return output


class PointwiseNorm(nn.Module):
    """A batch norm whose scale and shift are computed per position from a guide."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.batch_norm = nn.BatchNorm2d(channels, affine=False)
        self.mlp_shared = nn.Sequential(nn.Conv2d(channels, hidden, 3, padding=1), nn.ReLU())
        self.mlp_scale = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_bias = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, features: Tensor, guide: Tensor) -> Tensor:
        """Normalize (N, C, h, w) features, modulated by an (N, C, h, w) guide."""
        shared = self.mlp_shared(guide)
        scaled = self.batch_norm(features) * (1 + self.mlp_scale(shared))
        output: Tensor = scaled + self.mlp_bias(shared)
        return output


class Refinement(nn.Module):
    """A level of a refinement decoder: upsamples by 2, modulated by the decoder before it."""

    folds: ClassVar[dict[str, tuple[str, ...]]] = {"bn.batch_norm": ("deconv",)}

    def __init__(self, channels: int, width: int, hidden: int) -> None:
        super().__init__()
        self.deconv = _upsample(channels, width)
        self.bn = PointwiseNorm(width, hidden)

    def forward(self, features: Tensor, guide: Tensor) -> Tensor:
        """(N, C, h, w), guided by (N, D, 2h, 2w), to (N, D, 2h, 2w)."""
        return F.leaky_relu(self.bn(self.deconv(features), guide), SLOPE)


def _upsample(channels: int, width: int) -> nn.ConvTranspose2d:
    """Twice the size."""
    return nn.ConvTranspose2d(channels, width, 4, stride=2, padding=1)


def _recovery(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(_upsample(channels, width), nn.BatchNorm2d(width), nn.LeakyReLU(SLOPE))


class MADFNetwork(nn.Module):
    """The encoder and the three decoders.

    Args:
        config: the network's sizes.
    """

    def __init__(self, config: MADFConfig) -> None:
        super().__init__()
        self.config = config
        self._add_encoder(config)
        downwards = range(config.levels, 1, -1)
        wide = config.decoded
        for i in downwards:
            self.add_module(f"deconv_{i}", _recovery(wide(i), wide(i - 1)))
        self.deconv_1 = nn.Sequential(_upsample(wide(1), 3))
        for i in downwards:
            merge = SkipMerge(2 * wide(i - 1), wide(i - 1), last=False)
            self.add_module(f"att_conv_{i}", merge)
        self.att_conv_1 = SkipMerge(config.encoded(0) + 3, 3, last=True)
        for decoder, earlier in (("dec_ref0", 1), ("dec_ref1", 2)):
            for i in downwards:
                level = Refinement(wide(i), wide(i - 1), config.guide_width)
                self.add_module(f"{decoder}_{i}", level)
            last = nn.Conv2d(wide(1) + 3 * earlier + config.encoded(0), 3, 1)
            self.add_module(f"{decoder}_1", last)

    def _add_encoder(self, config: MADFConfig) -> None:
        levels = range(1, config.levels + 1)
        for i in levels:
            generator = FilterGenerator(
                seen=3 if i == 1 else config.mask_width,
                mask_width=config.mask_width,
                channels=config.encoded(i - 1),
                width=config.encoded(i),
                side=_side(i),
            )
            self.add_module(f"filter_gen_{i}", generator)
        for i in levels:
            self.add_module(f"enc_conv_{i}", MaskAwareConv(config.encoded(i)))
        for i in levels:
            widen = nn.Conv2d(config.encoded(i), config.decoded(i), 1)
            self.add_module(f"enc_up_{i}", nn.Sequential(widen, nn.ReLU()))

    def _at(self, part: str, level: int) -> nn.Module:
        """The module of a part at a level."""
        return self.get_submodule(f"{part}_{level}")

    def forward(self, images: Tensor, masks: Tensor) -> MADFOutput:
        """Inpaint the holes.

        Args:
            images: (N, 3, H, W), see `normalized`, H and W multiples of 2 ** levels; the content of
                the hole is ignored.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            The images of the three decoders.
        """
        known = (1 - masks).expand(-1, 3, -1, -1)
        given = torch.cat((images * known, known), dim=1)  # (N, 6, H, W)
        skips = self._encode(given, known)
        recovered = first = second = skips[-1]
        for level in range(self.config.levels, 1, -1):
            upsampled = self._at("deconv", level)(recovered)
            recovered = self._at("att_conv", level)(skips[level - 1], upsampled)
            first = self._at("dec_ref0", level)(first, recovered)
            second = self._at("dec_ref1", level)(second, first)
        image = self.att_conv_1(given, self.deconv_1(recovered))  # (N, 3, H, W)
        refined = self._at("dec_ref0", 1)(torch.cat((_upsampled(first), image, given), dim=1))
        seen = (_upsampled(second), image, refined, given)
        return MADFOutput(
            recovered=image, refined=refined, raw=self._at("dec_ref1", 1)(torch.cat(seen, dim=1))
        )

    def _encode(self, given: Tensor, known: Tensor) -> list[Tensor]:
        """Skip connections by level; level 0 is the input (N, 6, H, W)."""
        features, mask_features, skips = given, known, [given]
        for level in range(1, self.config.levels + 1):
            generator = cast("FilterGenerator", self._at("filter_gen", level))
            mask_features = generator(mask_features)
            features = self._at("enc_conv", level)(features, mask_features, generator.kernels())
            skips.append(self._at("enc_up", level)(features))
        return skips


def _upsampled(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)


class MADF(Inpainter):
    """MADF, with the authors' checkpoint or a reduced-width variant of this project."""

    card = Card(
        name="madf",
        title="MADF",
        paper="https://arxiv.org/abs/2104.13743",
        license="GPL-3.0",
        reported="MADF",
        checkpoints=(
            Checkpoint(
                file="places2.1000000.pth",
                url="https://drive.google.com/file/d/10iXhPEiOiNzTbM-Yc1GRy2-D9Xjmd1cI",
                source="https://github.com/MADF-inpainting/Pytorch-MADF: Places2 at "
                "https://drive.google.com/file/d/10iXhPEiOiNzTbM-Yc1GRy2-D9Xjmd1cI, "
                "CelebA at "
                "https://drive.google.com/file/d/1kWV_RT6xTXuyIh7Oj3OnoZGOB9h4ZP0Z, "
                "Paris Street View at "
                "https://drive.google.com/file/d/1cmrj_zod5eCsMavLVC4BGr9KavHXizkw",
                license="not stated; linked from the GPL-3.0 repository",
            ),
        ),
        mini="inpainters:mini/madf.safetensors",
        learner="inpainters.training.madf:MADFLearner",
        parameters=85_141_214,
        multiply_adds=28_260_627_456,
        sizes="squares, to which its authors' program squeezes any image (512 by default); here "
        "multiples of 128 as they are, others with the edge repeated at the right and bottom",
    )

    def _load(self, path: Path) -> None:
        self.network = optimize_for_inference(load_network(path), self.device, nnpack="one thread")

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        # Not padded by the card's `multiple`: here the edge is repeated, and the padding is known.
        height, width = images.shape[2:]
        multiple = self.network.config.multiple
        border = (0, -width % multiple, 0, -height % multiple)
        if any(border):
            self._warn_size((height, width), f"its edge is repeated to multiples of {multiple}")
        painted: MADFOutput = self.network(
            normalized(F.pad(images, border, mode="replicate")), F.pad(masks, border)
        )
        return denormalized(painted.raw[:, :, :height, :width])


def normalized(images: Tensor) -> Tensor:
    """Standardize (N, 3, H, W) RGB in [0, 1] with ImageNet's mean and standard deviation."""
    return (images - _channels(MEAN, images)) / _channels(STD, images)


def denormalized(images: Tensor) -> Tensor:
    """Undo `normalized`: standardized (N, 3, H, W) to RGB near [0, 1]."""
    return images * _channels(STD, images) + _channels(MEAN, images)


def _channels(values: tuple[float, ...], images: Tensor) -> Tensor:
    return images.new_tensor(values)[:, None, None]


def load_network(file: Path) -> MADFNetwork:
    """Build the network of a checkpoint, and load it strictly.

    Args:
        file: the authors' checkpoint, or a .safetensors file of this project, whose metadata has
            the sizes.

    Returns:
        The network on the CPU, in evaluation mode, without gradients.

    Raises:
        WeightsError: if the file is missing, damaged or of another model.
    """
    content = read_checkpoint(file)
    if file.suffix == ".safetensors":
        config, state = read_sizes(file, "madf", MADFConfig), dict(content)
        refuse_unfit(lambda: MADFNetwork(config), state, file)
        network = MADFNetwork(config)
    else:
        state = network_state(content, file)
        network = MADFNetwork(MADFConfig())
        for name, value in network.state_dict().items():
            if name.endswith(COUNTER):
                state.setdefault(name, torch.zeros_like(value))
    load_strict(network, state, file)
    return network


def network_state(content: Mapping[str, Any], file: Path) -> dict[str, Tensor]:
    """The state dict of the network in a checkpoint of the authors' layout.

    The file contains their training wrapper: the network with a prefix, and the VGG-16 of the loss,
    which is dropped. A bare state dict is accepted too.

    Args:
        content: of the file.
        file: for messages.

    Returns:
        Tensors by parameter name, of any shapes.

    Raises:
        WeightsError: if there is no state dict.
    """
    state = part_of(content, "model", file) if "model" in content else flat_state(content, file)
    return {
        name.removeprefix("model."): value
        for name, value in state.items()
        if not name.startswith("extractor.")
    }
