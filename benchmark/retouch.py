"""What is done to a hole after its inpainter and before rounding: grain, blur, sharpening, median.

A step is written `grain:1.5`, `grain:match`, `blur:1`, `sharpen:0.5` or `median:3`; `none`, in keys
and files "", is the image as its inpainter left it. Retouching is a control: what a network gains
has to be seen beside what the same step does for one flat colour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmark.core.decimals import parse_number
from benchmark.core.errors import BadInput, BadOutput
from benchmark.core.types import Mask

REVISION = 2  # raised whenever the same hole comes out otherwise
NONE = "none"  # how a plan names the image as its inpainter left it
MATCH = "match"  # in place of a number: the sigma that the image itself asks for
FEWEST = 100  # residuals of either region that `grain:match` needs: its sigma is then sure to 10 %
RADIUS = 1.0  # sigma in pixels of the Gaussian that `sharpen` takes away
_KNOWN = "grain:SIGMA, grain:match, blur:SIGMA, sharpen:AMOUNT, median:SIZE, none"
_RANGES = {  # kind: (lowest, highest, what the number is)
    "grain": (0.01, 128.0, "SIGMA from 0.01 to 128 grey levels, or match"),
    "blur": (0.1, 32.0, "SIGMA from 0.1 to 32 pixels"),
    "sharpen": (0.01, 10.0, "AMOUNT from 0.01 to 10"),
    "median": (3.0, 15.0, "SIZE, an odd whole number of pixels from 3 to 15"),
}
_REACH = 4  # sigmas at which the Gaussian is cut off
_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601; they add up to 1
# Grey minus the mean of the 3x3 around it: slopes leave nothing. Narrower filters, such as
# Immerkaer's difference of Laplacians, hardly see grain beside the checkerboards of networks.
_HIGH_PASS = (np.array([[0, 0, 0], [0, 9, 0], [0, 0, 0]]) - 1).astype(np.float32) / 9
_GAIN = (8 / 9) ** 0.5  # white noise of sigma 1 comes out with this sigma
_STRONGEST = 512.0  # grey levels beyond which no matching sigma is looked for
_HALVINGS = 12  # of the range in which the matching sigma is looked for: to 0.05 %
_MAD = 1.4826  # from the median absolute deviation to the sigma of a normal distribution

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Retouch:
    """One step of retouching.

    Attributes:
        kind: "grain", "blur", "sharpen" or "median".
        strength: sigma of the grain in grey levels, None to match the known region's; sigma of the
            blur in pixels; share of the detail that sharpening adds; side of the median's square.

    Raises:
        BadInput: if the kind is unknown or the strength out of its range.
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
        """Read "grain:1.5" or "grain:match".

        Raises:
            BadInput: if that is no step of retouching.
        """
        kind, colon, number = (part.strip().lower() for part in text.partition(":"))
        strength = None if number == MATCH else parse_number(number)
        if not colon or (kind in _RANGES and strength != strength):  # noqa: PLR0124 (NaN is not itself)
            raise BadInput(f"retouching {text!r}: no strength. Known: {_KNOWN}.")
        return cls(cast("Literal['grain', 'blur', 'sharpen', 'median']", kind), strength)

    @property
    def label(self) -> str:
        """Its name in plans and tables, such as "grain:1.5"."""
        strength = MATCH if self.strength is None else f"{self.strength:.15g}"
        return f"{self.kind}:{strength}"

    @property
    def is_random(self) -> bool:
        """Whether the result depends on a seed."""
        return self.kind == "grain"

    def apply(self, image: Floats, hole: Mask, *, seed: int) -> Floats:
        """Retouch the hole of an image.

        A filter sees the whole image, so that the hole's rim fits to what is around it.

        Args:
            image: (H, W, 3) float32 RGB in [0, 1], the hole inpainted.
            hole: (H, W) bool, True = hole.
            seed: decides the grain; the same seed gives the same grain at every sigma, scaled.

        Returns:
            (H, W, 3) float32 in [0, 1]; outside the hole the image's own pixels, bit for bit.

        Raises:
            BadOutput: if `grain:match` has too few pixels to measure the hole or the known region.
        """
        if self.kind == "grain":
            sigma = self.strength
            if sigma is None:
                sigma = matching_sigma(image, hole, seed=seed)
            changed = _with_grain(image, sigma, hole, seed)
        elif self.kind == "median":
            changed = _median(image, int(self.strength or 0))
        elif self.kind == "blur":
            changed = _blur(image, self.strength or 0.0)
        else:
            changed = image + np.float32(self.strength or 0.0) * (image - _blur(image, RADIUS))
        return np.where(hole[..., None], changed.clip(0, 1), image)


