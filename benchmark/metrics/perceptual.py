"""LPIPS (version 0.1), a learned distance between images. Measuring downloads nothing.

The package `lpips` contains the linear layers; `bench weights fetch` downloads the ImageNet network
below them (`benchmark.core.backbones`). Without it the metric is a gap with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from benchmark.core.backbones import find_backbone, why_missing
from benchmark.core.errors import WeightsError
from benchmark.core.types import Case, Pixels, Rows
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import Bounds

if TYPE_CHECKING:  # `bench list` and a run without LPIPS load no torch
    from benchmark.metrics.deep_features import DeepFeatures, Features


@dataclass(frozen=True, slots=True)
class _Original:
    """The features of one original image, (H, W, 3) uint8 RGB."""

    image: Pixels
    network: DeepFeatures
    features: Features


class LPIPS(Metric):
    """`lpips`: LPIPS of the whole image with AlexNet, then the mean over images.

    The features of the last original are cached: all images inpainted from one original are
    measured
    one after the other, so the network runs once on the original.
    """

    name, title, decimals = "lpips", "LPIPS", 3
    better = "lower"
    bounds = Bounds(low=0.0)
    needs = "filled"
    backbone: ClassVar[str] = "alexnet"
    min_side: ClassVar[int] = 31  # the pooling of smaller images is empty

    def __init__(self) -> None:
        self._last: _Original | None = None

    @classmethod
    def unavailable(cls) -> str | None:
        """Return why it cannot be measured: the backbone is not installed, or its file differs."""
        return why_missing(cls.backbone)

    def measure(self, case: Case) -> Rows:
        """Return (N, 1) float64, NaN if a side is too short for the network.

        Raises:
            WeightsError: if the backbone is not installed or its file differs from the published
                one.
        """
        from benchmark.metrics.deep_features import load_network

        found = find_backbone(self.backbone)
        if found is None:
            raise WeightsError(f"{self.name} {self.unavailable()}")
        if min(case.image.shape[1:3]) < self.min_side:
            return np.full((len(case.image), 1), np.nan)
        network = load_network(self.backbone, found)
        pairs = zip(case.filled, case.image, strict=True)
        distances = [self._distance(network, filled, image) for filled, image in pairs]
        return np.asarray(distances, dtype=np.float64).reshape(-1, 1)

    def _distance(self, network: DeepFeatures, filled: Pixels, image: Pixels) -> float:
        last = self._last
        if last is None or last.network is not network or not np.array_equal(last.image, image):
            last = self._last = _Original(image.copy(), network, network.of(image))
        return network.distance(network.of(filled), last.features)


class LPIPSVGG(LPIPS):
    """`lpips_vgg`: LPIPS with VGG-16, as reported by LaMa and FcF."""

    name, title = "lpips_vgg", "LPIPS (VGG)"
    backbone = "vgg16"
    min_side = 16
