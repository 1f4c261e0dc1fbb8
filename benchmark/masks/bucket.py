"""Buckets (mask-ratio bins): ranges (a, b] of the share of an image that a mask covers.

10-20 is 10 % < share <= 20 %, as in the partial-convolution paper (Liu et al., 2018, section 4) and
in the tables of SafePaint. The share is measured at evaluation size and compared in integers.
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
    """The range (low, high] of the mask ratio, in whole percent.

    Attributes:
        low: 0 to 99, exclusive.
        high: low + 1 to 100, inclusive.

    Raises:
        BadInput: if the range is empty or leaves 0 to 100.
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 100:
            raise BadInput(
                f"bucket {self.low}-{self.high}: expected two increasing percentages within 0-100"
            )

    @classmethod
    def parse(cls, text: str) -> Bucket:
        """Parse a label such as "10-20".

        Raises:
            BadInput: if it is not a range of whole percentages within 0 to 100.
        """
        found = _LABEL.fullmatch(text.strip())
        if found is None:
            raise BadInput(f"bucket {text!r}: expected a range of whole percentages such as 10-20")
        return cls(int(found[1]), int(found[2]))

    @property
    def label(self) -> str:
        """Name in plans and tables, such as "10-20"."""
        return f"{self.low}-{self.high}"

    def smallest(self, pixels: int) -> int:
        """Return the smallest number of hole pixels in the bucket, for an image of `pixels`."""
        return self.low * pixels // 100 + 1

    def largest(self, pixels: int) -> int:
        """Return the largest such number; below `smallest` if the bucket contains none."""
        return self.high * pixels // 100

    def holds(self, mask: Mask) -> bool:
        """Whether the ratio of `mask`, (H, W) bool, is in the bucket; exact."""
        holes = int(np.count_nonzero(mask))
        return self.smallest(mask.size) <= holes <= self.largest(mask.size)


DEFAULT_BUCKETS = (Bucket(10, 20), Bucket(30, 40), Bucket(50, 60))
