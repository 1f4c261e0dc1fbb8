"""The records that travel between the parts: frozen, keyword-only, with shapes and ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # `bench list` reads cards and names without loading torch
    from torch import Tensor

Pixels = NDArray[np.uint8]  # (H, W, 3) or (N, H, W, 3), RGB
Mask = NDArray[np.bool_]  # (H, W) or (N, H, W), True = hole
Rows = NDArray[np.float64]  # (N, K): what a metric measured on N samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One image with one hole.

    Attributes:
        id: name of the image within its data set.
        image: (H, W, 3) uint8 RGB, at evaluation size.
        mask: (H, W) bool, True = to be inpainted.
        bucket: range of the hole's share in percent, such as "10-20".
    """

    id: str
    image: Pixels
    mask: Mask
    bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedImage:
    """An image with its names, for a model that answers by name: a program, a folder of answers.

    Attributes:
        sample: name of the image within its data set.
        dataset: the data set's name.
        bucket: the hole's bucket, such as "10-20".
        inpainter: who inpainted it, or "" where it is to be inpainted.
        launder: what was done to it after inpainting, or "".
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, True = to be inpainted; None for a detector.
    """

    sample: str
    dataset: str = ""
    bucket: str = ""
    inpainter: str = ""
    launder: str = ""
    image: Pixels
    mask: Mask | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What a detector says about N images.

    Attributes:
        heatmap: (N, H, W) float32 in [0, 1], probability that the pixel was manipulated.
        score: (N,) float32 in [0, 1], probability that the image was manipulated.
        confidence: (N, H, W) float32 in [0, 1], how far the heatmap is to be trusted, or None for a
            detector that does not say.
    """

    heatmap: Tensor
    score: Tensor
    confidence: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A detection as it is kept: what every detection metric is computed from.

    Attributes:
        logits: (N, H, W) float16, log-odds that the pixel was manipulated, within +-30.
        score: (N,) float32 in [0, 1].
        threshold: the detector's own operating point: above it the image is called forged.
    """

    logits: NDArray[np.float16]
    score: NDArray[np.float32]
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All there is to measure about N samples of one size.

    Attributes:
        image: (N, H, W, 3) uint8 RGB, the untouched images.
        mask: (N, H, W) bool, True = hole.
        truth: (N, H, W) bool, True = manipulated: the mask, or nothing where nothing was inpainted.
        filled: (N, H, W, 3) uint8 RGB, what the inpainter published.
        verdict: what the detector said, or None where no detector was asked.
    """

    image: Pixels
    mask: Mask
    truth: Mask
    filled: Pixels
    verdict: Verdict | None = None
