"""Training module of CTSDG: losses, two-branch discriminator, training step."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.tensors import to_pixels
from inpainters.ctsdg import CTSDGConfig, CTSDGOutput, Generator, outlines_of
from inpainters.training import patch_discriminator as patch
from inpainters.training.base import InpainterLearner, read_network, white_holes
from inpainters.training.feature_networks import VGG16_POOLS, choose_features, first_share
from inpainters.training.initialization import initialize
from inpainters.training.losses.adversarial import (
    adversarial_discriminator,
    adversarial_generator,
)
from inpainters.training.losses.lattice import lattice
from inpainters.training.losses.regions import hole_loss, perceptual_loss, style_loss, valid_loss


def adversarial_loss(output: DiscriminatorOutput, edges: Tensor) -> Tensor:
    """Generator loss: adversarial, and edges of the output against those of the image.

    Args:
        output: the discriminator's outputs on inpainted images.
        edges: (N, 1, H, W), 0 or 1, Canny edges of the real images.

    Returns:
        A scalar.
    """
    return adversarial_generator(output.decisions) + edge_loss(output.edges, edges)


def discriminator_loss(
    real: DiscriminatorOutput, fake: DiscriminatorOutput, edges: Tensor
) -> Tensor:
    """Discriminator loss: adversarial, and the edge detector's cross-entropy on both inputs.

    Args:
        real: outputs on real images.
        fake: outputs on detached inpainted images.
        edges: (N, 1, H, W), 0 or 1, Canny edges of the real images, the target of both.

    Returns:
        A scalar, the sum of four terms.
    """
    loss = adversarial_discriminator(real.decisions, fake.decisions, halved=False)
    return loss + edge_loss(real.edges, edges) + edge_loss(fake.edges, edges)


def intermediate_loss(texture: Tensor, structure: Tensor, images: Tensor, edges: Tensor) -> Tensor:
    """Intermediate supervision of the two decoders.

    Args:
        texture: (N, 3, H, W) in [-1, 1], output of the texture decoder.
        structure: (N, 1, H, W) in [0, 1], edges of the structure decoder.
        images: (N, 3, H, W) in [-1, 1], real images.
        edges: (N, 1, H, W), 0 or 1, Canny edges of the real images.

    Returns:
        A scalar.
    """
    return edge_loss(structure, edges) + F.l1_loss(texture, images)


def edge_loss(found: Tensor, edges: Tensor) -> Tensor:
    """Binary cross-entropy of edges in [0, 1] against Canny edges, both (N, 1, H, W)."""
    with torch.autocast(found.device.type, enabled=False):  # torch does not support it in 16 bits
        return F.binary_cross_entropy(found.float(), edges)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminatorOutput:
    """The output of the discriminator for N images.

    Attributes:
        decisions: (N, 2, H // 8 - 2, W // 8 - 2), logits, positive where real: of the texture
            branch, then of the structure branch.
        edges: (N, 1, H, W) in [0, 1], edges detected in the images.
    """

    decisions: Tensor
    edges: Tensor


class EdgeDetector(nn.Module):
    """Edge detector: a convolution, a residual block, a 1x1 convolution.

    Args:
        width: channels in between; the authors' is 16.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.projection = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.res_layer = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
        )
        self.out_layer = nn.Conv2d(width, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Edges (N, 1, H, W) in [0, 1] of (N, 3, H, W) images in [-1, 1]."""
        projected = self.projection(images)
        features = F.relu(self.res_layer(projected) + projected)
        return torch.sigmoid(self.out_layer(features))


class Discriminator(nn.Module):
    """Discriminator with a texture and a structure branch (CTSDG, arXiv 2108.09760).

    Args:
        width: channels of each branch's first layer; the authors' is 64.
        edge_width: channels of the edge detector; the authors' is 16.
    """

    def __init__(self, width: int = 64, edge_width: int = 16) -> None:
        super().__init__()
        self.texture_branch = patch.Discriminator(width, channels=3)
        self.structure_branch = patch.Discriminator(width, channels=2)
        self.edge_detector = EdgeDetector(edge_width)

    def forward(
        self, images: Tensor, gray: Tensor, edges: Tensor | None = None
    ) -> DiscriminatorOutput:
        """Classify real or inpainted images.

        Args:
            images: (N, 3, H, W) in [-1, 1], H and W at least 24.
            gray: (N, 1, H, W) in [0, 1], of the real images even where the images are inpainted.
            edges: (N, 1, H, W), 0 or 1: the Canny edges where the images are real; None where they
                are inpainted, whose detected edges are then used.

        Returns:
            Both branches' logits, and the detected edges.
        """
        found = self.edge_detector(images)
        structure = torch.cat((found if edges is None else edges, gray), dim=1)  # (N, 2, H, W)
        decisions = (self.texture_branch(images), self.structure_branch(structure))
        return DiscriminatorOutput(decisions=torch.cat(decisions, dim=1), edges=found)


class CTSDGLosses(BaseModel):
    """The `losses` table of a recipe of CTSDG; the weights are the authors'.

    Attributes:
        hole: weight of L1 in the holes.
        valid: weight of L1 in the known regions.
        perceptual: weight of the perceptual term.
        style: weight of the style term.
        adversarial: weight of the generator's adversarial term.
        intermediate: weight of the intermediate supervision.
        discriminator: weight of the discriminator's losses.
        features: of the perceptual and style terms: VGG-16, or fixed random filters ("texture").
        features_share: share of each batch's images, the first ones, that these terms use; the rest
            only have the other terms. VGG would otherwise take most of a step's time.
        lattice: weight of the checkerboard penalty, see `losses.lattice`; not in the paper.
        discriminator_width: channels of the first layer of the discriminator's branches.
        edge_width: channels of its edge detector.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hole: float = 60.0
    valid: float = 10.0
    perceptual: float = 0.1
    style: float = 250.0
    adversarial: float = 0.1
    intermediate: float = 1.0
    discriminator: float = 1.0
    features: Literal["vgg16", "texture"] = "vgg16"
    features_share: float = Field(default=1.0, gt=0, le=1)
    lattice: float = Field(default=0.0, ge=0)
    discriminator_width: int = 64
    edge_width: int = 16


class CTSDGLearner(InpainterLearner):
    """Training module of CTSDG; implements `Learner`.

    Phase "fine" is the authors' fine-tuning: the generator's batch norms are in evaluation mode.

    Args:
        network: sizes, as `CTSDGConfig` names them.
        losses: weights and forms of the losses.
        device: device of the networks.

    Raises:
        TrainingError: if a size is unknown, or the VGG-16 weights are needed but not installed.
    """

    model: ClassVar[str] = "ctsdg"
    phases: ClassVar[tuple[str, ...]] = ("joint", "fine")
    Losses: ClassVar[type[BaseModel]] = CTSDGLosses
    terms: ClassVar[tuple[str, ...]] = (
        "hole",
        "valid",
        "perceptual",
        "style",
        "adversarial",
        "intermediate",
        "discriminator",
        "lattice",
    )
    roles: ClassVar[dict[str, tuple[str, ...]]] = {
        "generator": ("generator",),
        "discriminator": ("discriminator",),
    }
    tiny: ClassVar[dict[str, dict[str, Any]]] = {
        "network": {"width": 4, "levels": 3},
        "losses": {"features": "texture", "discriminator_width": 4, "edge_width": 2},
    }

    def __init__(
        self, network: Mapping[str, Any], losses: CTSDGLosses, device: torch.device
    ) -> None:
        self.sizes = read_network(CTSDGConfig, network, self.model)
        self.network = Generator(self.sizes)
        self.discriminator = Discriminator(losses.discriminator_width, losses.edge_width)
        self.modules: dict[str, nn.Module] = {
            "generator": self.network,
            "discriminator": self.discriminator,
        }
        initialize(self.network)
        initialize(self.discriminator.texture_branch)
        initialize(
            self.discriminator.structure_branch
        )  # the edge detector keeps torch's default initialization
        for part in self.modules.values():
            part.to(device)
        self.features = choose_features(losses.features, VGG16_POOLS).to(device)
        self._losses = losses
        self._generated: deque[tuple[Tensor, Tensor]] = deque()

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Set training mode for a phase; see the class and `InpainterLearner.begin`."""
        super().begin(phase, fresh=fresh)
        if phase == "fine":
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def training_step(self, role: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted losses of an optimizer role.

        The discriminator gets the generator's outputs of the same step, before its update.

        Args:
            role: "generator" or "discriminator", in this order.
            images: (N, 3, H, W) RGB in [0, 1], H and W multiples of 2 ** levels.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            Each term, ().
        """
        wanted = 2 * images - 1
        if role == "discriminator":
            raw, outlines = self._generated.popleft()
            edges, gray = outlines[:, :1], outlines[:, 1:]
            real = self.discriminator(wanted, gray, edges)
            loss = discriminator_loss(real, self.discriminator(raw, gray), edges)
            return {"discriminator": self._losses.discriminator * loss}
        outlines = outlines_of(to_pixels(images)).to(images.device)
        painted: CTSDGOutput = self.network(wanted, outlines, masks)
        self._generated.append((painted.raw.detach(), outlines))
        return self._image_losses(painted.raw, wanted, masks) | self._edge_losses(
            painted, wanted, outlines
        )

    def _image_losses(self, raw: Tensor, wanted: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """Reconstruction losses of (N, 3, H, W) images in [-1, 1]."""
        chosen, network = self._losses, self.features
        composite = wanted * (1 - masks) + raw * masks
        few = [first_share(part, chosen.features_share) for part in (wanted, raw, composite)]
        with torch.no_grad():
            real = network.features(few[0])
        pair = network.features(few[1]), network.features(few[2])
        terms = {
            "hole": chosen.hole * hole_loss(raw, wanted, masks),
            "valid": chosen.valid * valid_loss(raw, wanted, masks),
            "perceptual": chosen.perceptual
            * perceptual_loss(*pair, real, network.perceptual_layers),
            "style": chosen.style * style_loss(*pair, real, network.style_layers),
        }
        if chosen.lattice:
            terms["lattice"] = chosen.lattice * lattice((raw + 1) / 2, masks)
        return terms

    def _edge_losses(
        self, painted: CTSDGOutput, wanted: Tensor, outlines: Tensor
    ) -> dict[str, Tensor]:
        """The losses that involve edges."""
        edges, gray = outlines[:, :1], outlines[:, 1:]
        alone = self.network.project(painted)
        output = self.discriminator(painted.raw, gray)
        intermediate = intermediate_loss(alone.image, alone.edges, wanted, edges)
        return {
            "adversarial": self._losses.adversarial * adversarial_loss(output, edges),
            "intermediate": self._losses.intermediate * intermediate,
        }

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """Images, images with white holes, texture decoder outputs, outputs, composites.

        Each (N, 3, H, W) in [0, 1]; arguments as in `Learner.show`.
        """
        self.network.eval()
        outlines = outlines_of(to_pixels(images)).to(images.device)
        painted: CTSDGOutput = self.network(2 * images - 1, outlines, masks)
        texture, raw = ((p + 1) / 2 for p in (self.network.project(painted).image, painted.raw))
        composite = torch.where(masks.bool(), raw, images)
        return [images, white_holes(images, masks), texture, raw, composite]

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The file in the authors' layout."""
        parts = {name: part.state_dict() for name, part in self.modules.items()}
        return {"generator.pth": {"n_iter": step, **parts}}
