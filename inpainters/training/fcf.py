"""Training module of FcF: losses, discriminator, training step with lazy regularization."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.errors import TrainingError
from inpainters.fcf import (
    FOURIER_FROM,
    FcFConfig,
    Generator,
    ScaledConv,
    ScaledLinear,
    group_deviation,
    smooth,
    smoothing_filter,
)
from inpainters.training.base import InpainterLearner, read_network, white_holes
from inpainters.training.feature_networks import first_share
from inpainters.training.losses.adversarial import (
    adversarial_discriminator,
    adversarial_generator,
    gradient_penalty,
)
from inpainters.training.losses.lattice import lattice
from inpainters.training.losses.receptive import FeatureFunction, receptive_field
from inpainters.training.segmentation import choose_receptive_features


def composite_images(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Composite network outputs into the holes.

    Args:
        output: (N, 3, R, R) about [-1, 1], the whole network outputs.
        images: (N, 3, R, R) in [-1, 1], real images.
        masks: (N, 1, R, R), 1 = hole.

    Returns:
        (N, 3, R, R).
    """
    return masks * output + (1 - masks) * images


def reconstruction_loss(composites: Tensor, images: Tensor) -> Tensor:
    """L1 over all pixels.

    Args:
        composites: (N, 3, R, R), see `composite_images`.
        images: (N, 3, R, R) in [-1, 1], real images.

    Returns:
        A scalar.
    """
    return F.l1_loss(composites, images)


def perceptual_loss(composites: Tensor, images: Tensor, extract: FeatureFunction) -> Tensor:
    """High receptive field perceptual loss, of images rescaled to [0, 1].

    Args:
        composites: (N, 3, R, R), see `composite_images`; clamped to [-1, 1].
        images: (N, 3, R, R) in [-1, 1], real images.
        extract: as in `receptive_field`.

    Returns:
        A scalar.
    """
    return receptive_field(((composites + 1) / 2).clamp(0, 1), (images + 1) / 2, extract)


class Shortcut(nn.Module):
    """Downsample by 2, then a 1x1 convolution without bias, scaled by its fan-in."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.register_buffer("resample_filter", smoothing_filter())

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C', h / 2, w / 2)."""
        kernel = self.get_buffer("resample_filter")
        features = smooth(F.pad(features, (1, 1, 1, 1)), kernel, stride=2)
        return F.conv2d(features, self.weight / math.sqrt(self.weight.shape[1]))


