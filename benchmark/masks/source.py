"""What the run asks of masks: which holes a picture has, and the hole itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmark.core.types import Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """One mask of one picture, by name.

    Attributes:
        name: for a reader: the mask's file, or the generator's seed.
        digest: everything that decides the mask's pixels, given the picture's size.
    """

    name: str
    digest: str


class MaskSource(Protocol):
    """Where masks come from."""

    @property
    def unused(self) -> Sequence[tuple[str, str]]:
        """Mask files that cannot be used, each with the reason."""
        ...

    def holes(self, sample: str) -> Mapping[str, Hole]:
        """The holes of a picture by their bucket's label."""
        ...

    def draw(self, sample: str, bucket: str, shape: tuple[int, int]) -> Mask:
        """A hole of a picture, (H, W) bool, in its bucket.

        Args:
            sample: the picture's name.
            bucket: label of one of its holes.
            shape: height and width of the picture at evaluation size.

        Raises:
            DataError: if the mask cannot be used at this size.
        """
        ...
