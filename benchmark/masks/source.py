"""What the run asks of masks: which holes an image has, and the hole itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmark.core.types import Mask
from benchmark.masks.bucket import Bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskId:
    """One mask of one image, by name.

    Attributes:
        name: for a reader: the mask's file, or the generator's seed.
        digest: everything that decides the mask's pixels, given the image's size.
    """

    name: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """Which image gets which mask, for a reader.

    Attributes:
        rule: "name", "drawn" by bucket, "one" for all, or "generated".
        said: the same in words, with counts.
        without: images that have no mask and are left out.
    """

    rule: str
    said: str
    without: tuple[str, ...] = ()


class MaskSource(Protocol):
    """Where masks come from."""

    @property
    def pairing(self) -> Pairing:
        """Which image gets which mask."""
        ...

    @property
    def left_out(self) -> Sequence[str]:
        """What lies in the masks' folder and is not used, a count for each reason."""
        ...

    @property
    def read_as(self) -> Mapping[str, int]:
        """How many mask files were read as black and white do not say, by how."""
        ...

    @property
    def buckets(self) -> Sequence[Bucket]:
        """The buckets that its holes are sorted into."""
        ...

    @property
    def unused(self) -> Sequence[tuple[str, str]]:
        """Mask files that cannot be used, each with the reason."""
        ...

    @property
    def failed(self) -> Mapping[str, str]:
        """Images whose own mask cannot be used, each with the mask's file and the reason."""
        ...

    def holes(self, sample: str) -> Mapping[str, MaskId]:
        """The holes of an image by their bucket's label."""
        ...

    def mask_for(self, sample: str, bucket: str, shape: tuple[int, int]) -> Mask:
        """A hole of an image, (H, W) bool, in its bucket.

        Args:
            sample: the image's name.
            bucket: label of one of its holes.
            shape: height and width of the image at evaluation size.

        Raises:
            DataError: if the mask cannot be used at this size.
        """
        ...
