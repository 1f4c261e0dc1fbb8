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
from inpainters.ctsdg import CTSDGConfig, Generator, Painted, outlines_of
from inpainters.training import patch_discriminator as patch
from inpainters.training.base import InpainterLearner, pierced, read_network
from inpainters.training.feature_networks import VGG16_POOLS, choose_features, seen
from inpainters.training.initialization import initialise
from inpainters.training.losses.adversarial import (
    adversarial_discriminator,
    adversarial_generator,
)
from inpainters.training.losses.lattice import lattice
from inpainters.training.losses.regions import hole_loss, perceptual_loss, style_loss, valid_loss


def adversarial_loss(judged: Judged, edges: Tensor) -> Tensor:
    """What the generator pays for being found out, and for edges that are not the image's.

    Args:
        judged: the discriminator's answers to the inpainted images.
        edges: (N, 1, H, W), 0 or 1, Canny edges of the untouched images.

    Returns:
        A scalar.
    """
    return adversarial_generator(judged.decisions) + edges_missed(judged.edges, edges)


def discriminator_loss(real: Judged, fake: Judged, edges: Tensor) -> Tensor:
    """What the discriminator pays for its mistakes, and its detector for the edges it misses.

    Args:
        real: its answers to untouched images.
        fake: its answers to inpainted images without gradient.
        edges: (N, 1, H, W), 0 or 1, Canny edges of the untouched images, wanted of both.

    Returns:
        A scalar, the sum of four terms.
    """
    mistaken = adversarial_discriminator(real.decisions, fake.decisions, halved=False)
    return mistaken + edges_missed(real.edges, edges) + edges_missed(fake.edges, edges)


def intermediate_loss(picture: Tensor, found: Tensor, images: Tensor, edges: Tensor) -> Tensor:
    """What each decoder pays for what it would answer alone.

    Args:
        picture: (N, 3, H, W) in [-1, 1], the texture decoder's.
        found: (N, 1, H, W) in [0, 1], the structure decoder's edges.
        images: (N, 3, H, W) in [-1, 1], untouched.
        edges: (N, 1, H, W), 0 or 1, Canny edges of the untouched images.

    Returns:
        A scalar.
    """
    return edges_missed(found, edges) + F.l1_loss(picture, images)


