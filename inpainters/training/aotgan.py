"""Training module of AOT-GAN: soft-mask adversarial loss, discriminator, training step."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from inpainters.aotgan import AOTGAN, AOTGANConfig, Generator
from inpainters.training.base import InpainterLearner, read_network, white_holes
from inpainters.training.feature_networks import choose_features, first_share, imagenet_standardized
from inpainters.training.initialization import initialize, start_warm
from inpainters.training.losses.features import perceptual, style
from inpainters.training.losses.lattice import lattice
from inpainters.training.patch_discriminator import SLOPE, spectral_conv

BLUR_RADIUS = 35  # of the blur of the labels, pixels
BLUR_STD = 10.0  # its standard deviation, pixels


def soft_holes(masks: Tensor) -> Tensor:
    """Blur masks with a Gaussian (sigma 10, truncated at 35 pixels), zero padding.

    Args:
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        (N, 1, H, W) in [0, 1]; holes fade towards the image border as well.
    """
    steps = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, dtype=masks.dtype, device=masks.device)
    line = torch.exp(-steps.square() / (2 * BLUR_STD**2))  # (71,)
    line = line / line.sum()
    blurred = F.conv2d(masks, line.view(1, 1, -1, 1), padding=(BLUR_RADIUS, 0))
    return F.conv2d(blurred, line.view(1, 1, 1, -1), padding=(0, BLUR_RADIUS))


def discriminator_program(real: Tensor, fake: Tensor, masks: Tensor) -> Tensor:
    """Discriminator loss in the program's form: target 0 where real, about 1 in the holes.

    Args:
        real: (N, 1, h, w), outputs on real images.
        fake: (N, 1, h, w), outputs on detached composites.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar, the sum of both mean squared errors.
    """
    real, fake = _to_size(real, masks), _to_size(fake, masks)
    return real.square().mean() + F.mse_loss(fake, soft_holes(masks))


def discriminator_paper(real: Tensor, fake: Tensor, masks: Tensor) -> Tensor:
    """Discriminator loss with the paper's labels: target 1 where real, about 0 in the holes.

    The targets are 1 - those of the program, so that known pixels at the border count as known.

    Args:
        real: (N, 1, h, w), outputs on real images.
        fake: (N, 1, h, w), outputs on detached composites.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar, the sum of both mean squared errors.
    """
    return discriminator_program(1 - real, 1 - fake, masks)


def generator_program(fake: Tensor, masks: Tensor) -> Tensor:
    """Generator loss in the program's form: target 1 everywhere.

    The program multiplies by mask / mean(mask) only after averaging, which has no effect.

    Args:
        fake: (N, 1, h, w), the discriminator's outputs on composites.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar.
    """
    return (_to_size(fake, masks) - 1).square().mean()


def generator_paper(fake: Tensor, masks: Tensor) -> Tensor:
    """Generator loss in the paper's form: squared error times the mask, averaged over all pixels.

    Args:
        fake: (N, 1, h, w), the discriminator's outputs on composites.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar.
    """
    return ((_to_size(fake, masks) - 1).square() * masks).mean()


def _to_size(outputs: Tensor, masks: Tensor) -> Tensor:
    size = masks.shape[2:]
    if outputs.shape[2:] == size:
        return outputs
    return F.interpolate(outputs, size=size, mode="bilinear", align_corners=True)


class Discriminator(nn.Module):
    """Patch discriminator: four convolutions with spectral norm, and a plain one with bias.

    The architecture of `patch_discriminator.Discriminator` with other parameter names, except for
    the last layer. In training mode each forward pass does one power iteration. Source: AOT-GAN
    (arXiv 2104.01431) and its authors' program.

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
        """Classify (N, 3, H, W) images in [-1, 1], H and W at least 24.

        Returns:
            (N, 1, H // 8 - 2, W // 8 - 2), unbounded; the targets depend on the loss.
        """
        outputs: Tensor = self.conv(images)
        return outputs