class Block(nn.Module):
    """The layers at one resolution; the first block also has the input layer."""

    def __init__(self, config: FcFConfig, side: int) -> None:
        super().__init__()
        width, below = config.channels(side), config.channels(side // 2)
        self.register_buffer("resample_filter", smoothing_filter())  # in checkpoints, not used
        if side == config.resolution:
            self.fromrgb = ScaledConv(4, width, 1)
        self.conv0 = ScaledConv(width, width)
        self.conv1 = ScaledConv(width, below, down=True)
        self.skip = Shortcut(width, below)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C', h / 2, w / 2)."""
        if hasattr(self, "fromrgb"):
            features = self.fromrgb(features)
        # Scaled after the clamp, which is equivalent to the program's clamp at 256 times this.
        output: Tensor = (self.skip(features) + self.conv1(self.conv0(features))) * math.sqrt(0.5)
        return output


class Epilogue(nn.Module):
    """The last layers, from 4x4 features to the logit."""

    def __init__(self, config: FcFConfig) -> None:
        super().__init__()
        width = config.channels(4)
        self.conv = ScaledConv(width + 1, width)
        self.fc = ScaledLinear(16 * width, width)
        self.out = ScaledLinear(width, 1, active=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, 4, 4) to (N, 1)."""
        features = self.conv(torch.cat((features, group_deviation(features)), dim=1))
        logits: Tensor = self.out(self.fc(features.flatten(1)))
        return logits


class Discriminator(nn.Module):
    """StyleGAN2 discriminator with blocks `b<side>` down to 8, and `b4` (FcF, arXiv 2208.03382).

    Args:
        config: the generator's configuration, whose resolution and widths are used.
    """

    def __init__(self, config: FcFConfig) -> None:
        super().__init__()
        for side in config.sides()[::-1]:
            self.add_module(f"b{side}", Block(config, side))
        self.b4 = Epilogue(config)

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """Classify real or composited images.

        Args:
            images: (N, 3, R, R) in [-1, 1], composites or real; N at most 4, or a
                multiple of it.
            masks: (N, 1, R, R), 1 = hole.

        Returns:
            (N, 1) logits, positive where real.

        Raises:
            BadInput: if N is larger than 4 and not a multiple of it.
        """
        values = torch.cat((0.5 - masks, images), dim=1)
        for block in self.children():
            values = block(values)
        return values


MIXING = 0.9  # probability of style mixing


class FcFLosses(BaseModel):
    """The `losses` table of a recipe of FcF; the weights are the authors'.

    Attributes:
        adversarial: weight of the generator's adversarial term.
        reconstruction: weight of the L1 term.
        receptive: weight of the high receptive field perceptual loss.
        discriminator: weight of the discriminator's adversarial loss.
        gradient_penalty: weight of the R1 penalty at real images.
        lazy: apply the penalty in every `lazy`-th update, multiplied by `lazy`.
        features: of the perceptual term: a dilated ResNet-50 trained on ADE20K segmentation, as the
            authors use; VGG-16 up to its third block; or fixed random filters ("texture").
        features_share: share of each batch's images, the first ones, that these terms use; the rest
            only have the other terms. VGG would otherwise take most of a step's time.
        lattice: weight of the checkerboard penalty, see `losses.lattice`; not in the paper.
        growth: progressive growing: smaller resolutions, ascending, at which the inner blocks can
            be trained first; not in the paper. See `FcFLearner`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    adversarial: float = 1.0
    reconstruction: float = 10.0
    receptive: float = 5.0
    discriminator: float = 1.0
    gradient_penalty: float = 5.0
    lazy: int = Field(default=16, ge=1)
    features: Literal["ade20k", "vgg16", "texture"] = "ade20k"
    features_share: float = Field(default=1.0, gt=0, le=1)
    lattice: float = Field(default=0.0, ge=0)
    growth: tuple[int, ...] = ()


class StepCounter(nn.Module):
    """Counts updates of the discriminator, in a buffer that is saved in checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def due(self, every: int) -> bool:
        """Count one update; True for the first of `every` updates."""
        count = self.get_buffer("count")
        due = int(count) % every == 0
        count += 1
        return due


class FcFLearner(InpainterLearner):
    """Training module of FcF; implements `Learner`.

    The network has a fixed resolution, so a stage's `crop` must be that resolution, or one of
    `growth`. In the latter case the blocks up to that resolution are trained, with additional input
    layers for small images, and the RGB layers of all blocks are initialized to zero.

    Args:
        network: sizes, as `FcFConfig` names them.
        losses: weights of the losses.
        device: device of the networks.

    Raises:
        TrainingError: if a size is unknown or invalid, or the weights of `features` are not
            installed.
    """

    model: ClassVar[str] = "fcf"
    Losses: ClassVar[type[BaseModel]] = FcFLosses
    terms: ClassVar[tuple[str, ...]] = (
        "adversarial",
        "reconstruction",
        "receptive",
        "discriminator",
        "gradient_penalty",
        "lattice",
    )
    roles: ClassVar[dict[str, tuple[str, ...]]] = {
        "generator": ("generator", "entries"),
        "discriminator": ("discriminator", "judge_entries"),
    }
    tiny: ClassVar[dict[str, dict[str, Any]]] = {
        "network": {"resolution": 64, "width": 32, "max_width": 32, "latent": 4, "code": 4},
        "losses": {"features": "texture", "growth": ()},
    }

    def __init__(self, network: Mapping[str, Any], losses: FcFLosses, device: torch.device) -> None:
        self.sizes = read_network(FcFConfig, network, self.model)
        _check_sizes(self.sizes, losses.growth)
        self.network, self.discriminator = Generator(self.sizes), Discriminator(self.sizes)
        self._generators = {side: _inner_generator(self.network, side) for side in losses.growth}
        self._discriminators = {
            side: _inner_discriminator(self.discriminator, side, self.sizes)
            for side in losses.growth
        }
        self.turns = StepCounter()
        self.modules: dict[str, nn.Module] = {
            "generator": self.network,
            "discriminator": self.discriminator,
            "entries": _entries({s: p.encoder for s, p in self._generators.items()}),
            "judge_entries": _entries(self._discriminators),
            "turns": self.turns,
        }
        for part in self.modules.values():
            part.to(device)
        if losses.growth:
            _zero_rgb_layers(self.network)
        resolution = self.sizes.resolution
        self._generators[resolution] = self.network
        self._discriminators[resolution] = self.discriminator
        self.features = choose_receptive_features(losses.features).to(device)
        self._losses = losses
        self._generated: deque[Tensor] = deque()

    def training_step(self, role: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted losses of an optimizer role, all computed on composites.

        The discriminator gets the generator's outputs of the same step, before its update.

        Args:
            role: "generator" or "discriminator", in this order.
            images: (N, 3, R, R) RGB in [0, 1]; N at most 4, or a multiple of it.
            masks: (N, 1, R, R), 1 = hole.

        Returns:
            Each term, (); the penalty only in the updates in which it is due.

        Raises:
            TrainingError: if R is neither the network's resolution nor one of `growth`.
        """
        side, wanted = images.shape[-1], 2 * images - 1
        if side not in self._generators:
            known = ", ".join(map(str, sorted(self._generators)))
            raise TrainingError(
                f"fcf is trained on images of {known} pixels, not of {side}: a stage's "
                "crop must be the network's resolution, or one of losses.growth"
            )
        if role == "discriminator":
            return self._discriminator_losses(wanted, masks, self._generated.popleft())
        chosen, generator = self._losses, self._generators[side]
        noise4 = torch.randn(len(images), 1, 4, 4, device=images.device)
        raw = (
            2 * generator.from_style(images, masks, mixed_styles(generator, len(images)), noise4)
            - 1
        )
        composites = composite_images(raw, wanted, masks)
        self._generated.append(composites.detach())
        logits = self._discriminators[side](composites, masks)
        few, real = (first_share(part, chosen.features_share) for part in (composites, wanted))
        terms = {
            "adversarial": chosen.adversarial * adversarial_generator(logits),
            "reconstruction": chosen.reconstruction * reconstruction_loss(composites, wanted),
            "receptive": chosen.receptive * perceptual_loss(few, real, self.features.features),
        }
        if chosen.lattice:
            terms["lattice"] = chosen.lattice * lattice((raw + 1) / 2, masks)
        return terms

    def _discriminator_losses(
        self, wanted: Tensor, masks: Tensor, composites: Tensor
    ) -> dict[str, Tensor]:
        chosen, discriminator = self._losses, self._discriminators[wanted.shape[-1]]
        due = self.turns.due(chosen.lazy)
        wanted = wanted.detach().requires_grad_(due)
        real, fake = discriminator(wanted, masks), discriminator(composites, masks)
        adversarial = adversarial_discriminator(real, fake, halved=False)
        terms = {"discriminator": chosen.discriminator * adversarial}
        if due:
            weight = chosen.lazy * chosen.gradient_penalty
            terms["gradient_penalty"] = weight * gradient_penalty(real, wanted)
        return terms

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """Images, images with white holes, outputs for a latent of zeros, composites.

        Each (N, 3, H, W) in [0, 1]; arguments as in `Learner.show`.
        """
        self.network.eval()
        generator = self._generators[images.shape[-1]]
        z, noise4 = images.new_zeros(len(images), self.sizes.latent), images.new_zeros(1, 1, 4, 4)
        raw = generator(images, masks, z, noise4)
        composite = torch.where(masks.bool(), raw, images)
        return [images, white_holes(images, masks), raw, composite]

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """Generator and discriminator as plain state dicts, the former as IOPaint publishes it."""
        return {
            "fcf_G.pth": dict(self.network.state_dict()),
            "fcf_D.pth": dict(self.discriminator.state_dict()),
        }


def mixed_styles(generator: Generator, count: int) -> Tensor:
    """Sample styles with mixing: in nine of ten calls a second style starts at a random row.

    Args:
        generator: in training mode; its running mean of styles is updated.
        count: number of images, N.

    Returns:
        (N, rows, latent).
    """
    config = generator.config
    device = generator.mapping.get_buffer("w_avg").device
    styles: Tensor = generator.mapping(torch.randn(2 * count, config.latent, device=device))
    first, second = styles[:, None].expand(-1, config.rows, -1).chunk(2)
    mixed, row = float(torch.rand(())) < MIXING, int(torch.randint(1, config.rows, ()))
    row = row if mixed else config.rows
    return torch.cat((first[:, :row], second[:, row:]), dim=1)


def _check_sizes(sizes: FcFConfig, growth: tuple[int, ...]) -> None:
    """Refuse invalid sizes, and resolutions of `growth` that the network does not contain."""
    known, where = [*sizes.sides()[:-1]], "recipe of fcf"
    if sizes.resolution < 8 or sizes.resolution & (sizes.resolution - 1):
        raise TrainingError(f"{where}, network: resolution: expected a power of two, at least 8")
    if sizes.resolution >= FOURIER_FROM and (sizes.width % 32 or sizes.max_width % 32):
        raise TrainingError(f"{where}, network: width and max_width: expected multiples of 32")
    if list(growth) != sorted(set(growth) & set(known)):
        raise TrainingError(
            f"{where}, losses: growth: expected some of {', '.join(map(str, known))}, ascending"
        )


def _inner(sizes: FcFConfig, side: int) -> FcFConfig:
    """The configuration of a network that ends at a smaller resolution."""
    return replace(sizes, resolution=side, width=sizes.channels(side))


def _inner_generator(network: Generator, side: int) -> Generator:
    """A generator of a smaller resolution that shares all layers of `network` but the first."""
    inner = Generator(_inner(network.config, side))
    _share_blocks(inner.encoder, network.encoder, side)
    inner.synthesis.foreword = network.synthesis.foreword
    for smaller in inner.config.sides():
        block = f"b{smaller}"
        inner.synthesis.add_module(block, network.synthesis.get_submodule(block))
    inner.mapping = network.mapping
    return inner


def _inner_discriminator(network: Discriminator, side: int, sizes: FcFConfig) -> Discriminator:
    """A discriminator of a smaller resolution; see `_inner_generator`."""
    inner = Discriminator(_inner(sizes, side))
    _share_blocks(inner, network, side)
    return inner


def _share_blocks(inner: nn.Module, network: nn.Module, side: int) -> None:
    """Share a network's blocks up to `side` with a smaller one, which keeps its own `fromrgb`."""
    first = f"b{side}"
    for name, part in network.get_submodule(first).named_children():
        inner.get_submodule(first).add_module(name, part)
    for name, _ in list(inner.named_children()):
        if name != first:
            inner.add_module(name, network.get_submodule(name))


def _entries(networks: Mapping[int, nn.Module]) -> nn.ModuleDict:
    """The additional input layers, by resolution."""
    return nn.ModuleDict(
        {str(side): part.get_submodule(f"b{side}.fromrgb") for side, part in networks.items()}
    )


@torch.no_grad()
def _zero_rgb_layers(network: Generator) -> None:
    """Initialize the RGB layers of all blocks to zero, so that outputs start gray.

    Randomly initialized blocks add up to several times the range of colors, which a short training
    would spend most of its steps on reducing.
    """
    for name, parameter in network.synthesis.named_parameters():
        if name.endswith("torgb.weight"):
            parameter.zero_()
