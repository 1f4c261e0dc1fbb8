"""LPIPS, a learned distance between pictures (lpips 0.1). Nothing is downloaded by measuring.

The package brings the linear layers; the ImageNet network below them is got with
`bench weights fetch` (`benchmark.core.backbones`). Without it the metric is a gap with a reason.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from benchmark.core.backbones import Found, find_backbone, load_backbone, why_missing
from benchmark.core.errors import WeightsError
from benchmark.core.types import Case, Pixels, Rows
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import Bounds

if TYPE_CHECKING:  # `bench list` and a run without LPIPS load neither
    import lpips
    from torch import Tensor

BATCH = 16  # pictures at once: bounds the memory, whatever the case holds


class LPIPS(Metric):
    """`lpips`: the distance on AlexNet, whole picture, per picture, then the mean."""

    name, title, decimals = "lpips", "LPIPS", 3
    better = "lower"
    bounds = Bounds(low=0.0)
    needs = "filled"
    net: ClassVar[str] = "alex"
    backbone: ClassVar[str] = "alexnet"
    min_side: ClassVar[int] = 31  # smaller pictures vanish in the network's pooling

    @classmethod
    def unavailable(cls) -> str | None:
        """Why it cannot be measured: the backbone is not here, or its file is another."""
        return why_missing(cls.backbone)

    def measure(self, case: Case) -> Rows:
        """Measure N samples: (N, 1) float64, NaN where a side is too short for the network.

        Raises:
            WeightsError: if the backbone is not here or its file is another.
        """
        found = find_backbone(self.backbone)
        if found is None:
            raise WeightsError(f"{self.name} {self.unavailable()}")
        if min(case.image.shape[1:3]) < self.min_side:
            return np.full((len(case.image), 1), np.nan)
        network = load_network(self.net, self.backbone, found)
        blocks = [slice(start, start + BATCH) for start in range(0, len(case.image), BATCH)]
        return np.concatenate([_distance(network, case.filled[b], case.image[b]) for b in blocks])


class LPIPSVGG(LPIPS):
    """`lpips_vgg`: the distance on VGG-16, as LaMa and FcF report it."""

    name, title = "lpips_vgg", "LPIPS (VGG)"
    net = "vgg"
    backbone = "vgg16"
    min_side = 16


@cache
def load_network(net: str, backbone: str, found: Found) -> lpips.LPIPS:
    """LPIPS 0.1 with its backbone loaded strictly, once per process while its file stays.

    Args:
        net: "alex" or "vgg", as the package calls them.
        backbone: the same network as `BACKBONES` calls it.
        found: its file, which `load_backbone` finds too.

    Returns:
        The network in evaluation mode, without gradients, on the CPU.

    Raises:
        WeightsError: if the file's content is not the published one.
    """
    import torch

    from benchmark.core.checkpoint import load_strict

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):  # it draws weights, unused
        warnings.filterwarnings("ignore", message=".*pretrained.*", module="torchvision")
        warnings.filterwarnings("ignore", message="Arguments other than", module="torchvision")
        import lpips

        network = lpips.LPIPS(net=net, version="0.1", pnet_rand=True, verbose=False)
    # lpips cuts torchvision's `features` into slices and keeps the layers' numbers.
    names = {f"features.{own.split('.', 1)[1]}": own for own in network.net.state_dict()}
    state = {names.get(name, name): value for name, value in load_backbone(backbone).items()}
    load_strict(network.net, state, found.path)
    return network.eval().requires_grad_(requires_grad=False)


def _distance(network: lpips.LPIPS, filled: Pixels, image: Pixels) -> Rows:
    """(N, 1) distances of (N, H, W, 3) uint8 pictures."""
    import torch

    from benchmark.core.threads import network_threads

    with torch.inference_mode(), network_threads():
        found: Tensor = network(_scaled(filled), _scaled(image))  # (N, 1, 1, 1)
    return found.reshape(-1, 1).double().numpy()


def _scaled(pixels: Pixels) -> Tensor:
    """8 bits to (N, 3, H, W) in [-1, 1], what LPIPS takes."""
    from benchmark.core.pixels import to_images

    return to_images(pixels) * 2 - 1
