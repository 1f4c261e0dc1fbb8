"""Base classes of post-processing steps. A plugin subclasses `Launder`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from benchmark.core.decimals import parse_number
from benchmark.core.errors import BadInput
from benchmark.core.types import Mask, Pixels


class Launder(ABC):
    """A post-processing step, such as `jpeg:90`: its kind is "jpeg", its argument "90".

    A subclass defines the class attributes and `apply`. If it checks or normalizes its argument it
    overrides `__init__`; if it changes the size or moves pixels, `size`, `resized` and `truth`.

    Args:
        argument: the text after the colon, or "".

    Attributes:
        argument: the argument in its canonical form: two texts for the same step have one.
        kind: name on the command line: lower-case letters, digits, "_" and "-".
        usage: the form of the argument in messages, such as "QUALITY"; "" for none.
        revision: increased whenever `apply` returns other pixels for the same input.
        is_random: whether `apply` depends on its seed.
        crops: whether parts of the image are cut off.

    Raises:
        BadInput: if the argument cannot be used.
    """

    kind: ClassVar[str]
    usage: ClassVar[str] = ""
    revision: ClassVar[int] = 1
    is_random: ClassVar[bool] = False
    crops: ClassVar[bool] = False

    def __init__(self, argument: str) -> None:
        self.argument = argument.strip()

    @property
    def label(self) -> str:
        """The step as plans name it, such as "jpeg:90"."""
        return f"{self.kind}:{self.argument}" if self.argument else self.kind

    @property
    def name(self) -> str:
        """The step as tables name it."""
        return self.label

    @property
    def key(self) -> str:
        """Everything that determines the result besides the image and the seed."""
        revision = f"@{self.revision}" if self.revision > 1 else ""
        return " ".join(filter(None, (f"{self.label}{revision}", self.fingerprint())))

    @property
    def reads_files(self) -> bool:
        """Whether the argument names files."""
        return False

    def fingerprint(self) -> str:
        """Return what else determines the result, such as the hash of a file, or ""."""
        return ""

    def check(self) -> None:
        """Check that the step can be applied here; called once before a run.

        Raises:
            BenchError: if a library, a codec or a file is missing; says how to get it.
        """
        return

    @abstractmethod
    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Apply the step to an image.

        Args:
            pixels: (H, W, 3) uint8 RGB, which stay as they are.
            seed: seed of everything that is random.

        Returns:
            (H', W', 3) uint8 RGB, where (H', W') is `size(H, W)`.

        Raises:
            BadOutput: if the image cannot be processed, such as a size that a codec does not take.
        """

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width after the step; 0 if nothing of the image is left."""
        return height, width

    def resized(self, pixels: Pixels) -> Pixels:
        """Bring an image, (H, W, 3) uint8 RGB, to its size after the step; nothing else changes.

        Returns:
            (H', W', 3) uint8 RGB, or `pixels` itself if the step does not change the size.
        """
        return pixels

    def truth(self, mask: Mask) -> Mask:
        """Bring a mask, (H, W) bool, to its size after the step, (H', W') bool."""
        return mask


class NumericLaunder(Launder):
    """A step whose argument is one number.

    Attributes:
        strength: the number.
        low: its smallest value.
        high: its largest value.
        expected: what it is and its range, for messages.
    """

    low: ClassVar[float]
    high: ClassVar[float]
    expected: ClassVar[str]

    def __init__(self, argument: str) -> None:
        self.strength = parse_number(argument.strip())
        if np.isnan(self.strength):
            raise BadInput(f"expected {self.kind}:{self.usage} with {self.expected}")
        super().__init__(f"{self.strength:.15g}")
        if not (self.low <= self.strength <= self.high and self.fits(self.strength)):
            raise BadInput(f"expected {self.expected}")

    @classmethod
    def fits(cls, _: float) -> bool:
        """Return whether a number in the range can be used."""
        return True


class WholeLaunder(NumericLaunder):
    """A step whose argument is one whole number."""

    @classmethod
    def fits(cls, strength: float) -> bool:
        """Return whether the number is whole."""
        return strength.is_integer()


def eight_bits(values: np.ndarray) -> Pixels:
    """Round and clip (H, W, 3) float levels to uint8."""
    pixels: Pixels = np.rint(values).clip(0, 255).astype(np.uint8)
    return pixels
