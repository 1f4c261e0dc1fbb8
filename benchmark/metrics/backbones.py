"""ImageNet networks that LPIPS and perceptual losses stand on: where their files are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from benchmark.core.card import Checkpoint

_SOURCE = "https://pytorch.org/vision/stable/models.html"
_LICENCE = "torchvision: BSD-3-Clause; trained on ImageNet, whose own terms of use apply"

# torch's file names end in the first 8 digits of the SHA-256; no more of it is published.
BACKBONES: Mapping[str, Checkpoint] = MappingProxyType(
    {
        "alexnet": Checkpoint(
            file="alexnet-owt-7be5be79.pth",
            url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
            source=_SOURCE,
            licence=_LICENCE,
            sha256="7be5be79",
        ),
        "vgg16": Checkpoint(
            file="vgg16-397923af.pth",
            url="https://download.pytorch.org/models/vgg16-397923af.pth",
            source=_SOURCE,
            licence=_LICENCE,
            sha256="397923af",
        ),
        "vgg19": Checkpoint(
            file="vgg19-dcbb9e9d.pth",
            url="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
            source=_SOURCE,
            licence=_LICENCE,
            sha256="dcbb9e9d",
        ),
    }
)
