"""Training module of EdgeConnect: losses and training steps of the edge and color generators."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.tensors import to_pixels
from inpainters.edgeconnect import (
    EDGE_FILE,
    INPAINT_FILE,
    EdgeConnect,
    EdgeConnectConfig,
    EdgeConnectNetwork,
    EdgeConnectOutput,
    canny_edges,
    gray_levels,
)
from inpainters.training.base import InpainterLearner, read_network, white_holes
from inpainters.training.feature_networks import choose_features, first_share
from inpainters.training.initialization import initialize, start_linear, start_warm
from inpainters.training.losses.adversarial import (
    adversarial_discriminator,
    adversarial_generator,
)
from inpainters.training.losses.features import perceptual, style
from inpainters.training.losses.lattice import lattice
from inpainters.training.losses.regions import hole_l1, l1_over_ratio
from inpainters.training.patch_discriminator import Discriminator


def feature_matching(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """Feature matching loss: L1 of the discriminator's activations, summed over its layers.

    Args:
        fake: activations (N, C, h, w) of `Discriminator.maps` on gray and predicted edges.
        real: activations on gray and Canny edges; detached.

    Returns:
        A scalar.
    """
    pairs = zip(fake, real, strict=True)
    return torch.stack([F.l1_loss(found, wanted.detach()) for found, wanted in pairs]).sum()


# The networks that each phase trains (stages 1 to 4 of the authors' program).
PHASES = {
    "edge": ("edge", "edge_discriminator"),
    "true": ("inpaint", "inpaint_discriminator"),
    "predicted": ("inpaint", "inpaint_discriminator"),
    "joint": ("edge", "inpaint", "edge_discriminator", "inpaint_discriminator"),
}


class EdgeConnectLosses(BaseModel):
    """The `losses` table of a recipe of EdgeConnect; the defaults are the authors'.

    Attributes:
        edge_adversarial: weight of the edge generator's adversarial term.
        matching: weight of the edge discriminator's feature matching.
        l1: weight of the L1 term of colors.
        perceptual: weight of the perceptual term.
        style: weight of the style term.
        adversarial: weight of the color generator's adversarial term.
        composited: use true edges outside the hole, and predicted ones inside, as the input of the
            color generator, as in the authors' training; their test, and this project's, use
            predicted edges everywhere.
        compared: inputs of the color generator's terms and of its discriminator: whole outputs
            (program), or composites, which equal the image outside the hole; L1 is then averaged
            over each image's own hole.
        features: of the perceptual and style terms: VGG-19, as the authors use; VGG-16 up to its
            third block; or fixed random filters at three scales ("texture").
        features_share: share of each batch's images, the first ones, that these terms use; the rest
            only have the other terms. VGG would otherwise take most of a step's time.
        lattice: weight of the checkerboard penalty, see `losses.lattice`; not in the paper.
        discriminator_width: channels of each discriminator's first layer.
        start: initialization of the color generator: "normal", as in the program, or "linear", see
            `initialization.start_linear`.
        warm: start from the mini weights of `edgeconnect`, or from the file of its weights at this
            path; attentions start as the identity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    edge_adversarial: float = 1.0
    matching: float = 10.0
    l1: float = 1.0
    perceptual: float = 0.1
    style: float = 250.0
    adversarial: float = 0.1
    composited: bool = True
    compared: Literal["outputs", "composites"] = "outputs"
    features: Literal["vgg19", "vgg16", "texture"] = "vgg19"
    features_share: float = Field(default=1.0, gt=0, le=1)
    lattice: float = Field(default=0.0, ge=0)
    discriminator_width: int = 64
    start: Literal["normal", "linear"] = "normal"
    warm: bool | str = False


@dataclass(frozen=True, slots=True)
class GeneratorOutputs:
    """Detached generator outputs, for the discriminators' update.

    Attributes:
        gray: (N, 1, H, W) in [0, 1], luminance.
        edges: (N, 1, H, W), 0 or 1, true edges.
        completed: (N, 1, H, W) in [0, 1], predicted edges; None if the phase does not train them.
        raw: (N, 3, H, W) in [0, 1], network outputs; None if the phase does not train them.
    """

    gray: Tensor
    edges: Tensor
    completed: Tensor | None
    raw: Tensor | None


