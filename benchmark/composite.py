"""Compositing: what becomes of the known region, between the inpainter and retouching.

`splice` puts the known region of the authentic image back, `none` keeps the image as the inpainter
returned it, and `feather:PX` blends the two inside the hole. `splice` is the default: it is "" in
keys, files and tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmark.core.decimals import parse_number
from benchmark.core.errors import BadInput, BadOutput
from benchmark.core.types import Mask

REVISION = 1  # raised whenever the same output gives another image
SPLICE, NONE, FEATHER = "splice", "none", "feather"
NARROWEST, WIDEST = 2, 256  # pixels of a feather; one pixel would be splice
_KNOWN = f"{SPLICE}, {NONE}, {FEATHER}:PX"
_WHOLE = f"composite:{NONE}"  # "none" alone would not say of what in the name of a row
_STEP = rf"(\+({_WHOLE}|{FEATHER}:\d+))?"
_NAME = re.compile(rf"(?P<inpainter>.+?)(?P<treatment>{_STEP}(\+[a-z]+:[^+]+)?)", re.DOTALL)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Composite:
    """A compositing step.

    Attributes:
        kind: "splice", "none" or "feather".
        width: of the feather, in pixels from the border of the hole inwards; otherwise 0.

    Raises:
        BadInput: if the width is out of range.
    """

    kind: Literal["splice", "none", "feather"]
    width: int = 0

    def __post_init__(self) -> None:
        if self.kind == FEATHER and not NARROWEST <= self.width <= WIDEST:
            raise BadInput(
                f"composite {self.label}: expected {FEATHER}:PX with PX a whole number of pixels "
                f"from {NARROWEST} to {WIDEST}"
            )

    @classmethod
    def parse(cls, text: str) -> Composite:
        """Parse a step such as "none" or "feather:8"; "" is `splice`.

        Raises:
            BadInput: if it is not a compositing step.
        """
        kind, colon, number = (part.strip().lower() for part in text.partition(":"))
        if not colon and kind in ("", SPLICE, NONE):
            return cls("none" if kind == NONE else "splice")
        if kind != FEATHER:
            raise BadInput(f"no composite named {text!r}. Known: {_KNOWN}.")
        width = parse_number(number)
        if width != width or width % 1:  # noqa: PLR0124 (NaN is not itself)
            raise BadInput(
                f"composite {text!r}: expected {FEATHER}:PX with PX a whole number of pixels from "
                f"{NARROWEST} to {WIDEST}"
            )
        return cls("feather", int(width))

    @property
    def label(self) -> str:
        """Name in plans, such as "feather:8"."""
        return f"{self.kind}:{self.width}" if self.kind == FEATHER else self.kind

    def apply(self, output: Floats, image: Floats, hole: Mask) -> Floats:
        """Combine the output of an inpainter with the authentic image.

        Args:
            output: (H, W, 3) float32 RGB in [0, 1], the image as the inpainter returned it.
            image: (H, W, 3) float32 RGB in [0, 1], the authentic image.
            hole: (H, W) bool, True = hole.

        Returns:
            (H, W, 3) float32 in [0, 1]. Known pixels are the authentic image's, bit for bit, except
            with `none`, which returns `output`.

        Raises:
            BadOutput: if a known pixel of the output is NaN or infinite, with `none`.
        """
        if self.kind == NONE:
            if not np.isfinite(output).all():
                raise BadOutput("composite none: the known region of the output is NaN or infinite")
            return output
        if self.kind == SPLICE:
            return np.where(hole[..., None], output, image)
        inside = np.where(hole[..., None], output, image)  # a known pixel may be NaN
        weight = feather_weights(hole, self.width)[..., None]
        return weight * inside + (1 - weight) * image


def feather_weights(hole: Mask, width: int) -> Floats:
    """Return the weight of the inpainted image at each pixel.

    It is the distance to the nearest known pixel (Euclidean, between centers) over `width`, at most
    1: 0 at known pixels, 1 from `width` pixels inside the hole on. The border of the image is no
    border of the hole.

    Args:
        hole: (H, W) bool, True = hole.
        width: in pixels.

    Returns:
        (H, W) float32 in [0, 1]; 1 everywhere if nothing is known.
    """
    if hole.all():
        return np.ones(hole.shape, np.float32)
    distance = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    weights: Floats = np.minimum(distance / width, 1).astype(np.float32)
    return weights


def canonical(steps: Iterable[str]) -> tuple[str, ...]:
    """Normalize steps for plans; `splice` alone is the default, ().

    Raises:
        BadInput: if one is not a compositing step.
    """
    labels = tuple(Composite.parse(step).label for step in steps)
    return () if labels == (SPLICE,) else labels


def treatment_of(composite: str, retouch: str) -> str:
    """Return a composite and a retouching as one text for names and keys, in order of application.

    Args:
        composite: such as "none" or "feather:8"; "" for `splice`.
        retouch: such as "grain:1.5", or "".

    Returns:
        Such as "composite:none+grain:1.5", "feather:8" or "grain:1.5"; "" for neither.
    """
    shown = _WHOLE if composite == NONE else composite
    return "+".join(part for part in (shown, retouch) if part)


def split_treatment(treatment: str) -> tuple[str, str]:
    """Return the composite and the retouching of a treatment; the inverse of `treatment_of`."""
    first, _, rest = treatment.partition("+")
    if first == _WHOLE:
        return NONE, rest
    if first.startswith(f"{FEATHER}:"):
        return first, rest
    return "", treatment


def split_name(name: str) -> tuple[str, str]:
    """Return the inpainter and the treatment of a name in tables, such as "lama+composite:none".

    Only the parts of a treatment contain a colon.
    """
    found = _NAME.fullmatch(name)
    return (found["inpainter"], found["treatment"][1:]) if found else (name, "")
