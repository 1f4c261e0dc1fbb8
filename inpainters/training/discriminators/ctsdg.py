"""CTSDG's discriminator: one branch looks at colours, one at edges, which a third part finds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inpainters.training.discriminators import patch


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
    """Edges of a picture: a convolution, a residual block, a 1x1 convolution.

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
    """Real or painted, by texture and by structure (specification, section 3.7).

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
        """Judge real or painted pictures.

        Args:
            images: (N, 3, H, W) in [-1, 1], H and W at least 24.
            grey: (N, 1, H, W) in [0, 1], of the real pictures even where the images are painted.
            edges: (N, 1, H, W), 0 or 1: the Canny edges where the images are real; None where they
                are painted, and the structure is then judged by the edges found in them.

        Returns:
            Both branches' decisions, and the edges found.
        """
        found = self.edge_detector(images)
        structure = torch.cat((found if edges is None else edges, grey), dim=1)  # (N, 2, H, W)
        decisions = (self.texture_branch(images), self.structure_branch(structure))
        return Judged(decisions=torch.cat(decisions, dim=1), edges=found)