def canonical(steps: Iterable[str]) -> tuple[str, ...]:
    """Steps as plans and keys have them; `none` alone is the default, which is ().

    Raises:
        BadInput: if one is no step of retouching.
    """
    words = [step.strip() for step in steps]
    labels = tuple(NONE if word.lower() == NONE else Retouch.parse(word).label for word in words)
    return () if labels == (NONE,) else labels


def retouched_name(inpainter: str, retouch: str) -> str:
    """What tables call an inpainter with a step of retouching, as "telea+grain:1.5"."""
    return f"{inpainter}+{retouch}" if retouch else inpainter


def file_name(inpainter: str, retouch: str) -> str:
    """The same as part of a file's name: no file system minds "telea+grain-1.5"."""
    return retouched_name(inpainter, retouch.replace(":", "-"))


def residual(image: Floats, region: Mask) -> float:
    """How strong the high frequencies of a region are, as the sigma of white noise.

    The median absolute deviation of grey minus its mean over 3x3, which a few strong edges do not
    move. A pixel counts if all of the 3x3 around it lies in the region.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        region: (H, W) bool.

    Returns:
        Grey levels (of 255); NaN where fewer than `FEWEST` pixels count.
    """
    kernel = np.ones((3, 3), np.uint8)
    inside = cv2.erode(
        region.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    if np.count_nonzero(inside) < FEWEST:
        return float("nan")
    passed = cv2.filter2D(255 * (image @ _GREY), cv2.CV_32F, _HIGH_PASS)
    values = passed[inside > 0]
    return _MAD * float(np.median(np.abs(values - np.median(values)))) / _GAIN


def matching_sigma(image: Floats, hole: Mask, *, seed: int) -> float:
    """The sigma of the grain that makes the hole's residual as strong as the known region's.

    Found by halving a range with the very grain that is added. sqrt(known^2 - own^2) would be the
    answer if the hole's own residual were normal; with that of smooth regions beside edges it gave
    up to a fifth too much.

    Args:
        image: (H, W, 3) float32 in [0, 1].
        hole: (H, W) bool, True = hole.
        seed: of the grain.

    Returns:
        Grey levels; 0 where the hole's residual is as strong already.

    Raises:
        BadOutput: if there are too few pixels to measure either, or no grain is strong enough.
    """
    known, own = residual(image, ~hole), residual(image, hole)
    for what, found in (("known region", known), ("hole", own)):
        if np.isnan(found):
            raise BadOutput(
                f"grain:match: the {what} has fewer than {FEWEST} pixels with all neighbours in "
                "it: too few to measure its grain; take grain:SIGMA"
            )
    if own >= known:
        return 0.0
    low, high = 0.0, 2 * known
    while residual(_with_grain(image, high, hole, seed), hole) < known:
        low, high = high, 2 * high
        if high > _STRONGEST:
            raise BadOutput(
                "grain:match: the hole is so bright or dark that grain is cut off before it is as "
                "strong as the known region's; take grain:SIGMA"
            )
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        weaker = residual(_with_grain(image, middle, hole, seed), hole) < known
        low, high = (middle, high) if weaker else (low, middle)
    return (low + high) / 2


def _with_grain(image: Floats, sigma: float, hole: Mask, seed: int) -> Floats:
    """Gaussian noise of `sigma` grey levels in the hole, the same in the three channels.

    What leaves [0, 1] is cut off: where a hole is white or black, half of its grain is.
    """
    drawn = np.random.default_rng(seed).standard_normal(image.shape[:2], dtype=np.float32)
    grainy = image + np.float32(sigma / 255) * drawn[..., None]
    return np.where(hole[..., None], grainy.clip(0, 1), image)


def _blur(image: Floats, sigma: float) -> Floats:
    side = 2 * round(_REACH * sigma) + 1
    smooth = cv2.GaussianBlur(image, (side, side), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(smooth, dtype=np.float32)


def _median(image: Floats, size: int) -> Floats:
    """Channel by channel; OpenCV's takes no float images beyond 5x5."""
    from scipy.ndimage import median_filter

    return np.asarray(median_filter(image, size=(size, size, 1), mode="mirror"), dtype=np.float32)
