"""Interface of mask sources: the masks of an image, and their pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmark.core.types import Mask
from benchmark.masks.bucket import Bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskId:
    """Identity of an image's mask.

    Attributes:
        name: for display: the mask's file, or the generator's seed.
        digest: everything that determines the mask's pixels, given the image's size.
    """

    name: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """How masks are assigned to images, for display.

    Attributes:
        rule: "name", "drawn" (random, by bucket), "one" for all, or "generated".
        said: the same in words, with counts.
        without: images without a mask, which are left out.
    """

    rule: str
    said: str
    without: tuple[str, ...] = ()


class MaskSource(Protocol):
    """Source of the masks of a data set."""

    @property
    def pairing(self) -> Pairing:
        """How masks are assigned to images."""
        ...

    @property
    def left_out(self) -> Sequence[str]:
        """Unused files in the masks' folder: a count for each reason."""
        ...

    @property
    def read_as(self) -> Mapping[str, int]:
        """Number of mask files that are not plain black and white, by interpretation."""
        ...

    @property
    def buckets(self) -> Sequence[Bucket]:
        """The buckets of its masks."""
        ...

    @property
    def unused(self) -> Sequence[tuple[str, str]]:
        """Unusable mask files, each with the reason."""
        ...

    @property
    def failed(self) -> Mapping[str, str]:
        """Images whose own mask is unusable, each with the mask's file and the reason."""
        ...

    def holes(self, sample: str) -> Mapping[str, MaskId]:
        """Return the masks of an image by bucket label."""
        ...

    def mask_for(self, sample: str, bucket: str, shape: tuple[int, int]) -> Mask:
        """Return a mask of an image.

        Args:
            sample: the image's name.
            bucket: bucket label of one of its masks.
            shape: height and width of the image at evaluation size.

        Returns:
            (H, W) bool, True = hole.

        Raises:
            DataError: if the mask cannot be used at this size.
        """
        ...
