"""Buckets: ranges (a, b] of the hole's share of an image, in percent.

10-20 is 10 % < share <= 20 %, as in the partial-convolution paper (Liu et al., 2018, section 4) and
in the tables of SafePaint. The share is measured at evaluation size, and compared in whole numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from benchmark.core.errors import BadInput
from benchmark.core.types import Mask

_LABEL = re.compile(r"(\d{1,3})-(\d{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """The range (low, high] of the hole's share, in whole percent.

    Attributes:
        low: 0 to 99; the share is above it.
        high: low + 1 to 100; the share is at most this.

    Raises:
        BadInput: if the range is empty or leaves 0 to 100.
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 100:
            raise BadInput(
                f"bucket {self.low}-{self.high}: expected two percentages that rise, within 0-100"
            )

    @classmethod
    def parse(cls, text: str) -> Bucket:
        """Read "10-20".

        Raises:
            BadInput: if that is no range of whole percentages within 0 to 100.
        """
        found = _LABEL.fullmatch(text.strip())
        if found is None:
            raise BadInput(f"bucket {text!r}: expected a range of whole percentages such as 10-20")
        return cls(int(found[1]), int(found[2]))

    @property
    def label(self) -> str:
        """The bucket's name in plans and tables, such as "10-20"."""
        return f"{self.low}-{self.high}"

    def smallest(self, pixels: int) -> int:
        """The fewest hole pixels of `pixels` that lie in the bucket."""
        return self.low * pixels // 100 + 1

    def largest(self, pixels: int) -> int:
        """The most hole pixels of `pixels` that lie in the bucket; below `smallest` if none do."""
        return self.high * pixels // 100

    def holds(self, mask: Mask) -> bool:
        """Whether the hole's share of `mask`, (H, W) bool, lies in the bucket; exact."""
        holes = int(np.count_nonzero(mask))
        return self.smallest(mask.size) <= holes <= self.largest(mask.size)


DEFAULT_BUCKETS = (Bucket(10, 20), Bucket(30, 40), Bucket(50, 60))
