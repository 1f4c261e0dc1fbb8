"""Training module of FcF: losses, discriminator, training step with lazy regularisation."""

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
from inpainters.training.base import InpainterLearner, pierced, read_network
from inpainters.training.feature_networks import seen
from inpainters.training.losses.adversarial import (
    adversarial_discriminator,
    adversarial_generator,
    gradient_penalty,
)
from inpainters.training.losses.lattice import lattice
from inpainters.training.losses.receptive import FeatureFunction, receptive_field
from inpainters.training.segmentation import choose_receptive_features


def composite_images(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Paint the holes only.

    Args:
        output: (N, 3, R, R) about [-1, 1], the whole inpainted images.
        images: (N, 3, R, R) in [-1, 1], untouched.
        masks: (N, 1, R, R), 1 = hole.

    Returns:
        (N, 3, R, R).
    """
    return masks * output + (1 - masks) * images


def reconstruction_loss(composites: Tensor, images: Tensor) -> Tensor:
    """Mean absolute difference over all pixels.

    Args:
        composites: (N, 3, R, R), see `composite`.
        images: (N, 3, R, R) in [-1, 1], untouched.

    Returns:
        A scalar.
    """
    return F.l1_loss(composites, images)


def perceptual_loss(composites: Tensor, images: Tensor, see: FeatureFunction) -> Tensor:
    """The perceptual loss with a high receptive field, of images brought to [0, 1].

    Args:
        composites: (N, 3, R, R), see `composite`; what leaves [-1, 1] is clamped.
        images: (N, 3, R, R) in [-1, 1], untouched.
        see: as in `receptive_field`.

    Returns:
        A scalar.
    """
    return receptive_field(((composites + 1) / 2).clamp(0, 1), (images + 1) / 2, see)


class Shortcut(nn.Module):
    """Half the resolution, then a 1x1 convolution scaled by its fan-in, without bias."""

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
    """One resolution; the first of them takes the image itself."""

    def __init__(self, config: FcFConfig, side: int) -> None:
        super().__init__()
        width, below = config.channels(side), config.channels(side // 2)
        self.register_buffer("resample_filter", smoothing_filter())  # in the file, not used
        if side == config.resolution:
            self.fromrgb = ScaledConv(4, width, 1)
        self.conv0 = ScaledConv(width, width)
        self.conv1 = ScaledConv(width, below, down=True)
        self.skip = Shortcut(width, below)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C', h / 2, w / 2)."""
        if hasattr(self, "fromrgb"):
            features = self.fromrgb(features)
        # Scaled after the clamp, which comes to the program's clamp at 256 times this.
        answer: Tensor = (self.skip(features) + self.conv1(self.conv0(features))) * math.sqrt(0.5)
        return answer


class Epilogue(nn.Module):
    """From the last features, 4 x 4, to the answer."""

    def __init__(self, config: FcFConfig) -> None:
        super().__init__()
        width = config.channels(4)
        self.conv = ScaledConv(width + 1, width)
        self.fc = ScaledLinear(16 * width, width)
        self.out = ScaledLinear(width, 1, active=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, 4, 4) to (N, 1)."""
        features = self.conv(torch.cat((features, group_deviation(features)), dim=1))
        answer: Tensor = self.out(self.fc(features.flatten(1)))
        return answer


class Discriminator(nn.Module):
    """Real or inpainted, blocks `b<side>` down to 8 and `b4` (FcF, arXiv 2208.03382).

    Args:
        config: sizes of the generator; resolution and widths are the discriminator's too.
    """

    def __init__(self, config: FcFConfig) -> None:
        super().__init__()
        for side in config.sides()[::-1]:
            self.add_module(f"b{side}", Block(config, side))
        self.b4 = Epilogue(config)

    def forward(self, pictures: Tensor, masks: Tensor) -> Tensor:
        """Judge images whose holes may be inpainted.

        Args:
            pictures: (N, 3, R, R) in [-1, 1], composites or untouched; N at most 4, or a
                multiple of it.
            masks: (N, 1, R, R), 1 = hole.

        Returns:
            (N, 1), before any sigmoid: positive where real.

        Raises:
            BadInput: if N is neither.
        """
        answer = torch.cat((0.5 - masks, pictures), dim=1)
        for block in self.children():
            answer = block(answer)
        return answer


MIXING = 0.9  # how often a second style takes over from some row on


class FcFLosses(BaseModel):
    """The `losses` table of a recipe of FcF; the weights are the authors' program's.

    Attributes:
        adversarial: weight of the generator's adversarial term.
        reconstruction: weight of the absolute difference.
        receptive: weight of the perceptual term with a high receptive field.
        discriminator: weight of the discriminator's mistakes.
        gradient_penalty: weight of the discriminator's slope at untouched images.
        lazy: the penalty comes once in so many turns, and counts as many times.
        features: what the perceptual term compares: a dilated ResNet-50 trained to segment ADE20K,
            as the authors do; VGG-16 as far as its third block; or fixed random filters.
        features_share: share of each batch's images, the first ones, that are compared so; the
            others are left to the other terms. VGG would else take most of a step's time.
        lattice: weight of the share of the fill's fine structure that repeats with the strides of
            the network, a checkerboard; no paper has it.
        growth: smaller resolutions at which the inner blocks may learn first, ascending; the
            authors have none. See `FcFLearner`.
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


class Turns(nn.Module):
    """How often the discriminator has learned: kept in checkpoints, so that a resumed run knows."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def due(self, every: int) -> bool:
        """Count one turn; whether it is the first of `every`."""
        count = self.get_buffer("count")
        found = int(count) % every == 0
        count += 1
        return found


class FcFLearner(InpainterLearner):
    """FcF in training; answers the loop's `Learner`.

    The network takes one size, so a stage's `crop` is its resolution, or one of `growth`: then the
    blocks up to that resolution learn, through layers of their own that let a small image in, and
    all blocks start without an image of their own.

    Args:
        network: sizes, as `FcFConfig` names them.
        losses: weights of the losses.
        device: where the networks are.

    Raises:
        TrainingError: if a size has an unknown name or makes no network, or the weights
            of `features` are not here.
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
    players: ClassVar[dict[str, tuple[str, ...]]] = {
        "generator": ("generator", "entries"),
        "discriminator": ("discriminator", "judge_entries"),
    }
    tiny: ClassVar[dict[str, dict[str, Any]]] = {
        "network": {"resolution": 64, "width": 32, "max_width": 32, "latent": 4, "code": 4},
        "losses": {"features": "texture", "growth": ()},
    }

    def __init__(self, network: Mapping[str, Any], losses: FcFLosses, device: torch.device) -> None:
        self.sizes = read_network(FcFConfig, network, self.model)
        _check(self.sizes, losses.growth)
        self.network, self.discriminator = Generator(self.sizes), Discriminator(self.sizes)
        self._painters = {side: _inner_generator(self.network, side) for side in losses.growth}
        self._judges = {
            side: _inner_discriminator(self.discriminator, side, self.sizes)
            for side in losses.growth
        }
        self.turns = Turns()
        self.modules: dict[str, nn.Module] = {
            "generator": self.network,
            "discriminator": self.discriminator,
            "entries": _entries({s: p.encoder for s, p in self._painters.items()}),
            "judge_entries": _entries(self._judges),
            "turns": self.turns,
        }
        for part in self.modules.values():
            part.to(device)
        if losses.growth:
            _silence(self.network)
        resolution = self.sizes.resolution
        self._painters[resolution] = self.network
        self._judges[resolution] = self.discriminator
        self.features = choose_receptive_features(losses.features).to(device)
        self._losses = losses
        self._painted: deque[Tensor] = deque()

    def learn(self, player: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted terms of a player; all see the composite.

        The discriminator judges what the generator inpainted in the same step, before it moved.

        Args:
            player: "generator" or "discriminator", in this order.
            images: (N, 3, R, R) RGB in [0, 1]; N at most 4, or a multiple of it.
            masks: (N, 1, R, R), 1 = hole.

        Returns:
            Each term, (); the penalty in the turns in which it is due.

        Raises:
            TrainingError: if R is neither the network's resolution nor one of `growth`.
        """
        side, wanted = images.shape[-1], 2 * images - 1
        if side not in self._painters:
            known = ", ".join(map(str, sorted(self._painters)))
            raise TrainingError(
                f"fcf learns images of {known} pixels, not of {side}: a stage's "
                "crop is the network's resolution, or one of losses.growth"
            )
        if player == "discriminator":
            return self._judge(wanted, masks, self._painted.popleft())
        chosen, painter = self._losses, self._painters[side]
        noise4 = torch.randn(len(images), 1, 4, 4, device=images.device)
        raw = 2 * painter.paint(images, masks, mixed_styles(painter, len(images)), noise4) - 1
        composites = composite_images(raw, wanted, masks)
        self._painted.append(composites.detach())
        judged = self._judges[side](composites, masks)
        few, real = (seen(pictures, chosen.features_share) for pictures in (composites, wanted))
        terms = {
            "adversarial": chosen.adversarial * adversarial_generator(judged),
            "reconstruction": chosen.reconstruction * reconstruction_loss(composites, wanted),
            "receptive": chosen.receptive * perceptual_loss(few, real, self.features.features),
        }
        if chosen.lattice:
            terms["lattice"] = chosen.lattice * lattice((raw + 1) / 2, masks)
        return terms

    def _judge(self, wanted: Tensor, masks: Tensor, composites: Tensor) -> dict[str, Tensor]:
        chosen, judge = self._losses, self._judges[wanted.shape[-1]]
        due = self.turns.due(chosen.lazy)
        wanted = wanted.detach().requires_grad_(due)
        real, fake = judge(wanted, masks), judge(composites, masks)
        mistaken = adversarial_discriminator(real, fake, halved=False)
        terms = {"discriminator": chosen.discriminator * mistaken}
        if due:
            weight = chosen.lazy * chosen.gradient_penalty
            terms["gradient_penalty"] = weight * gradient_penalty(real, wanted)
        return terms

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """The images, the holes, the answer to a latent of zeros, and the composite."""
        self.network.eval()
        painter = self._painters[images.shape[-1]]
        z, noise4 = images.new_zeros(len(images), self.sizes.latent), images.new_zeros(1, 1, 4, 4)
        raw = painter(images, masks, z, noise4)
        composite = torch.where(masks.bool(), raw, images)
        return [images, pierced(images, masks), raw, composite]

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The generator as IOPaint publishes it, a bare state dict, and the discriminator's."""
        return {
            "fcf_G.pth": dict(self.network.state_dict()),
            "fcf_D.pth": dict(self.discriminator.state_dict()),
        }


def mixed_styles(painter: Generator, count: int) -> Tensor:
    """Draw styles: nine times in ten a second style takes over from a drawn row on.

    Args:
        painter: in training mode; its mean style follows both.
        count: images, N.

    Returns:
        (N, rows, latent).
    """
    config = painter.config
    device = painter.mapping.get_buffer("w_avg").device
    styles: Tensor = painter.mapping(torch.randn(2 * count, config.latent, device=device))
    first, second = styles[:, None].expand(-1, config.rows, -1).chunk(2)
    mixed, row = float(torch.rand(())) < MIXING, int(torch.randint(1, config.rows, ()))
    row = row if mixed else config.rows
    return torch.cat((first[:, :row], second[:, row:]), dim=1)


def _check(sizes: FcFConfig, growth: tuple[int, ...]) -> None:
    """Refuse sizes that make no network, and resolutions that are not within it."""
    known, where = [*sizes.sides()[:-1]], "recipe of fcf"
    if sizes.resolution < 8 or sizes.resolution & (sizes.resolution - 1):
        raise TrainingError(f"{where}, network: resolution: take a power of two from 8 up")
    if sizes.resolution >= FOURIER_FROM and (sizes.width % 32 or sizes.max_width % 32):
        raise TrainingError(f"{where}, network: width and max_width: take multiples of 32")
    if list(growth) != sorted(set(growth) & set(known)):
        raise TrainingError(
            f"{where}, losses: growth: take some of {', '.join(map(str, known))}, ascending"
        )


def _inner(sizes: FcFConfig, side: int) -> FcFConfig:
    """Sizes of the blocks up to a resolution, as a network of that resolution."""
    return replace(sizes, resolution=side, width=sizes.channels(side))


def _inner_generator(network: Generator, side: int) -> Generator:
    """A generator of a smaller resolution whose parts are `network`'s, but for its first layer."""
    inner = Generator(_inner(network.config, side))
    _share(inner.encoder, network.encoder, side)
    inner.synthesis.foreword = network.synthesis.foreword
    for smaller in inner.config.sides():
        block = f"b{smaller}"
        inner.synthesis.add_module(block, network.synthesis.get_submodule(block))
    inner.mapping = network.mapping
    return inner


def _inner_discriminator(network: Discriminator, side: int, sizes: FcFConfig) -> Discriminator:
    """A discriminator of a smaller resolution; see `_inner_generator`."""
    inner = Discriminator(_inner(sizes, side))
    _share(inner, network, side)
    return inner


def _share(inner: nn.Module, network: nn.Module, side: int) -> None:
    """Put a network's blocks up to `side` into a smaller one, which keeps its `fromrgb`."""
    first = f"b{side}"
    for name, part in network.get_submodule(first).named_children():
        inner.get_submodule(first).add_module(name, part)
    for name, _ in list(inner.named_children()):
        if name != first:
            inner.add_module(name, network.get_submodule(name))


def _entries(networks: Mapping[int, nn.Module]) -> nn.ModuleDict:
    """What lets images of each smaller resolution into networks."""
    return nn.ModuleDict(
        {str(side): part.get_submodule(f"b{side}.fromrgb") for side, part in networks.items()}
    )


@torch.no_grad()
def _silence(network: Generator) -> None:
    """Let every block add nothing to the image until it has learned: all start grey.

    Fresh blocks add up to several times the range of colours, and a short training spends itself
    on taking that back.
    """
    for name, parameter in network.synthesis.named_parameters():
        if name.endswith("torgb.weight"):
            parameter.zero_()
