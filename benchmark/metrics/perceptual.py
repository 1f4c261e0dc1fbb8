"""LPIPS, a learned distance between images (lpips 0.1). Nothing is downloaded by measuring.

The package brings the linear layers; the ImageNet network below them is got with
`bench weights fetch` (`benchmark.core.backbones`). Without it the metric is a gap with a reason.
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
    """What was found of an original: (H, W, 3) uint8 RGB."""

    image: Pixels
    network: DeepFeatures
    features: Features


class LPIPS(Metric):
    """`lpips`: the distance on AlexNet, whole image, per image, then the mean.

    The features of the last original are kept: a run measures all that was inpainted into one image
    side by side, so that the network looks at the original once.
    """

    name, title, decimals = "lpips", "LPIPS", 3
    better = "lower"
    bounds = Bounds(low=0.0)
    needs = "filled"
    backbone: ClassVar[str] = "alexnet"
    min_side: ClassVar[int] = 31  # smaller images vanish in the network's pooling

    def __init__(self) -> None:
        self._last: _Original | None = None

    @classmethod
    def unavailable(cls) -> str | None:
        """Why it cannot be measured: the backbone is not here, or its file is another."""
        return why_missing(cls.backbone)

    def measure(self, case: Case) -> Rows:
        """Measure N samples: (N, 1) float64, NaN where a side is too short for the network.

        Raises:
            WeightsError: if the backbone is not here or its file is another.
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
    """`lpips_vgg`: the distance on VGG-16, as LaMa and FcF report it."""

    name, title = "lpips_vgg", "LPIPS (VGG)"
    backbone = "vgg16"
    min_side = 16
