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
from inpainters.training.base import InpainterLearner, pierced, read_network
from inpainters.training.feature_networks import seen
from inpainters.training.losses.adversarial import adversarial_generator, gradient_penalty
from inpainters.training.losses.features import squares
from inpainters.training.losses.lattice import lattice
from inpainters.training.losses.receptive import receptive_field
from inpainters.training.segmentation import choose_receptive_features


def l1_known(raw: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Absolute difference in the known regions, averaged over all pixels.

    Args:
        raw: (N, 3, H, W) in [0, 1], the whole inpainted images.
        images: (N, 3, H, W) in [0, 1], untouched.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar.
    """
    return ((raw - images).abs() * (1 - masks)).mean()


def discriminator_loss(real: Tensor, fake: Tensor, masks: Tensor) -> Tensor:
    """What the discriminator pays for its mistakes; inpainted patches off the hole count as real.

    Args:
        real: (N, 1, h, w), its answers to untouched images, before the sigmoid.
        fake: (N, 1, h, w), its answers to inpainted images without gradient.
        masks: (N, 1, H, W), 1 = hole; the nearest pixel says what a patch is.

    Returns:
        A scalar: the sum over both of the mean over patches.
    """
    holes = F.interpolate(masks, size=fake.shape[2:], mode="nearest")
    mistaken = holes * F.softplus(fake) + (1 - holes) * F.softplus(-fake)
    return F.softplus(-real).mean() + mistaken.mean()


def feature_matching_loss(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Mean squared difference of the discriminator's maps, averaged over its layers.

    Args:
        fake: what each layer but the last answers to inpainted images, `Discriminator.maps`[:-1].
        real: what it answers to untouched ones; no gradient goes there.

    Returns:
        A scalar.
    """
    return squares(fake, [answer.detach() for answer in real]).mean()


SLOPE = 0.2  # of the leaky ReLU


def _conv(channels: int, out: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out, 4, stride=stride, padding=2)


def _layer(channels: int, out: int, stride: int) -> nn.Sequential:
    normed = nn.BatchNorm2d(out)
    return nn.Sequential(_conv(channels, out, stride), normed, nn.LeakyReLU(SLOPE))


class Discriminator(nn.Module):
    """Real or inpainted, patch by patch, as in LaMa's program (arXiv 2109.07161).

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
        """Judge (N, 3, H, W) images in [0, 1].

        Returns:
            (N, 1, h, w), before any sigmoid: positive where real; h is (H - 2) // 16 + 4.
        """
        return self.maps(images)[-1]

    def maps(self, images: Tensor) -> tuple[Tensor, ...]:
        """What each of the six layers answers, the last as in `forward`; arguments as there.

        Feature matching compares the first five.
        """
        answers = [images]
        for layer in self.children():
            answers.append(layer(answers[-1]))
        return tuple(answers[1:])


class LaMaLosses(BaseModel):
    """The `losses` table of a recipe of LaMa; the weights are the authors' program's.

    Attributes:
        l1: weight of the absolute difference where known.
        l1_hole: the same in the holes; the authors have none.
        adversarial: weight of the generator's adversarial term.
        feature_matching: weight of the difference of the discriminator's maps.
        receptive: weight of the perceptual term with a high receptive field.
        discriminator: weight of the discriminator's mistakes.
        gradient_penalty: weight of the discriminator's slope at untouched images.
        features: what the perceptual term compares: a dilated ResNet-50 trained to segment ADE20K,
            as the authors do; VGG-16 as far as its third block; or fixed random filters.
        features_share: share of each batch's images, the first ones, that are compared so; the
            others are left to the other terms. VGG would else take most of a step's time.
        lattice: weight of the share of the fill's fine structure that repeats with the strides of
            the network, a checkerboard; no paper has it.
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
    """LaMa in training; answers the loop's `Learner`.

    Args:
        network: sizes, as `LaMaConfig` names them.
        losses: weights of the losses.
        device: where the networks are.

    Raises:
        TrainingError: if a size has an unknown name, or the weights of `features` are not here.
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
    players: ClassVar[dict[str, tuple[str, ...]]] = {
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
        self._painted: deque[Tensor] = deque()

    def learn(self, player: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted terms of a player; all see the network's whole answer.

        The discriminator judges what the generator inpainted in the same step, before it moved.

        Args:
            player: "generator" or "discriminator", in this order.
            images: (N, 3, H, W) RGB in [0, 1], H and W multiples of 8.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            Each term, ().
        """
        if player == "discriminator":
            return self._judge(images, masks, self._painted.popleft())
        chosen, raw = self._losses, self.network(images, masks)
        self._painted.append(raw.detach())
        with torch.no_grad():
            real = self.discriminator.maps(images)
        fake = self.discriminator.maps(raw)
        matched = feature_matching_loss(fake[:-1], real[:-1])
        few, wanted = (seen(pictures, chosen.features_share) for pictures in (raw, images))
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

    def _judge(self, images: Tensor, masks: Tensor, raw: Tensor) -> dict[str, Tensor]:
        images = images.detach().requires_grad_()
        real = self.discriminator(images)
        mistaken = discriminator_loss(real, self.discriminator(raw), masks)
        return {
            "discriminator": self._losses.discriminator * mistaken,
            "gradient_penalty": self._losses.gradient_penalty * gradient_penalty(real, images),
        }

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """The images, the holes, the answer and the composite."""
        self.network.eval()
        raw: Tensor = self.network(images, masks)
        composite = torch.where(masks.bool(), raw, images)
        return [images, pierced(images, masks), raw, composite]

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The authors' file, without the discriminator, as they publish it, and without Lightning.

        The discriminator has a file of its own.
        """
        state = {f"generator.{name}": value for name, value in self.network.state_dict().items()}
        return {
            "best.ckpt": {"global_step": step, "state_dict": state},
            "discriminator.pth": {"state_dict": self.discriminator.state_dict()},
        }
