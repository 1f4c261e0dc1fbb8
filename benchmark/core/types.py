"""Data types shared by all parts, with shapes, dtypes and ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # `bench list` reads cards and names without loading torch
    from torch import Tensor

Pixels = NDArray[np.uint8]  # (H, W, 3) or (N, H, W, 3), RGB
Mask = NDArray[np.bool_]  # (H, W) or (N, H, W), True = hole
Rows = NDArray[np.float64]  # (N, K): the K values of a metric for each of N samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """An image with a mask.

    Attributes:
        id: name of the image within its data set.
        image: (H, W, 3) uint8 RGB, at evaluation size.
        mask: (H, W) bool, True = to be inpainted.
        bucket: mask-ratio bin in percent, such as "10-20".
    """

    id: str
    image: Pixels
    mask: Mask
    bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedImage:
    """An image and its names, for external models: programs, folders of finished outputs.

    Attributes:
        sample: name of the image within its data set.
        dataset: the data set's name.
        bucket: the mask-ratio bin, such as "10-20".
        inpainter: the inpainter of the image, or "" if it is to be inpainted.
        launder: post-processing after inpainting, or "".
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
    """A detector's output for N images.

    Attributes:
        heatmap: (N, H, W) float32 in [0, 1], probability that the pixel was manipulated.
        score: (N,) float32 in [0, 1], probability that the image was manipulated.
        confidence: (N, H, W) float32 in [0, 1], confidence in the heatmap, or None if the detector
            does not predict it.
    """

    heatmap: Tensor
    score: Tensor
    confidence: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A detection as stored: the input of every detection metric.

    Attributes:
        logits: (N, H, W) float16, log-odds that the pixel was manipulated, within +-30.
        score: (N,) float32 in [0, 1].
        threshold: the detector's operating point: an image with a higher score counts as forged.
    """

    logits: NDArray[np.float16]
    score: NDArray[np.float32]
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The input of a metric: N samples of one size.

    Attributes:
        image: (N, H, W, 3) uint8 RGB, the authentic images.
        mask: (N, H, W) bool, True = hole.
        truth: (N, H, W) bool, True = manipulated: the mask, or all False if nothing was inpainted.
        filled: (N, H, W, 3) uint8 RGB, the inpainted images.
        verdict: the detector's output, or None without a detector.
    """

    image: Pixels
    mask: Mask
    truth: Mask
    filled: Pixels
    verdict: Verdict | None = None
