"""`spandrel:FILE`: an inpainting network that spandrel knows, such as LaMa, from one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.errors import BadInput, BadOutput, WeightsError
from benchmark.core.external.global_random import seeded
from benchmark.core.external.spandrel_networks import (
    EXPECTED,
    EXTRA,
    HOW,
    SpandrelNetwork,
    digest_of_network,
    read_network,
)
from benchmark.core.paths import expand_home
from inpainters.base import Inpainter

_BLIND = ("LaMa", "MAT")  # architectures that blank the hole before their first layer
_FIXED = ("LaMa",)  # architectures that draw no random numbers; MAT's dropout does


class _Facts(NamedTuple):
    """What is kept of a network whose file was read for its card.

    Attributes:
        architecture: its name.
        libraries: the versions of the libraries that it comes from.
        smallest: the smallest side of its images.
    """

    architecture: str
    libraries: str
    smallest: int


class Spandrel(Inpainter):
    """An inpainting network in float32, called by spandrel, which pads images to what it needs.

    Args:
        argument: the file, .safetensors or of torch.save.
        weights: must be None: the file is the argument.
        device: a torch device such as "cpu" or "cuda:0".

    Raises:
        ExternalError: if spandrel is not installed, or cannot be imported.
        BadInput: if no file is named.
        WeightsError: if the file is missing, damaged, refused, or no inpainting network.
    """

    card = Card(
        name="spandrel",
        title="spandrel",
        sizes="any, as spandrel pads it",
        min_side=16,
        sees_hole=True,
    )
    libraries: ClassVar[Mapping[str, str]] = {"spandrel": EXPECTED}
    install = HOW
    no_tuning = (
        "spandrel:FILE runs in float32 and is not compiled; for other models, run it first without "
        "and use its images: --save-images, outputs:DIR"
    )

    def __init__(
        self, argument: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        super().__init__(weights=weights, device=device)
        self.card = self.card_for(argument)
        self._descriptor = _read(_path(argument)).descriptor.to(self.device)

    @classmethod
    def card_for(cls, argument: str) -> Card:
        """The card, with what is known of the architecture, and the version of spandrel."""
        facts = _facts_of(argument)
        terms = "the file has terms of its own"
        if EXTRA in facts.libraries:
            terms = f"{facts.architecture} has non-commercial terms; {terms}"
        return replace(
            cls.card,
            title=f"{facts.architecture} ({facts.libraries})",
            license=f"MIT (spandrel); {terms}",
            min_side=facts.smallest,
            seeded=facts.architecture not in _FIXED,
            sees_hole=facts.architecture not in _BLIND,
        )

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """The versions of the libraries and the file's hash, not its path."""
        return f"{_facts_of(argument).libraries} sha256:{digest_of_network(_path(argument))}"

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        found = []
        for image, mask in zip(images, masks, strict=True):
            with seeded(seed, self.device):
                found.append(self._paint(image[None], mask[None]))
        return torch.cat(found)

    def _paint(self, image: Tensor, mask: Tensor) -> Tensor:
        """Inpaint a (1, 3, H, W) image with a (1, 1, H, W) mask."""
        try:
            found: Tensor = self._descriptor(image, mask)
        except (RuntimeError, ValueError, AssertionError) as error:  # such as too small an image
            if isinstance(error, torch.OutOfMemoryError):
                raise
            reason = str(error).splitlines()[0][:150] if str(error) else type(error).__name__
            raise BadOutput(f"{self.card.name}: {reason}") from None
        return found


def _path(argument: str) -> Path:
    if not argument:
        raise BadInput("expected spandrel:FILE with a .safetensors or .pth file")
    return expand_home(Path(argument))


def _read(path: Path) -> SpandrelNetwork:
    network = read_network(path)
    if not network.fills:
        raise WeightsError(
            f"{path}: {network.architecture} fills no holes; it may be used as --launder "
            "spandrel:FILE"
        )
    return network


def _facts_of(argument: str) -> _Facts:
    path = _path(argument)
    return _read_facts(path, digest_of_network(path))


@lru_cache(maxsize=64)
def _read_facts(path: Path, _digest: str) -> _Facts:
    network = _read(path)
    needs = network.descriptor.size_requirements
    smallest = Spandrel.card.min_side if not needs.square else needs.minimum // 2 + 1
    return _Facts(network.architecture, network.libraries, smallest)
