"""Training module of AOT-GAN: adversarial loss in both forms, discriminator, training step."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from inpainters.aotgan import AOTGAN, AOTGANConfig, Generator
from inpainters.training.base import InpainterLearner, pierced, read_network
from inpainters.training.feature_networks import choose_features, imagenet_standardised, seen
from inpainters.training.initialization import initialise, start_warm
from inpainters.training.losses.features import perceptual, style
from inpainters.training.losses.lattice import lattice
from inpainters.training.patch_discriminator import SLOPE, spectral_conv

RADIUS = 35  # of the blur of the labels, in pixels
SPREAD = 10.0  # its deviation


def soft_holes(masks: Tensor) -> Tensor:
    """Blur masks: a Gaussian of deviation 10, cut off at 35 pixels, zeros beyond the image.

    Args:
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        (N, 1, H, W) in [0, 1]; a hole fades towards the image's border as well.
    """
    steps = torch.arange(-RADIUS, RADIUS + 1, dtype=masks.dtype, device=masks.device)
    line = torch.exp(-steps.square() / (2 * SPREAD**2))  # (71,)
    line = line / line.sum()
    blurred = F.conv2d(masks, line.view(1, 1, -1, 1), padding=(RADIUS, 0))
    return F.conv2d(blurred, line.view(1, 1, 1, -1), padding=(0, RADIUS))


def discriminator_program(real: Tensor, fake: Tensor, masks: Tensor) -> Tensor:
    """What the discriminator pays: 0 is wanted where untouched, about 1 in the holes.

    Args:
        real: (N, 1, h, w), its answers to untouched images.
        fake: (N, 1, h, w), its answers to composites without gradient.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar, the sum of both mean squared errors.
    """
    real, fake = _to_size(real, masks), _to_size(fake, masks)
    return real.square().mean() + F.mse_loss(fake, soft_holes(masks))


def discriminator_paper(real: Tensor, fake: Tensor, masks: Tensor) -> Tensor:
    """The same with the paper's labels: 1 is wanted where untouched, about 0 in the holes.

    They are 1 less the program's, so that known pixels at the border count as known.
    """
    return discriminator_program(1 - real, 1 - fake, masks)


def generator_program(fake: Tensor, masks: Tensor) -> Tensor:
    """What the generator pays: 1 is wanted everywhere.

    The program multiplies by mask / mean(mask) only after averaging, which changes nothing.

    Args:
        fake: (N, 1, h, w), the discriminator's answers to composites.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar.
    """
    return (_to_size(fake, masks) - 1).square().mean()


def generator_paper(fake: Tensor, masks: Tensor) -> Tensor:
    """The same, counted in the holes only: the squared error times the mask, averaged over all."""
    return ((_to_size(fake, masks) - 1).square() * masks).mean()


def _to_size(answers: Tensor, masks: Tensor) -> Tensor:
    size = masks.shape[2:]
    if answers.shape[2:] == size:
        return answers
    return F.interpolate(answers, size=size, mode="bilinear", align_corners=True)


class Discriminator(nn.Module):
    """Four convolutions under spectral norm, a plain one with bias (AOT-GAN, arXiv 2104.01431).

    The architecture of `patch.Discriminator` under other names, but for the last layer. In training
    each forward pass does one power iteration.

    Args:
        width: channels of the first layer; the authors' is 64.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        sizes = ((3, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 2))
        layers: list[nn.Module] = []
        for channels, out, stride in (*sizes, (4 * width, 8 * width, 1)):
            layers += [spectral_conv(channels, out, stride), nn.LeakyReLU(SLOPE)]
        self.conv = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, padding=1))

    def forward(self, images: Tensor) -> Tensor:
        """Judge (N, 3, H, W) images in [-1, 1], H and W at least 24.

        Returns:
            (N, 1, H // 8 - 2, W // 8 - 2), of any value; what is wanted is the loss's to say.
        """
        answers: Tensor = self.conv(images)
        return answers


