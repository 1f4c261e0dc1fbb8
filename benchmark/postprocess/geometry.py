"""Steps that change the size: resizing, fitting into a square, cropping."""

from __future__ import annotations

import numpy as np
from PIL import Image

from benchmark.core.types import Mask, Pixels
from benchmark.postprocess.base import NumericLaunder, WholeLaunder


class Resize(NumericLaunder):
    """Multiply both sides by FACTOR, rounded to whole pixels, by Pillow's bicubic filter.

    The filter is antialiased when downscaling. The ground truth is resized by nearest neighbor.
    """

    kind, usage = "resize", "FACTOR"
    low, high = 0.1, 4.0
    expected = "a factor of the side from 0.1 to 4, other than 1"

    @classmethod
    def fits(cls, strength: float) -> bool:
        """Return whether the number changes anything."""
        return strength != 1

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Resize the image."""
        return self.resized(pixels)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width after the step."""
        return max(1, round(height * self.strength)), max(1, round(width * self.strength))

    def resized(self, pixels: Pixels) -> Pixels:
        """Resize the image, (H, W, 3) uint8, as `apply` does."""
        size = self.size(pixels.shape[0], pixels.shape[1])
        if size == pixels.shape[:2]:
            return pixels
        resized = Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BICUBIC)
        return np.asarray(resized)

    def truth(self, mask: Mask) -> Mask:
        """Resize the ground truth, (H, W) bool, to (H', W') bool by nearest neighbor."""
        size = self.size(mask.shape[0], mask.shape[1])
        if size == mask.shape:
            return mask
        gray = Image.fromarray(mask.astype(np.uint8))
        return np.asarray(gray.resize(size[::-1], Image.Resampling.NEAREST)) > 0


class Fit(Resize):
    """Downscale as `resize` does so that the longer side is PIXELS; smaller images stay."""

    kind, usage = "fit", "PIXELS"
    low, high = 16.0, 16384.0
    expected = "a whole number of pixels from 16 to 16384 for the longer side"

    @classmethod
    def fits(cls, strength: float) -> bool:
        """Return whether the number is whole."""
        return strength.is_integer()

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width after the step."""
        side = max(height, width)
        if side <= self.strength:
            return height, width
        factor = self.strength / side
        return max(1, round(height * factor)), max(1, round(width * factor))


class Crop(WholeLaunder):
    """Cut PIXELS off each of the four sides, of the image and of the ground truth."""

    kind, usage, crops = "crop", "PIXELS", True
    low, high = 1.0, 8192.0
    expected = "a whole number of pixels from 1 to 8192, cut off each side"

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Crop the image."""
        return self.resized(pixels)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width after the step, 0 if nothing is left."""
        cut = 2 * int(self.strength)
        return max(0, height - cut), max(0, width - cut)

    def resized(self, pixels: Pixels) -> Pixels:
        """Crop the image, (H, W, 3) uint8."""
        return np.ascontiguousarray(pixels[self._inside(pixels.shape)])

    def truth(self, mask: Mask) -> Mask:
        """Crop the ground truth, (H, W) bool."""
        return np.ascontiguousarray(mask[self._inside(mask.shape)])

    def _inside(self, shape: tuple[int, ...]) -> tuple[slice, slice]:
        cut = int(self.strength)
        height, width = self.size(shape[0], shape[1])
        return slice(cut, cut + height), slice(cut, cut + width)
