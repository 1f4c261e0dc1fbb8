"""Filters: noise, blur, median, sharpening, gamma."""

from __future__ import annotations

import numpy as np

from benchmark.core.filters import gaussian, median_of_levels, unsharp
from benchmark.core.types import Pixels
from benchmark.postprocess.base import NumericLaunder, eight_bits


class Noise(NumericLaunder):
    """Add Gaussian noise, independent in every pixel and channel, of that standard deviation.

    In gray levels; rounded and clipped. Drawn from the plan's seed and the image's name by NumPy's
    default generator (`standard_normal`, float32).
    """

    kind, usage, is_random = "noise", "LEVELS", True
    low, high = 0.01, 128.0
    expected = "a standard deviation from 0.01 to 128 gray levels"

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Add noise, which scales with the strength for the same seed."""
        noise = np.random.default_rng(seed).standard_normal(pixels.shape, dtype=np.float32)
        return eight_bits(pixels + self.strength * noise)


class Blur(NumericLaunder):
    """Blur by a Gaussian of that sigma in pixels, cut off at 4 sigma, borders mirrored.

    OpenCV's `GaussianBlur` in float32, rounded once: on 8 bits it would round between its passes.
    """

    kind, usage = "blur", "PIXELS"
    low, high = 0.1, 32.0
    expected = "a sigma from 0.1 to 32 pixels"

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Blur each channel."""
        return eight_bits(gaussian(pixels.astype(np.float32), self.strength))


class Median(NumericLaunder):
    """Replace each value by the median of a square of that side, per channel, borders mirrored.

    OpenCV's `medianBlur`; the same as `--retouch median`, for the whole image and on 8 bits.
    """

    kind, usage = "median", "SIZE"
    low, high = 3.0, 15.0
    expected = "an odd whole number of pixels from 3 to 15"

    @classmethod
    def fits(cls, strength: float) -> bool:
        """Return whether the number is whole and odd."""
        return strength % 2 == 1

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Filter each channel."""
        return median_of_levels(pixels, int(self.strength))


class Sharpen(NumericLaunder):
    """Sharpen by an unsharp mask: add AMOUNT times what a Gaussian of 1 pixel takes away.

    As `--retouch sharpen`, for the whole image; in float32, rounded and clipped.
    """

    kind, usage = "sharpen", "AMOUNT"
    low, high = 0.01, 10.0
    expected = "an amount from 0.01 to 10"

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Sharpen each channel."""
        return eight_bits(unsharp(pixels.astype(np.float32), self.strength))


class Gamma(NumericLaunder):
    """Change brightness by a power: 255 * (value / 255) ** GAMMA, rounded; above 1 is darker.

    The convention of `torchvision.transforms.functional.adjust_gamma`.
    """

    kind, usage = "gamma", "GAMMA"
    low, high = 0.1, 10.0
    expected = "an exponent from 0.1 to 10, other than 1"

    @classmethod
    def fits(cls, strength: float) -> bool:
        """Return whether the number changes anything."""
        return strength != 1

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Map each value by a table."""
        table: Pixels = np.rint(255 * (np.arange(256) / 255) ** self.strength).astype(np.uint8)
        return table[pixels]