class AOTGANLosses(BaseModel):
    """The `losses` table of a recipe of AOT-GAN; the defaults are the authors' program's.

    Attributes:
        l1: weight of the absolute difference of whole images.
        perceptual: weight of the features' difference.
        style: weight of the Gram matrices' difference.
        adversarial: weight of the generator's adversarial term.
        adversarial_form: labels of the discriminator: the paper's, or the program's, which reward
            the generator the wrong way round and leave its term's gradient in the discriminator.
        features: what the perceptual and style terms compare: VGG-19, as the authors do; VGG-16
            as far as its third block; or fixed random filters on three scales.
        features_share: share of each batch's images, the first ones, that are compared so; the
            others are left to the other terms. VGG would else take most of a step's time.
        lattice: weight of the share of the fill's fine structure that repeats with the strides of
            the network, a checkerboard; no paper has it.
        discriminator_width: channels of the discriminator's first layer.
        start: fresh weights of the generator: "normal" of deviation 0.02, as the program draws
            them, or "scaled" after He, so that narrow layers answer as strongly as wide ones.
        warm: start from the mini edition of `aotgan`; attentions pass through first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    l1: float = 1.0
    perceptual: float = 0.1
    style: float = 250.0
    adversarial: float = 0.01
    adversarial_form: Literal["paper", "program"] = "paper"
    features: Literal["vgg19", "vgg16", "texture"] = "vgg19"
    features_share: float = Field(default=1.0, gt=0, le=1)
    lattice: float = Field(default=0.0, ge=0)
    discriminator_width: int = 64
    start: Literal["normal", "scaled"] = "normal"
    warm: bool = False


class AOTGANLearner(InpainterLearner):
    """AOT-GAN in training, with or without RWSA; answers the loop's `Learner`.

    Args:
        network: sizes, as `AOTGANConfig` names them.
        losses: weights and forms of the losses.
        device: where the networks are.

    Raises:
        TrainingError: if a size has an unknown name or does not fit the weights it starts from, or
            a VGG's weights are wanted and not there.
    """

    model: ClassVar[str] = "aotgan"
    Losses: ClassVar[type[BaseModel]] = AOTGANLosses
    terms: ClassVar[tuple[str, ...]] = (
        "l1",
        "perceptual",
        "style",
        "adversarial",
        "discriminator",
        "leaked",
        "lattice",
    )
    players: ClassVar[dict[str, tuple[str, ...]]] = {
        "generator": ("generator",),
        "discriminator": ("discriminator",),
    }
    tiny: ClassVar[dict[str, dict[str, Any]]] = {
        "network": {"width": 4, "blocks": 1},
        "losses": {"features": "texture", "discriminator_width": 4, "warm": False},
    }

    def __init__(
        self, network: Mapping[str, Any], losses: AOTGANLosses, device: torch.device
    ) -> None:
        self.sizes = read_network(AOTGANConfig, network, self.model)
        self.network = Generator(self.sizes).to(device)
        self.discriminator = Discriminator(losses.discriminator_width).to(device)
        self.modules: dict[str, nn.Module] = {
            "generator": self.network,
            "discriminator": self.discriminator,
        }
        for part in self.modules.values():
            initialise(part)
        if losses.start == "scaled":
            _scale(self.network)
        if losses.warm:
            start_warm({"": self.network}, AOTGAN.card)
        self.features = choose_features(losses.features).to(device)
        self._losses = losses
        self._composites: deque[Tensor] = deque()  # for the discriminator's turn

    def learn(self, player: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted terms of the generator, or of the discriminator on what that made.

        Args:
            player: "generator", then "discriminator".
            images: (N, 3, H, W) RGB in [0, 1], H and W multiples of 4, at least 36.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            Each term, ().
        """
        signed = images * 2 - 1
        if player == "discriminator":
            return self._judge(signed, masks)
        raw = self.network(signed, masks)
        composite = raw * masks + signed * (1 - masks)
        self._composites.append(composite.detach())
        terms = self._pictures(images, (raw + 1) / 2)
        if self._losses.lattice:
            terms["lattice"] = self._losses.lattice * lattice((raw + 1) / 2, masks)
        terms["adversarial"] = self._adversarial(composite, masks)
        return terms

    def _pictures(self, images: Tensor, painted: Tensor) -> dict[str, Tensor]:
        """The terms that compare whole images in [0, 1]; L1 is that of [-1, 1]."""
        chosen, network = self._losses, self.features
        inputs = tuple(seen(pictures, chosen.features_share) for pictures in (images, painted))
        if chosen.features != "texture":
            inputs = tuple(imagenet_standardised(pictures) for pictures in inputs)
        with torch.no_grad():
            real = network.features(inputs[0])
        found = network.features(inputs[1])
        return {
            "l1": chosen.l1 * 2 * F.l1_loss(painted, images),
            "perceptual": chosen.perceptual * perceptual(found, real, network.perceptual_layers),
            "style": chosen.style * style(found, real, network.style_layers),
        }

    def _adversarial(self, composite: Tensor, masks: Tensor) -> Tensor:
        pays = generator_paper if self._losses.adversarial_form == "paper" else generator_program
        return self._losses.adversarial * pays(self.discriminator(composite), masks)

    def _judge(self, signed: Tensor, masks: Tensor) -> dict[str, Tensor]:
        composite = self._composites.popleft()
        terms = {}
        if self._losses.adversarial_form == "program":
            terms["leaked"] = self._adversarial(composite, masks)
        fake, real = self.discriminator(composite), self.discriminator(signed)
        if self._losses.adversarial_form == "paper":
            return {"discriminator": discriminator_paper(real, fake, masks)}
        return terms | {"discriminator": discriminator_program(real, fake, masks)}

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """The images, the holes, the answer, and the composite."""
        self.network.eval()
        raw = (self.network(images * 2 - 1, masks) + 1) / 2
        return [images, pierced(images, masks), raw, raw * masks + images * (1 - masks)]

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The two files of the authors' layout, named after the iteration."""
        return {
            f"G{step:07d}.pt": self.network.state_dict(),
            f"D{step:07d}.pt": self.discriminator.state_dict(),
        }


def _scale(network: nn.Module) -> None:
    """Draw the weights of all convolutions anew, after He et al. (ICCV 2015)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
