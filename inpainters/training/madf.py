"""Training module of MADF: losses (no adversarial term) and training step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from inpainters.madf import MADFConfig, MADFNetwork, MADFOutput, denormalized, normalized
from inpainters.training.base import InpainterLearner, read_network, white_holes
from inpainters.training.feature_networks import (
    VGG16_POOLS,
    FeatureNetwork,
    choose_features,
    first_share,
)
from inpainters.training.initialization import start_bilinear
from inpainters.training.losses.features import Features
from inpainters.training.losses.lattice import lattice
from inpainters.training.losses.regions import hole_loss, perceptual_loss, style_loss, valid_loss

Supervision = Literal["last", "incremental", "authors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossTerms:
    """The losses of one step: scalars (), summed over the supervised outputs, before weighting."""

    valid: Tensor
    hole: Tensor
    perceptual: Tensor
    style: Tensor
    total_variation: Tensor


def loss_terms(
    painted: MADFOutput,
    images: Tensor,
    masks: Tensor,
    network: FeatureNetwork,
    supervision: Supervision,
    *,
    share: float = 1.0,
) -> LossTerms:
    """All five losses of one step.

    Args:
        painted: the outputs of the three decoders, normalized.
        images: (N, 3, H, W), real images, normalized.
        masks: (N, 1, H, W) in [0, 1], 1 = hole; soft edges are allowed.
        network: the feature network; VGG-16 in the paper's recipe.
        supervision: "last" applies all losses to the final output alone, the program's default.
            "incremental" adds valid and hole losses of the other two outputs, and the perceptual
            loss of the first refinement. "authors" is the program's option of that name, which
            by mistake takes the style loss of the first refinement.
        share: share of the images, the first ones, whose features are compared.

    Returns:
        The losses.
    """
    every = supervision != "last"
    finer = (painted.refined, painted.raw) if every else (painted.raw,)
    compared = (painted.recovered, *finer) if every else finer
    few, holes = first_share(images, share), first_share(masks, share)
    with torch.no_grad():
        real = network.features(few)
    pairs = [_features(first_share(output, share), few, holes, network) for output in finer]
    styled = pairs[0] if supervision == "authors" else pairs[-1]
    return LossTerms(
        valid=torch.stack([valid_loss(output, images, masks) for output in compared]).sum(),
        hole=torch.stack([hole_loss(output, images, masks) for output in compared]).sum(),
        perceptual=torch.stack(
            [perceptual_loss(*pair, real, network.perceptual_layers) for pair in pairs]
        ).sum(),
        style=style_loss(*styled, real, network.style_layers),
        total_variation=total_variation(composite(painted.raw, images, masks)),
    )


def _features(
    output: Tensor, images: Tensor, masks: Tensor, network: FeatureNetwork
) -> tuple[Features, Features]:
    """Features of outputs, and of their composites."""
    return network.features(output), network.features(composite(output, images, masks))


def composite(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """Composite outputs into the holes of the network's input, blended at soft edges.

    Args:
        output: (N, 3, H, W), whole network outputs, normalized.
        images: (N, 3, H, W), real images, normalized.
        masks: (N, 1, H, W) in [0, 1], 1 = hole.

    Returns:
        (N, 3, H, W). The network's input is masked already, so the mask is applied twice at soft
        edges.
    """
    known = 1 - masks
    return known * (images * known) + masks * output


def total_variation(images: Tensor) -> Tensor:
    """Total variation: mean absolute difference of horizontal plus that of vertical neighbors.

    Args:
        images: (N, C, H, W), H and W at least 2.

    Returns:
        A scalar.
    """
    across = (images[..., 1:] - images[..., :-1]).abs().mean()
    down = (images[..., 1:, :] - images[..., :-1, :]).abs().mean()
    return across + down


WRAPPED = "module.model."  # prefix of the parameter names in the authors' training wrapper


class MADFLosses(BaseModel):
    """The `losses` table of a recipe of MADF; the weights are the authors'.

    Attributes:
        valid: weight of L1 in the known regions.
        hole: weight of L1 in the holes.
        perceptual: weight of the perceptual term.
        style: weight of the style term.
        total_variation: weight of the composite's total variation.
        supervision: the decoder outputs that the losses apply to; see `loss_terms`.
        features: of the perceptual and style terms: VGG-16, or fixed random filters ("texture").
        features_share: share of each batch's images, the first ones, that these terms use; the rest
            only have the other terms. VGG would otherwise take most of a step's time.
        lattice: weight of the checkerboard penalty, see `losses.lattice`; not in the paper.
        start: initialization of the transposed convolutions: PyTorch's default, as in the program,
            or "bilinear", see `initialization.start_bilinear`.
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
    start: Literal["default", "bilinear"] = "default"


class MADFLearner(InpainterLearner):
    """Training module of MADF; implements `Learner`.

    Args:
        network: sizes, as `MADFConfig` names them.
        losses: weights and forms of the losses.
        device: device of the networks.

    Raises:
        TrainingError: if a size is unknown, or the VGG-16 weights are needed but not installed.
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
    roles: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("generator",)}
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
        if losses.start == "bilinear":
            start_bilinear(self.network)
        self.modules: dict[str, nn.Module] = {"generator": self.network}
        self.features = choose_features(losses.features, VGG16_POOLS).to(device)
        self._losses = losses

    def training_step(self, role: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted losses of one step.

        Args:
            role: "all", the only one.
            images: (N, 3, H, W) RGB in [0, 1], H and W multiples of 2 ** levels.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            Each term, ().
        """
        chosen, wanted = self._losses, normalized(images)
        painted: MADFOutput = self.network(wanted, masks)
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
            raw = denormalized(painted.raw)
            terms["lattice"] = chosen.lattice * lattice(raw, masks)
        return terms

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """Images, images with white holes, outputs of the three decoders, composites.

        Each (N, 3, H, W) in [0, 1]; arguments as in `Learner.show`.
        """
        self.network.eval()
        painted: MADFOutput = self.network(normalized(images), masks)
        outputs = [
            denormalized(output) for output in (painted.recovered, painted.refined, painted.raw)
        ]
        composite = torch.where(masks.bool(), outputs[-1], images)
        return [images, white_holes(images, masks), *outputs, composite]

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The file in the authors' layout, without the states of VGG-16 and the optimizer."""
        state = {WRAPPED + name: value for name, value in self.network.state_dict().items()}
        return {"madf.pth": {"n_iter": step, "model": state}}
