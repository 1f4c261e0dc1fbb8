"""Training module of MADF: losses (no adversarial term) and training step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from inpainters.madf import MADFConfig, MADFNetwork, Painted, denormalised, normalised
from inpainters.training.base import InpainterLearner, pierced, read_network
from inpainters.training.feature_networks import VGG16_POOLS, FeatureNetwork, choose_features, seen
from inpainters.training.losses.features import Features
from inpainters.training.losses.lattice import lattice
from inpainters.training.losses.regions import hole_loss, perceptual_loss, style_loss, valid_loss

Supervision = Literal["last", "incremental", "authors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The losses of one step: scalars, summed over the supervised images, before weighting."""

    valid: Tensor
    hole: Tensor
    perceptual: Tensor
    style: Tensor
    total_variation: Tensor


def loss_terms(
    painted: Painted,
    images: Tensor,
    masks: Tensor,
    network: FeatureNetwork,
    supervision: Supervision,
    *,
    share: float = 1.0,
) -> Terms:
    """All five losses of one step.

    Args:
        painted: the three decoders' images, normalised.
        images: (N, 3, H, W), untouched, normalised.
        masks: (N, 1, H, W) in [0, 1], 1 = hole; the recipe's have soft edges.
        network: gives the features; VGG-16 in the recipe.
        supervision: "last" takes every loss of the answer alone, the program's default.
            "incremental" adds valid and hole of the other two images and perceptual of the first
            refinement. "authors" is the option of that name as their program has it: by a slip,
            style is the first refinement's.
        share: of the images, the first ones, whose features are compared.

    Returns:
        The losses.
    """
    every = supervision != "last"
    finer = (painted.refined, painted.raw) if every else (painted.raw,)
    compared = (painted.recovered, *finer) if every else finer
    few, holes = seen(images, share), seen(masks, share)
    with torch.no_grad():
        real = network.features(few)
    pairs = [_features(seen(picture, share), few, holes, network) for picture in finer]
    styled = pairs[0] if supervision == "authors" else pairs[-1]
    return Terms(
        valid=torch.stack([valid_loss(picture, images, masks) for picture in compared]).sum(),
        hole=torch.stack([hole_loss(picture, images, masks) for picture in compared]).sum(),
        perceptual=torch.stack(
            [perceptual_loss(*pair, real, network.perceptual_layers) for pair in pairs]
        ).sum(),
        style=style_loss(*styled, real, network.style_layers),
        total_variation=total_variation(composite(painted.raw, images, masks)),
    )


def _features(
    picture: Tensor, images: Tensor, masks: Tensor, network: FeatureNetwork
) -> tuple[Features, Features]:
    """Features of an inpainted image, and of its composite."""
    return network.features(picture), network.features(composite(picture, images, masks))


def composite(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """The network's input where known, the inpainted image in the holes, both at a soft edge.

    Args:
        output: (N, 3, H, W), a whole inpainted image, normalised.
        images: (N, 3, H, W), untouched, normalised.
        masks: (N, 1, H, W) in [0, 1], 1 = hole.

    Returns:
        (N, 3, H, W). The network's input is masked already: at a soft edge the mask counts twice.
    """
    known = 1 - masks
    return known * (images * known) + masks * output


def total_variation(pictures: Tensor) -> Tensor:
    """Mean absolute difference of horizontal neighbours, plus that of vertical ones.

    Args:
        pictures: (N, C, H, W), H and W at least 2.

    Returns:
        A scalar.
    """
    across = (pictures[..., 1:] - pictures[..., :-1]).abs().mean()
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).abs().mean()
    return across + down


WRAPPED = "module.model."  # what the authors' training wrapper puts before the network's names


class MADFLosses(BaseModel):
    """The `losses` table of a recipe of MADF; the weights are the authors' program's.

    Attributes:
        valid: weight of the absolute difference where known.
        hole: weight of the absolute difference in the holes.
        perceptual: weight of the features' difference.
        style: weight of the Gram matrices' difference.
        total_variation: weight of the composite's unevenness.
        supervision: which decoders' images the terms see; see `losses.madf.terms`.
        features: what the perceptual and style terms compare: VGG-16, or fixed random filters.
        features_share: share of each batch's images, the first ones, that are compared so; the
            others are left to the other terms. VGG would else take most of a step's time.
        lattice: weight of the share of the fill's fine structure that repeats with the strides of
            the network, a checkerboard; no paper has it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    valid: float = 1.0
    hole: float = 6.0
    perceptual: float = 0.05
    style: float = 120.0
    total_variation: float = 0.1
    supervision: Literal["last", "incremental", "authors"] = "incremental"
    features: Literal["vgg16", "texture"] = "vgg16"
    features_share: float = Field(default=1.0, gt=0, le=1)
    lattice: float = Field(default=0.0, ge=0)


class MADFLearner(InpainterLearner):
    """MADF in training; answers the loop's `Learner`.

    Args:
        network: sizes, as `MADFConfig` names them.
        losses: weights and forms of the losses.
        device: where the networks are.

    Raises:
        TrainingError: if a size has an unknown name, or VGG-16's file is wanted and not there.
    """

    model: ClassVar[str] = "madf"
    Losses: ClassVar[type[BaseModel]] = MADFLosses
    terms: ClassVar[tuple[str, ...]] = (
        "valid",
        "hole",
        "perceptual",
        "style",
        "total_variation",
        "lattice",
    )
    players: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("generator",)}
    tiny: ClassVar[dict[str, dict[str, Any]]] = {
        "network": {
            "levels": 3,
            "width": 4,
            "decoder_width": 4,
            "mask_width": 2,
            "guide_width": 4,
        },
        "losses": {"features": "texture"},
    }

    def __init__(
        self, network: Mapping[str, Any], losses: MADFLosses, device: torch.device
    ) -> None:
        self.sizes = read_network(MADFConfig, network, self.model)
        self.network = MADFNetwork(self.sizes).to(device)
        self.modules: dict[str, nn.Module] = {"generator": self.network}
        self.features = choose_features(losses.features, VGG16_POOLS).to(device)
        self._losses = losses

    def learn(self, player: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted terms of one step.

        Args:
            player: "all", the only one.
            images: (N, 3, H, W) RGB in [0, 1], H and W multiples of 2 ** levels.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            Each term, ().
        """
        chosen, wanted = self._losses, normalised(images)
        painted: Painted = self.network(wanted, masks)
        found = loss_terms(
            painted,
            wanted,
            masks,
            self.features,
            chosen.supervision,
            share=chosen.features_share,
        )
        names = [name for name in self.terms if name != "lattice"]
        terms = {name: getattr(chosen, name) * getattr(found, name) for name in names}
        if chosen.lattice:
            raw = denormalised(painted.raw)
            terms["lattice"] = chosen.lattice * lattice(raw, masks)
        return terms

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """The images, the holes, the three decoders' images, and the composite."""
        self.network.eval()
        painted: Painted = self.network(normalised(images), masks)
        pictures = [
            denormalised(picture) for picture in (painted.recovered, painted.refined, painted.raw)
        ]
        composite = torch.where(masks.bool(), pictures[-1], images)
        return [images, pierced(images, masks), *pictures, composite]

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The authors' file, but for VGG-16 and the optimizer, which nobody reads."""
        state = {WRAPPED + name: value for name, value in self.network.state_dict().items()}
        return {"madf.pth": {"n_iter": step, "model": state}}