def edges_missed(found: Tensor, edges: Tensor) -> Tensor:
    """Binary cross-entropy of edges in [0, 1] against Canny edges, both (N, 1, H, W)."""
    with torch.autocast(found.device.type, enabled=False):  # torch refuses it in 16 bits
        return F.binary_cross_entropy(found.float(), edges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the discriminator says of N images.

    Attributes:
        decisions: (N, 2, H // 8 - 2, W // 8 - 2), before any sigmoid, positive where real: by
            texture, then by structure.
        edges: (N, 1, H, W) in [0, 1], what it takes for edges in the images.
    """

    decisions: Tensor
    edges: Tensor


class EdgeDetector(nn.Module):
    """Edges of an image: a convolution, a residual block, a 1x1 convolution.

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
        """(N, 3, H, W) images in [-1, 1] to edges (N, 1, H, W) in [0, 1]."""
        projected = self.projection(images)
        features = F.relu(self.res_layer(projected) + projected)
        return torch.sigmoid(self.out_layer(features))


class Discriminator(nn.Module):
    """Real or inpainted, by texture and by structure (CTSDG, arXiv 2108.09760).

    Args:
        width: channels of each branch's first layer; the authors' is 64.
        edge_width: channels of the edge detector; the authors' is 16.
    """

    def __init__(self, width: int = 64, edge_width: int = 16) -> None:
        super().__init__()
        self.texture_branch = patch.Discriminator(width, channels=3)
        self.structure_branch = patch.Discriminator(width, channels=2)
        self.edge_detector = EdgeDetector(edge_width)

    def forward(self, images: Tensor, grey: Tensor, edges: Tensor | None = None) -> Judged:
        """Judge real or inpainted images.

        Args:
            images: (N, 3, H, W) in [-1, 1], H and W at least 24.
            grey: (N, 1, H, W) in [0, 1], of the real images even where the images are inpainted.
            edges: (N, 1, H, W), 0 or 1: the Canny edges where the images are real; None where they
                are inpainted, and the structure is then judged by the edges found in them.

        Returns:
            Both branches' decisions, and the edges found.
        """
        found = self.edge_detector(images)
        structure = torch.cat((found if edges is None else edges, grey), dim=1)  # (N, 2, H, W)
        decisions = (self.texture_branch(images), self.structure_branch(structure))
        return Judged(decisions=torch.cat(decisions, dim=1), edges=found)


class CTSDGLosses(BaseModel):
    """The `losses` table of a recipe of CTSDG; the weights are the authors' program's.

    Attributes:
        hole: weight of the absolute difference in the holes.
        valid: weight of the absolute difference where known.
        perceptual: weight of the features' difference.
        style: weight of the Gram matrices' difference.
        adversarial: weight of the generator's adversarial term.
        intermediate: weight of what each decoder would answer alone.
        discriminator: weight of the discriminator's own terms.
        features: what the perceptual and style terms compare: VGG-16, or fixed random filters.
        features_share: share of each batch's images, the first ones, that are compared so; the
            others are left to the other terms. VGG would else take most of a step's time.
        lattice: weight of the share of the fill's fine structure that repeats with the strides of
            the network, a checkerboard; no paper has it.
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
    """CTSDG in training; answers the loop's `Learner`.

    Phase "fine" is the authors' second run: the generator's batch norms keep their statistics and
    use them.

    Args:
        network: sizes, as `CTSDGConfig` names them.
        losses: weights and forms of the losses.
        device: where the networks are.

    Raises:
        TrainingError: if a size has an unknown name, or VGG-16's file is wanted and not there.
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
    players: ClassVar[dict[str, tuple[str, ...]]] = {
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
        initialise(self.network)
        initialise(self.discriminator.texture_branch)
        initialise(self.discriminator.structure_branch)  # the edge detector starts as torch has it
        for part in self.modules.values():
            part.to(device)
        self.features = choose_features(losses.features, VGG16_POOLS).to(device)
        self._losses = losses
        self._painted: deque[tuple[Tensor, Tensor]] = deque()

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Set training mode for a phase; see the class and `InpainterLearner.begin`."""
        super().begin(phase, fresh=fresh)
        if phase == "fine":
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def learn(self, player: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted terms of a player.

        The discriminator judges what the generator inpainted in the same step, before it moved.

        Args:
            player: "generator" or "discriminator", in this order.
            images: (N, 3, H, W) RGB in [0, 1], H and W multiples of 2 ** levels.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            Each term, ().
        """
        wanted = 2 * images - 1
        if player == "discriminator":
            raw, outlines = self._painted.popleft()
            edges, grey = outlines[:, :1], outlines[:, 1:]
            real = self.discriminator(wanted, grey, edges)
            mistaken = discriminator_loss(real, self.discriminator(raw, grey), edges)
            return {"discriminator": self._losses.discriminator * mistaken}
        outlines = outlines_of(to_pixels(images)).to(images.device)
        painted: Painted = self.network(wanted, outlines, masks)
        self._painted.append((painted.raw.detach(), outlines))
        return self._pictures(painted.raw, wanted, masks) | self._edges(painted, wanted, outlines)

    def _pictures(self, raw: Tensor, wanted: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The terms that compare images, (N, 3, H, W) in [-1, 1]."""
        chosen, see = self._losses, self.features
        composite = wanted * (1 - masks) + raw * masks
        few = [seen(pictures, chosen.features_share) for pictures in (wanted, raw, composite)]
        with torch.no_grad():
            real = see.features(few[0])
        pair = see.features(few[1]), see.features(few[2])
        terms = {
            "hole": chosen.hole * hole_loss(raw, wanted, masks),
            "valid": chosen.valid * valid_loss(raw, wanted, masks),
            "perceptual": chosen.perceptual * perceptual_loss(*pair, real, see.perceptual_layers),
            "style": chosen.style * style_loss(*pair, real, see.style_layers),
        }
        if chosen.lattice:
            terms["lattice"] = chosen.lattice * lattice((raw + 1) / 2, masks)
        return terms

    def _edges(self, painted: Painted, wanted: Tensor, outlines: Tensor) -> dict[str, Tensor]:
        """The terms that edges have a part in."""
        edges, grey = outlines[:, :1], outlines[:, 1:]
        alone = self.network.project(painted)
        judged = self.discriminator(painted.raw, grey)
        apart = intermediate_loss(alone.picture, alone.edges, wanted, edges)
        return {
            "adversarial": self._losses.adversarial * adversarial_loss(judged, edges),
            "intermediate": self._losses.intermediate * apart,
        }

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """The images, the holes, the texture decoder's image, the answer and the composite."""
        self.network.eval()
        outlines = outlines_of(to_pixels(images)).to(images.device)
        painted: Painted = self.network(2 * images - 1, outlines, masks)
        texture, raw = ((p + 1) / 2 for p in (self.network.project(painted).picture, painted.raw))
        composite = torch.where(masks.bool(), raw, images)
        return [images, pierced(images, masks), texture, raw, composite]

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The authors' file."""
        parts = {name: part.state_dict() for name, part in self.modules.items()}
        return {"generator.pth": {"n_iter": step, **parts}}
