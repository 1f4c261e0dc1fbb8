"""Trivial baselines without weights: chance, and flatness."""

from __future__ import annotations

import zlib

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.core.card import Card
from benchmark.core.types import Detection
from detectors.base import Detector, area_score


class Chance(Detector):
    """Uniform noise, seeded with the image's bytes; its pixel AUC is 0.5."""

    heavy = False
    card = Card(
        name="chance",
        title="chance",
        sizes="any",
        score="a number drawn from the image's own bytes",
    )

    def _detect(self, images: Tensor) -> Detection:
        pairs = [self._guess(image) for image in images.cpu()]
        return Detection(
            heatmap=torch.stack([heatmap for heatmap, _ in pairs]),
            score=torch.stack([score for _, score in pairs]),
        )

    def _guess(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """A random heatmap (H, W) and score () in [0, 1) for a (3, H, W) image."""
        seed = zlib.crc32((image * 255).round().byte().numpy().tobytes())
        generator = torch.Generator().manual_seed(seed)
        return torch.rand(image.shape[1:], generator=generator), torch.rand((), generator=generator)


class Flatness(Detector):
    """Detects flat areas: exp(-s / (3/255)), s the standard deviation of gray in 7x7 windows."""

    heavy = False
    card = Card(
        name="flatness",
        title="flatness",
        sizes="any",
        score="share of the heatmap above 0.5, a rule of this project",
        score_from="area",
        threshold=0.02,
    )

    def _detect(self, images: Tensor) -> Detection:
        gray = images.mean(dim=1, keepdim=True)
        padded = F.pad(gray, (3, 3, 3, 3), mode="replicate")
        mean = F.avg_pool2d(padded, 7, stride=1)
        square = F.avg_pool2d(padded**2, 7, stride=1)
        deviation = (square - mean**2).clamp(min=0).sqrt()[:, 0]
        heatmap = torch.exp(-deviation / (3 / 255))
        return Detection(heatmap=heatmap, score=area_score(heatmap))
