"""Training module of LaMa: losses, discriminator, training step with gradient penalty."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from inpainters.lama import Generator, LaMaConfig
from inpainters.training.base import InpainterLearner, read_network, white_holes
from inpainters.training.feature_networks import first_share
from inpainters.training.losses.adversarial import adversarial_generator, gradient_penalty
from inpainters.training.losses.features import squares
from inpainters.training.losses.lattice import lattice
from inpainters.training.losses.receptive import receptive_field
from inpainters.training.segmentation import choose_receptive_features


def l1_known(raw: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """L1 in the known regions, averaged over all pixels.

    Args:
        raw: (N, 3, H, W) in [0, 1], the whole network outputs.
        images: (N, 3, H, W) in [0, 1], real images.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar.
    """
    return ((raw - images).abs() * (1 - masks)).mean()


def discriminator_loss(real: Tensor, fake: Tensor, masks: Tensor) -> Tensor:
    """Discriminator loss, in which patches of inpainted images outside the hole count as real.

    Args:
        real: (N, 1, h, w), logits of real images.
        fake: (N, 1, h, w), logits of detached inpainted images.
        masks: (N, 1, H, W), 1 = hole; resized to (h, w) by nearest neighbor.

    Returns:
        A scalar, the sum of both means over patches.
    """
    holes = F.interpolate(masks, size=fake.shape[2:], mode="nearest")
    adversarial = holes * F.softplus(fake) + (1 - holes) * F.softplus(-fake)
    return F.softplus(-real).mean() + adversarial.mean()


def feature_matching_loss(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Feature matching loss: MSE of the discriminator's activations, averaged over its layers.

    Args:
        fake: activations (N, C, h, w) on inpainted images, `Discriminator.maps`[:-1].
        real: activations on real images; detached.

    Returns:
        A scalar.
    """
    return squares(fake, [activation.detach() for activation in real]).mean()


SLOPE = 0.2  # of the leaky ReLU


def _conv(channels: int, out: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out, 4, stride=stride, padding=2)


def _layer(channels: int, out: int, stride: int) -> nn.Sequential:
    normed = nn.BatchNorm2d(out)
    return nn.Sequential(_conv(channels, out, stride), normed, nn.LeakyReLU(SLOPE))


class Discriminator(nn.Module):
    """Patch discriminator of LaMa (arXiv 2109.07161), as in pix2pixHD.

    Args:
        width: channels of the first layer; the authors' is 64.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.model0 = nn.Sequential(_conv(3, width, 2), nn.LeakyReLU(SLOPE))
        self.model1 = _layer(width, 2 * width, 2)
        self.model2 = _layer(2 * width, 4 * width, 2)
        self.model3 = _layer(4 * width, 8 * width, 2)
        self.model4 = _layer(8 * width, 8 * width, 1)
        self.model5 = nn.Sequential(_conv(8 * width, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Classify (N, 3, H, W) images in [0, 1].

        Returns:
            (N, 1, h, w) logits, positive where real; h is (H - 2) // 16 + 4.
        """
        return self.maps(images)[-1]

    def maps(self, images: Tensor) -> tuple[Tensor, ...]:
        """Activations (N, C, h, w) of all six layers; arguments and last item as in `forward`.

        Feature matching uses the first five.
        """
        activations = [images]
        for layer in self.children():
            activations.append(layer(activations[-1]))
        return tuple(activations[1:])