class AOTGANLosses(BaseModel):
    """The `losses` table of a recipe of AOT-GAN; the defaults are the authors'.

    Attributes:
        l1: weight of L1 of whole images.
        perceptual: weight of the perceptual term.
        style: weight of the style term.
        adversarial: weight of the generator's adversarial term.
        adversarial_form: the labels of the paper, or of the program, whose generator loss has the
            wrong sign and whose gradient is left in the discriminator.
        features: of the perceptual and style terms: VGG-19, as the authors use; VGG-16 up to its
            third block; or fixed random filters at three scales ("texture").
        features_share: share of each batch's images, the first ones, that these terms use; the rest
            only have the other terms. VGG would otherwise take most of a step's time.
        lattice: weight of the checkerboard penalty, see `losses.lattice`; not in the paper.
        discriminator_width: channels of the discriminator's first layer.
        start: initialization of the generator: "normal" with std 0.02, as in the program, or
            "scaled" (He et al.), so that activations do not shrink in narrow networks.
        warm: start from the mini weights of `aotgan`, or from the file of its weights at this
            path; attentions start as the identity.
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
    warm: bool | str = False


class AOTGANLearner(InpainterLearner):
    """Training module of AOT-GAN, with or without RWSA; implements `Learner`.

    Args:
        network: sizes, as `AOTGANConfig` names them.
        losses: weights and forms of the losses.
        device: device of the networks.

    Raises:
        TrainingError: if a size is unknown or does not fit the weights to start from, or VGG
            weights are needed but not installed.
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
    roles: ClassVar[dict[str, tuple[str, ...]]] = {
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
            initialize(part)
        if losses.start == "scaled":
            _scale(self.network)
        if losses.warm:
            start_warm({"": self.network}, AOTGAN.card, losses.warm)
        self.features = choose_features(losses.features).to(device)
        self._losses = losses
        self._composites: deque[Tensor] = deque()  # queue for the discriminator's update

    def training_step(self, role: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted losses of the generator, or of the discriminator on its outputs.

        Args:
            role: "generator", then "discriminator".
            images: (N, 3, H, W) RGB in [0, 1], H and W multiples of 4, at least 36.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            Each term, ().
        """
        signed = images * 2 - 1
        if role == "discriminator":
            return self._discriminator_losses(signed, masks)
        raw = self.network(signed, masks)
        composite = raw * masks + signed * (1 - masks)
        self._composites.append(composite.detach())
        terms = self._image_losses(images, (raw + 1) / 2)
        if self._losses.lattice:
            terms["lattice"] = self._losses.lattice * lattice((raw + 1) / 2, masks)
        terms["adversarial"] = self._adversarial(composite, masks)
        return terms

    def _image_losses(self, images: Tensor, painted: Tensor) -> dict[str, Tensor]:
        """Reconstruction losses of whole (N, 3, H, W) images in [0, 1]; L1 is scaled to [-1, 1]."""
        chosen, network = self._losses, self.features
        inputs = tuple(first_share(part, chosen.features_share) for part in (images, painted))
        if chosen.features != "texture":
            inputs = tuple(imagenet_standardized(part) for part in inputs)
        with torch.no_grad():
            real = network.features(inputs[0])
        found = network.features(inputs[1])
        return {
            "l1": chosen.l1 * 2 * F.l1_loss(painted, images),
            "perceptual": chosen.perceptual * perceptual(found, real, network.perceptual_layers),
            "style": chosen.style * style(found, real, network.style_layers),
        }

    def _adversarial(self, composite: Tensor, masks: Tensor) -> Tensor:
        loss = generator_paper if self._losses.adversarial_form == "paper" else generator_program
        return self._losses.adversarial * loss(self.discriminator(composite), masks)

    def _discriminator_losses(self, signed: Tensor, masks: Tensor) -> dict[str, Tensor]:
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
        """Images, images with white holes, outputs, composites.

        Each (N, 3, H, W) in [0, 1]; arguments as in `Learner.show`.
        """
        self.network.eval()
        raw = (self.network(images * 2 - 1, masks) + 1) / 2
        return [images, white_holes(images, masks), raw, raw * masks + images * (1 - masks)]

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The two files of the authors' layout, named by iteration."""
        return {
            f"G{step:07d}.pt": self.network.state_dict(),
            f"D{step:07d}.pt": self.discriminator.state_dict(),
        }


def _scale(network: nn.Module) -> None:
    """Re-initialize all convolutions after He et al. (ICCV 2015)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
