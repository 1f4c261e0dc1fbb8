"""Retouching of the inpainted hole before rounding: grain, blur, sharpening, median.

A step is written `grain:1.5`, `grain:match`, `blur:1`, `sharpen:0.5` or `median:3`; `none`, which
is "" in keys and files, is no retouching. Retouching is a control: the gain of a network must be
compared with that of a flat color under the same step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

import cv2
import numpy as np

from benchmark.core.decimals import parse_number
from benchmark.core.errors import BadInput, BadOutput
from benchmark.core.filters import Floats, gaussian, median, unsharp
from benchmark.core.types import Mask

REVISION = 2  # raised whenever the same hole is changed to other pixels
NONE = "none"  # no retouching, in plans
MATCH = "match"  # in place of a number: the sigma is estimated from the image
FEWEST = 100  # pixels of either region that `grain:match` needs for a sigma within 10 %
_KNOWN = "grain:SIGMA, grain:match, blur:SIGMA, sharpen:AMOUNT, median:SIZE, none"
_RANGES = {  # kind: (lowest, highest, what the number is)
    "grain": (0.01, 128.0, "SIGMA from 0.01 to 128 gray levels, or match"),
    "blur": (0.1, 32.0, "SIGMA from 0.1 to 32 pixels"),
    "sharpen": (0.01, 10.0, "AMOUNT from 0.01 to 10"),
    "median": (3.0, 15.0, "SIZE, an odd whole number of pixels from 3 to 15"),
}
_GRAY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601; the sum is 1
# Gray minus its 3x3 mean: zero on linear slopes. Narrower filters, such as Immerkaer's difference
# of Laplacians, hardly respond to grain beside the checkerboard artifacts of networks.
_HIGH_PASS = (np.array([[0, 0, 0], [0, 9, 0], [0, 0, 0]]) - 1).astype(np.float32) / 9
_GAIN = (8 / 9) ** 0.5  # standard deviation of filtered white noise of sigma 1
_STRONGEST = 512.0  # largest matching sigma, in 8-bit levels
_HALVINGS = 12  # bisection steps for the matching sigma: 0.05 % of the range
_MAD = 1.4826  # sigma of a normal distribution over its median absolute deviation


@dataclass(frozen=True, slots=True)
class Retouch:
    """A retouching step.

    Attributes:
        kind: "grain", "blur", "sharpen" or "median".
        strength: sigma of the grain in 8-bit levels, None to match the known region's; sigma of the
            blur in pixels; share of the detail that sharpening adds; window size of the median.

    Raises:
        BadInput: if the kind is unknown or the strength out of range.
    """

    kind: Literal["grain", "blur", "sharpen", "median"]
    strength: float | None

    def __post_init__(self) -> None:
        if self.kind not in _RANGES:
            raise BadInput(f"no retouching named {self.kind!r}. Known: {_KNOWN}.")
        low, high, what = _RANGES[self.kind]
        if self.strength is None:
            fits = self.kind == "grain"
        else:
            odd = self.kind != "median" or self.strength % 2 == 1
            fits = low <= self.strength <= high and odd
        if not fits:
            raise BadInput(
                f"retouching {self.label}: expected {self.kind}:{what}. Known: {_KNOWN}."
            )

    @classmethod
    def parse(cls, text: str) -> Retouch:
        """Parse a step such as "grain:1.5" or "grain:match".

        Raises:
            BadInput: if it is not a retouching step.
        """
        kind, colon, number = (part.strip().lower() for part in text.partition(":"))
        strength = None if number == MATCH else parse_number(number)
        if not colon or (kind in _RANGES and strength != strength):  # noqa: PLR0124 (NaN is not itself)
            raise BadInput(f"retouching {text!r}: no strength. Known: {_KNOWN}.")
        return cls(cast("Literal['grain', 'blur', 'sharpen', 'median']", kind), strength)

    @property
    def label(self) -> str:
        """Name in plans and tables, such as "grain:1.5"."""
        strength = MATCH if self.strength is None else f"{self.strength:.15g}"
        return f"{self.kind}:{strength}"

    @property
    def is_random(self) -> bool:
        """Whether the result depends on a seed."""
        return self.kind == "grain"

    def apply(self, image: Floats, hole: Mask, *, seed: int) -> Floats:
        """Retouch the hole of an image.

        Filters use the whole image, so that the hole's boundary matches its surroundings.

        Args:
            image: (H, W, 3) float32 RGB in [0, 1], the inpainted image.
            hole: (H, W) bool, True = hole.
            seed: seed of the grain, which scales with sigma for the same seed.

        Returns:
            (H, W, 3) float32 in [0, 1]; known pixels are the image's, bit for bit.

        Raises:
            BadOutput: if `grain:match` has too few pixels to measure the hole or the known region.
        """
        if self.kind == "grain":
            sigma = self.strength
            if sigma is None:
                sigma = matching_sigma(image, hole, seed=seed)
            changed = _with_grain(image, sigma, hole, seed)
        elif self.kind == "median":
            changed = median(image, int(self.strength or 0))
        elif self.kind == "blur":
            changed = gaussian(image, self.strength or 0.0)
        else:
            changed = unsharp(image, self.strength or 0.0)
        return np.where(hole[..., None], changed.clip(0, 1), image)


def canonical(steps: Iterable[str]) -> tuple[str, ...]:
    """Normalize steps for plans and keys; `none` alone is the default, ().

    Raises:
        BadInput: if one is not a retouching step.
    """
    words = [step.strip() for step in steps]
    labels = tuple(NONE if word.lower() == NONE else Retouch.parse(word).label for word in words)
    return () if labels == (NONE,) else labels


def retouched_name(inpainter: str, retouch: str) -> str:
    """Return the name of a retouched inpainter in tables, such as "telea+grain:1.5"."""
    return f"{inpainter}+{retouch}" if retouch else inpainter


def file_name(inpainter: str, retouch: str) -> str:
    """Return the same as part of a file name, valid on every file system: "telea+grain-1.5"."""
    return retouched_name(inpainter, retouch.replace(":", "-"))


def residual(image: Floats, region: Mask) -> float:
    """Estimate the noise level of a region: the sigma of white noise with the same residual.

    Uses the median absolute deviation of gray minus its 3x3 mean, which is robust to a few strong
    edges. A pixel counts if its 3x3 neighborhood is in the region.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        region: (H, W) bool.

    Returns:
        Sigma in 8-bit levels; NaN if fewer than `FEWEST` pixels count.
    """
    kernel = np.ones((3, 3), np.uint8)
    inside = cv2.erode(
        region.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    if np.count_nonzero(inside) < FEWEST:
        return float("nan")
    passed = cv2.filter2D(255 * (image @ _GRAY), cv2.CV_32F, _HIGH_PASS)
    values = passed[inside > 0]
    return _MAD * float(np.median(np.abs(values - np.median(values)))) / _GAIN


def matching_sigma(image: Floats, hole: Mask, *, seed: int) -> float:
    """Find the sigma of grain with which the hole's `residual` equals the known region's.

    By bisection with the very grain that is added: sqrt(known^2 - own^2) would hold if the hole's
    own residual were normally distributed; with smooth regions beside edges it is up to a fifth too
    large.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        hole: (H, W) bool, True = hole.
        seed: seed of the grain.

    Returns:
        Sigma in 8-bit levels; 0 if the hole's residual is as strong already.

    Raises:
        BadOutput: if either region has too few pixels, or no grain is strong enough.
    """
    known, own = residual(image, ~hole), residual(image, hole)
    for what, found in (("known region", known), ("hole", own)):
        if np.isnan(found):
            raise BadOutput(
                f"grain:match: the {what} has fewer than {FEWEST} pixels with all neighbors in "
                "it: too few to measure its grain; use grain:SIGMA"
            )
    if own >= known:
        return 0.0
    low, high = 0.0, 2 * known
    while residual(_with_grain(image, high, hole, seed), hole) < known:
        low, high = high, 2 * high
        if high > _STRONGEST:
            raise BadOutput(
                "grain:match: the hole is so bright or dark that grain is clipped before it is as "
                "strong as the known region's; use grain:SIGMA"
            )
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        weaker = residual(_with_grain(image, middle, hole, seed), hole) < known
        low, high = (middle, high) if weaker else (low, middle)
    return (low + high) / 2


def _with_grain(image: Floats, sigma: float, hole: Mask, seed: int) -> Floats:
    """Add Gaussian noise of `sigma` 8-bit levels in the hole, equal in the three channels.

    Image (H, W, 3) float32 and hole (H, W) bool; values are clipped to [0, 1], so that a white or
    black hole loses half of its grain.
    """
    noise = np.random.default_rng(seed).standard_normal(image.shape[:2], dtype=np.float32)
    grainy = image + np.float32(sigma / 255) * noise[..., None]
    return np.where(hole[..., None], grainy.clip(0, 1), image)
