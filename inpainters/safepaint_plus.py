"""SafePaint+: an attempt to give SafePaint's domain vector an effect. It has next to none.

A variant of this project, not of the authors. In SafePaint the known region's domain vector stands
in planes that the first instance norm takes out again, and nothing keeps the extractor from
answering the same to everything (specification, section 3.2 and deviations 10 and 11). Here

- the vector scales and shifts stage II's features behind that norm, where its effect remains;
- the extractor reads what is left of a picture without its smooth part, and its vectors have unit
  length; `inpainters.training.safepaint_plus` trains it to tell painted regions from real ones;
- stage II adds grain, as strong as its features and the vector say: a network that answers the
  mean of all likely textures paints smoothly, and smoothness is what detectors find.

The shipped weights ask for the same grain everywhere, and the vector moves the hole by a tenth of
that (benchmarks/safepaint_plus.py, docs/mini.md): what it reaches is what constant grain reaches.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.card import Card
from benchmark.core.checkpoint import load_strict, part_of, read_checkpoint, read_sizes
from benchmark.core.speed import fast
from inpainters.base import Inpainter
from inpainters.safepaint import (
    Extractor,
    FineGenerator,
    Generator,
    Painted,
    SafePaintConfig,
)

STRONGEST = 0.05  # grain's largest deviation, of 1: 13 grey levels
GAIN = 10.0  # residuals are small; the extractor's first layer expects pictures


def high_pass(images: Tensor) -> Tensor:
    """What a 3x3 binomial blur takes out: (N, C, H, W) to the same, around 0."""
    line = images.new_tensor([0.25, 0.5, 0.25])
    channels = images.shape[1]
    blur = (line[:, None] * line).expand(channels, 1, 3, 3)
    padded = F.pad(images, (1, 1, 1, 1), mode="reflect")
    return images - F.conv2d(padded, blur, groups=channels)


class ResidualExtractor(Extractor):
    """The extractor on a picture's residual, its vectors of unit length."""

    def forward(self, images: Tensor, region: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1] and (N, 1, H, W), 1 = described, to (N, V, 1, 1)."""
        # A residual at the region's rim would hold some of what lies beyond.
        inner = 1 - F.max_pool2d(1 - region, 3, stride=1, padding=1)
        return F.normalize(super().forward(GAIN * high_pass(images), inner), dim=1)


class GuidedGenerator(FineGenerator):
    """Stage II with the domain vector behind its first norm, and with grain."""

    def __init__(self, config: SafePaintConfig) -> None:
        super().__init__(config)
        self.scale = nn.Conv2d(config.vector, config.width, 1)
        self.shift = nn.Conv2d(config.vector, config.width, 1)
        self.strength = nn.Conv2d(config.width, 1, 3)
        self.strength_of_domain = nn.Conv2d(config.vector, 1, 1)

    def forward(  # type: ignore[override]
        self, composite: Tensor, masks: Tensor, background: Tensor, noise: Tensor
    ) -> Tensor:
        """Paint the hole again.

        Args:
            composite: (N, 3, H, W) in [0, 1], stage I's picture in the hole, the image around it.
            masks: (N, 1, H, W), 1 = hole.
            background: (N, V, 1, 1), domain vector of the known region.
            noise: (N or 1, 1, H, W), standard normal.

        Returns:
            (N, 3, H, W) near [0, 1], the whole picture.
        """
        plane = background.expand(-1, -1, *composite.shape[2:])
        features = self.encoder[:3](torch.cat((composite, masks, plane), dim=1))
        features = features * (1 + self.scale(background)) + self.shift(background)
        features = self.middle(self.encoder[3:](features))
        features = self.deconv1(self.att1(features, masks))  # (N, 2 * width, H / 2, W / 2)
        features = F.relu(F.instance_norm(features))
        features = self.deconv2(self.att2(features, masks))  # (N, width, H, W)
        features = F.relu(F.instance_norm(features))
        features = F.pad(self.att3(features, masks), (3, 3, 3, 3), mode="reflect")
        picture = (torch.tanh(self.deconv3(features)) + 1) / 2
        wanted = self.strength(features[:, :, 2:-2, 2:-2]) + self.strength_of_domain(background)
        # From a bias of 0, a deviation of 1.5 grey levels.
        return picture + STRONGEST * torch.sigmoid(wanted - 2) * noise


class PlusGenerator(Generator):
    """Both stages and the extractor.

    Args:
        config: the network's sizes, as SafePaint's.
    """

    fine_generator: GuidedGenerator

    def __init__(self, config: SafePaintConfig) -> None:
        super().__init__(config)
        self.fine_generator = GuidedGenerator(config)
        self.extractor = ResidualExtractor(config)

    def forward(self, images: Tensor, masks: Tensor, noise: Tensor) -> Painted:  # type: ignore[override]
        """Paint the holes.

        Args:
            images: (N, 3, H, W) in [0, 1], H and W multiples of 4, at least 64.
            masks: (N, 1, H, W), 1 = hole.
            noise: (N or 1, 1, H, W), standard normal.

        Returns:
            Both stages' pictures and the known region's domain vector.
        """
        background = self.extractor(images, 1 - masks)
        coarse = self.coarse_generator(images, masks)
        coarse_composite = coarse * masks + images * (1 - masks)
        raw = self.fine_generator(coarse_composite, masks, background, noise)
        return Painted(
            coarse=coarse,
            coarse_composite=coarse_composite,
            raw=raw,
            composite=raw * masks + images * (1 - masks),
            background=background,
        )


class SafePaintPlus(Inpainter):
    """This project's variant of SafePaint; weights of `bench train safepaint+` only."""

    card = Card(
        name="safepaint+",
        title="SafePaint+ (this project's variant)",
        paper="https://doi.org/10.1145/3664647.3681279",
        licence="of this project; a variant the authors have no part in",
        mini="inpainters:mini/safepaint+.safetensors",
        trainable=True,
        parameters=28_843_068,
        multiply_adds=132_285_361_104,
        sizes="any of at least 64 pixels a side: extended by reflection to a multiple of 4",
        multiple=4,
        min_side=64,
        rounding="cut",
        seeded=True,
    )

    def _load(self, path: Path) -> None:
        if path.suffix == ".safetensors":
            network = PlusGenerator(read_sizes(path, self.card.name, SafePaintConfig))
            state = read_checkpoint(path)
        else:
            network = PlusGenerator(SafePaintConfig())
            state = part_of(read_checkpoint(path), "generator", path)
        load_strict(network, state, path)
        self.network = fast(network).to(self.device)

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        drawn = torch.randn(1, 1, *images.shape[2:], generator=torch.Generator().manual_seed(seed))
        painted: Painted = self.network(images, masks, drawn.to(images))
        return painted.raw