class LaMaLosses(BaseModel):
    """The `losses` table of a recipe of LaMa; the weights are the authors'.

    Attributes:
        l1: weight of L1 in the known regions.
        l1_hole: weight of L1 in the holes; not in the paper.
        adversarial: weight of the generator's adversarial term.
        feature_matching: weight of the feature matching loss.
        receptive: weight of the high receptive field perceptual loss.
        discriminator: weight of the discriminator's adversarial loss.
        gradient_penalty: weight of the R1 penalty at real images.
        features: of the perceptual term: a dilated ResNet-50 trained on ADE20K segmentation, as the
            authors use; VGG-16 up to its third block; or fixed random filters ("texture").
        features_share: share of each batch's images, the first ones, that these terms use; the rest
            only have the other terms. VGG would otherwise take most of a step's time.
        lattice: weight of the checkerboard penalty, see `losses.lattice`; not in the paper.
        discriminator_width: channels of the discriminator's first layer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    l1: float = 10.0
    l1_hole: float = 0.0
    adversarial: float = 10.0
    feature_matching: float = 100.0
    receptive: float = 30.0
    discriminator: float = 1.0
    gradient_penalty: float = 0.001
    features: Literal["ade20k", "vgg16", "texture"] = "ade20k"
    features_share: float = Field(default=1.0, gt=0, le=1)
    lattice: float = Field(default=0.0, ge=0)
    discriminator_width: int = 64


class LaMaLearner(InpainterLearner):
    """Training module of LaMa; implements `Learner`.

    Args:
        network: sizes, as `LaMaConfig` names them.
        losses: weights of the losses.
        device: device of the networks.

    Raises:
        TrainingError: if a size is unknown, or the weights of `features` are not installed.
    """

    model: ClassVar[str] = "lama"
    Losses: ClassVar[type[BaseModel]] = LaMaLosses
    terms: ClassVar[tuple[str, ...]] = (
        "l1",
        "l1_hole",
        "adversarial",
        "feature_matching",
        "receptive",
        "discriminator",
        "gradient_penalty",
        "lattice",
    )
    roles: ClassVar[dict[str, tuple[str, ...]]] = {
        "generator": ("generator",),
        "discriminator": ("discriminator",),
    }
    tiny: ClassVar[dict[str, dict[str, Any]]] = {
        "network": {"width": 4, "blocks": 1},
        "losses": {"features": "texture", "discriminator_width": 4},
    }

    def __init__(
        self, network: Mapping[str, Any], losses: LaMaLosses, device: torch.device
    ) -> None:
        self.sizes = read_network(LaMaConfig, network, self.model)
        self.network = Generator(self.sizes).to(device)
        self.discriminator = Discriminator(losses.discriminator_width).to(device)
        self.modules: dict[str, nn.Module] = {
            "generator": self.network,
            "discriminator": self.discriminator,
        }
        self.features = choose_receptive_features(losses.features).to(device)
        self._losses = losses
        self._generated: deque[Tensor] = deque()

    def training_step(self, role: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted losses of an optimizer role, all computed on whole network outputs.

        The discriminator gets the generator's outputs of the same step, before its update.

        Args:
            role: "generator" or "discriminator", in this order.
            images: (N, 3, H, W) RGB in [0, 1], H and W multiples of 8.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            Each term, ().
        """
        if role == "discriminator":
            return self._discriminator_losses(images, masks, self._generated.popleft())
        chosen, raw = self._losses, self.network(images, masks)
        self._generated.append(raw.detach())
        with torch.no_grad():
            real = self.discriminator.maps(images)
        fake = self.discriminator.maps(raw)
        matched = feature_matching_loss(fake[:-1], real[:-1])
        few, wanted = (first_share(part, chosen.features_share) for part in (raw, images))
        terms = {
            "l1": chosen.l1 * l1_known(raw, images, masks),
            "l1_hole": chosen.l1_hole * l1_known(raw, images, 1 - masks),
            "adversarial": chosen.adversarial * adversarial_generator(fake[-1]),
            "feature_matching": chosen.feature_matching * matched,
            "receptive": chosen.receptive * receptive_field(few, wanted, self.features.features),
        }
        if chosen.lattice:
            terms["lattice"] = chosen.lattice * lattice(raw, masks)
        return terms

    def _discriminator_losses(
        self, images: Tensor, masks: Tensor, raw: Tensor
    ) -> dict[str, Tensor]:
        images = images.detach().requires_grad_()
        real = self.discriminator(images)
        adversarial = discriminator_loss(real, self.discriminator(raw), masks)
        return {
            "discriminator": self._losses.discriminator * adversarial,
            "gradient_penalty": self._losses.gradient_penalty * gradient_penalty(real, images),
        }

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """Images, images with white holes, outputs, composites.

        Each (N, 3, H, W) in [0, 1]; arguments as in `Learner.show`.
        """
        self.network.eval()
        raw: Tensor = self.network(images, masks)
        composite = torch.where(masks.bool(), raw, images)
        return [images, white_holes(images, masks), raw, composite]

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The generator in the authors' published layout, without Lightning's own entries.

        The discriminator has its own file.
        """
        state = {f"generator.{name}": value for name, value in self.network.state_dict().items()}
        return {
            "best.ckpt": {"global_step": step, "state_dict": state},
            "discriminator.pth": {"state_dict": self.discriminator.state_dict()},
        }