class EdgeConnectLearner(InpainterLearner):
    """Training module of EdgeConnect, with or without RWSA; implements `Learner`.

    Args:
        network: sizes, as `EdgeConnectConfig` names them.
        losses: weights and forms of the losses.
        device: device of the networks.

    Raises:
        TrainingError: if a size is unknown or does not fit the weights to start from, or VGG
            weights are needed but not installed.
    """

    model: ClassVar[str] = "edgeconnect"
    phases: ClassVar[tuple[str, ...]] = tuple(PHASES)
    Losses: ClassVar[type[BaseModel]] = EdgeConnectLosses
    terms: ClassVar[tuple[str, ...]] = (
        "edge_adversarial",
        "matching",
        "l1",
        "perceptual",
        "style",
        "adversarial",
        "edge_discriminator",
        "discriminator",
        "lattice",
    )
    roles: ClassVar[dict[str, tuple[str, ...]]] = {
        "generator": ("edge", "inpaint"),
        "discriminator": ("edge_discriminator", "inpaint_discriminator"),
    }
    tiny: ClassVar[dict[str, dict[str, Any]]] = {
        "network": {"width": 4, "blocks": 1},
        "losses": {"features": "texture", "discriminator_width": 4, "warm": False},
    }

    def __init__(
        self, network: Mapping[str, Any], losses: EdgeConnectLosses, device: torch.device
    ) -> None:
        self.sizes = read_network(EdgeConnectConfig, network, self.model)
        self.network = EdgeConnectNetwork(self.sizes).to(device)
        self.edge_discriminator = Discriminator(losses.discriminator_width, channels=2).to(device)
        self.discriminator = Discriminator(losses.discriminator_width).to(device)
        self.modules: dict[str, nn.Module] = {
            "edge": self.network.edge,
            "inpaint": self.network.inpaint,
            "edge_discriminator": self.edge_discriminator,
            "inpaint_discriminator": self.discriminator,
        }
        for part in self.modules.values():
            initialize(part)
        if losses.start == "linear":
            start_linear((self.network.inpaint,), self._run_on_noise_edges, device)
        if losses.warm:
            start_warm(
                {"edge.": self.network.edge, "inpaint.": self.network.inpaint},
                EdgeConnect.card,
                losses.warm,
            )
        self.features = choose_features(losses.features).to(device)
        self._losses, self._phase = losses, "joint"
        self._generated: deque[GeneratorOutputs] = deque()

    def _run_on_noise_edges(self, images: Tensor, masks: Tensor) -> Tensor:
        painted: Tensor = self.network.inpaint.train()(images, torch.rand_like(masks), masks)
        return painted

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Train the networks of `phase`; freeze the others and set them to evaluation mode.

        Args:
            phase: "edge"; "true" for colors from true edges; "predicted" for colors from
                predicted edges; "joint" for everything.
            fresh: whether this is the first step of a stage; not used.

        Raises:
            TrainingError: if the phase is unknown.
        """
        super().begin(phase, fresh=fresh)
        self._phase = phase
        for name, part in self.modules.items():
            part.train(name in PHASES[phase]).requires_grad_(name in PHASES[phase])

    def training_step(self, role: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted losses of the generators, or of the discriminators on their outputs.

        Args:
            role: "generator", then "discriminator".
            images: (N, 3, H, W) RGB in [0, 1], H and W multiples of 4, at least 24.
            masks: (N, 1, H, W), 1 = hole, at least one of them.

        Returns:
            Each term of the phase, ().
        """
        if role == "discriminator":
            return self._discriminator_losses(images, self._generated.popleft())
        gray, edges = true_edges(images)
        terms: dict[str, Tensor] = {}
        completed = raw = None
        if self._phase in {"edge", "joint"}:
            completed = self.network.edge(gray, edges, masks)
            terms |= self._edge_terms(gray, edges, completed)
        if self._phase != "edge":
            guide = self._guide(gray, edges, completed, masks)
            raw = self.network.inpaint(images, guide, masks)
            if self._losses.compared == "composites":
                raw = torch.where(masks.bool(), raw, images)
            terms |= self._color_terms(images, masks, raw)
        kept = (part if part is None else part.detach() for part in (completed, raw))
        self._generated.append(GeneratorOutputs(gray, edges, *kept))
        return terms

    def _guide(
        self, gray: Tensor, edges: Tensor, completed: Tensor | None, masks: Tensor
    ) -> Tensor:
        """The input edges of the color generator; only in "joint" they have a gradient."""
        if self._phase == "true":
            return edges
        if completed is None:
            with torch.no_grad():
                completed = self.network.edge(gray, edges, masks)
        if not self._losses.composited:
            return completed
        return completed * masks + edges * (1 - masks)

    def _edge_terms(self, gray: Tensor, edges: Tensor, completed: Tensor) -> dict[str, Tensor]:
        fake = self.edge_discriminator.maps(torch.cat((gray, completed), dim=1))
        with torch.no_grad():
            real = self.edge_discriminator.maps(torch.cat((gray, edges), dim=1))
        return {
            "edge_adversarial": self._losses.edge_adversarial * adversarial_generator(fake[-1]),
            "matching": self._losses.matching * feature_matching(fake, real),
        }

    def _color_terms(self, images: Tensor, masks: Tensor, raw: Tensor) -> dict[str, Tensor]:
        chosen, network = self._losses, self.features
        few, holes, some = (
            first_share(part, chosen.features_share) for part in (images, masks, raw)
        )
        with torch.no_grad():
            real, real_hole = network.features(few), network.features(few * holes)
        alike = perceptual(network.features(some), real, network.perceptual_layers)
        styled = style(network.features(some * holes), real_hole, network.style_layers)
        distance = l1_over_ratio if chosen.compared == "outputs" else hole_l1
        terms = {
            "l1": chosen.l1 * distance(raw, images, masks),
            "perceptual": chosen.perceptual * alike,
            "style": chosen.style * styled,
            "adversarial": chosen.adversarial * adversarial_generator(self.discriminator(raw)),
        }
        if chosen.lattice:
            terms["lattice"] = chosen.lattice * lattice(raw, masks)
        return terms

    def _discriminator_losses(self, images: Tensor, kept: GeneratorOutputs) -> dict[str, Tensor]:
        """The losses of the phase's discriminators."""
        terms = {}
        if kept.completed is not None:
            real = self.edge_discriminator(torch.cat((kept.gray, kept.edges), dim=1))
            fake = self.edge_discriminator(torch.cat((kept.gray, kept.completed), dim=1))
            terms["edge_discriminator"] = adversarial_discriminator(real, fake)
        if kept.raw is not None:
            real, fake = self.discriminator(images), self.discriminator(kept.raw)
            terms["discriminator"] = adversarial_discriminator(real, fake)
        return terms

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """Images, images with white holes, known edges, completed edges, outputs, composites.

        Each (N, 3, H, W) in [0, 1]; arguments as in `Learner.show`.
        """
        self.network.eval()
        pixels = to_pixels(images)
        gray = gray_levels(pixels)
        edges = canny_edges(gray, masks[:, 0].cpu().numpy() == 0)
        known = _as_planes(edges, images)
        painted: EdgeConnectOutput = self.network(images, _as_planes(gray, images), known, masks)
        lines = [plane.expand(-1, 3, -1, -1) for plane in (known, painted.edges)]
        composite = painted.raw * masks + images * (1 - masks)
        return [images, white_holes(images, masks), *lines, painted.raw, composite]

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The four files of the authors' layout."""
        return {
            EDGE_FILE: {"iteration": step, "generator": self.network.edge.state_dict()},
            INPAINT_FILE: {"iteration": step, "generator": self.network.inpaint.state_dict()},
            "EdgeModel_dis.pth": {"discriminator": self.edge_discriminator.state_dict()},
            "InpaintingModel_dis.pth": {"discriminator": self.discriminator.state_dict()},
        }


def true_edges(images: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance and Canny edges of whole images, as used in training.

    Args:
        images: (N, 3, H, W) in [0, 1], 8-bit values / 255.

    Returns:
        Both (N, 1, H, W), on the device of the images; gray in [0, 1], edges 0 or 1.
    """
    gray = gray_levels(to_pixels(images))
    edges = canny_edges(gray, np.ones(gray.shape, dtype=np.bool_))
    return _as_planes(gray, images), _as_planes(edges, images)


def _as_planes(values: np.ndarray[Any, Any], like: Tensor) -> Tensor:
    """(N, H, W) to (N, 1, H, W) float32 on the device of `like`."""
    return torch.from_numpy(values[:, None].astype(np.float32)).to(like.device)
