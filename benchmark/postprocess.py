"""Post-processing between inpainting and detection (`--launder`): JPEG, resizing, noise, blur.

A step is written `jpeg:90`, `resize:0.75`, `noise:2` or `blur:1`; "" is no post-processing.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from benchmark.core.decimals import parse_number
from benchmark.core.errors import BadInput
from benchmark.core.types import Mask, Pixels

REVISION = 1  # raised whenever the same image is changed to other pixels
_RANGES = {  # kind: (lowest, highest, what the number is)
    "jpeg": (1.0, 100.0, "a whole quality from 1 to 100"),
    "resize": (0.1, 4.0, "a factor of the side from 0.1 to 4, other than 1"),
    "noise": (0.01, 128.0, "a standard deviation from 0.01 to 128 gray levels"),
    "blur": (0.1, 32.0, "a sigma from 0.1 to 32 pixels"),
}
_REACH = 4  # radius of the Gaussian kernel, in sigmas


@dataclass(frozen=True, slots=True)
class PostProcess:
    """A post-processing step.

    Attributes:
        kind: "jpeg", "resize", "noise" or "blur".
        strength: JPEG quality; scale factor of the sides; standard deviation in 8-bit levels; sigma
            in pixels.

    Raises:
        BadInput: if the kind is unknown or the strength out of range.
    """

    kind: str
    strength: float

    def __post_init__(self) -> None:
        if self.kind not in _RANGES:
            known = ", ".join(f"{kind}:N" for kind in _RANGES)
            raise BadInput(f"no post-processing named {self.kind!r}. Known: {known}.")
        low, high, what = _RANGES[self.kind]
        whole = self.kind != "jpeg" or self.strength.is_integer()
        changes = self.kind != "resize" or self.strength != 1
        if not (low <= self.strength <= high and whole and changes):
            raise BadInput(f"post-processing {self.label}: expected {what}")

    @classmethod
    def parse(cls, text: str) -> PostProcess:
        """Parse a step such as "jpeg:90".

        Raises:
            BadInput: if it is not a post-processing step.
        """
        kind, colon, number = text.strip().partition(":")
        strength = parse_number(number.strip())
        if not colon or strength != strength:  # noqa: PLR0124 (NaN is not itself)
            known = ", ".join(f"{kind}:N" for kind in _RANGES)
            raise BadInput(f"post-processing {text!r}: expected one of {known}, such as jpeg:90")
        return cls(kind.lower(), strength)

    @property
    def label(self) -> str:
        """Name in plans and tables, such as "jpeg:90"."""
        return f"{self.kind}:{self.strength:.15g}"

    @property
    def is_random(self) -> bool:
        """Whether the result depends on a seed."""
        return self.kind == "noise"

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Apply the step to an image.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            seed: seed of the noise, which scales with the strength for the same seed.

        Returns:
            (H', W', 3) uint8 RGB; the size changes only for `resize`.
        """
        if self.kind == "jpeg":
            return _jpeg(pixels, round(self.strength))
        if self.kind == "noise":
            noise = np.random.default_rng(seed).standard_normal(pixels.shape, dtype=np.float32)
            return _eight_bits(pixels + self.strength * noise)
        if self.kind == "blur":
            return _blur(pixels, self.strength)
        return self.resized(pixels)

    def resized(self, pixels: Pixels) -> Pixels:
        """Resize an image to its size after this step, without any other change.

        Uses Pillow's bicubic filter, which is antialiased when downscaling.

        Args:
            pixels: (H, W, 3) uint8 RGB.

        Returns:
            (H', W', 3) uint8 RGB, or `pixels` itself if the size is the same.
        """
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

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width after the step."""
        if self.kind != "resize":
            return height, width
        return max(1, round(height * self.strength)), max(1, round(width * self.strength))


def _jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Compress (H, W, 3) uint8 by Pillow's JPEG with default tables and 4:2:0 subsampling."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _blur(pixels: Pixels, sigma: float) -> Pixels:
    """Blur (H, W, 3) uint8 in float32; on 8 bits OpenCV would round between its two passes."""
    side = 2 * round(_REACH * sigma) + 1
    smooth = cv2.GaussianBlur(
        pixels.astype(np.float32), (side, side), sigma, borderType=cv2.BORDER_REFLECT_101
    )
    return _eight_bits(np.asarray(smooth, dtype=np.float32))


def _eight_bits(values: np.ndarray) -> Pixels:
    """Round and clip (H, W, 3) float levels to uint8."""
    pixels: Pixels = np.rint(values).clip(0, 255).astype(np.uint8)
    return pixels
