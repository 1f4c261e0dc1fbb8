"""Detector of diffusion-based inpainting: local variance of the change of the Laplacian.

Li, Luo and Huang 2017, "Localization of diffusion-based inpainting in digital images", IEEE
Transactions on Information Forensics and Security 12(12), by its abstract: diffusion carries the
Laplacian along the isophotes, perpendicular to the gradient, so its change in this direction is
small where an image was inpainted (equations 1 and 2 of the SafePaint paper); features are local
variances of the change, within and between channels.

The paper gives these features to a trained classifier and refines its map by two operations that
the abstract does not name; its full text was not available. Assumed here, without training: the
variance within channels alone, its mean over the three channels, compared with the one that
rounding to 8 bits causes; the size of the window; and that pixels without a direction do not count,
which keeps flat and saturated areas out.
"""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.core.card import Card
from benchmark.core.tensors import to_pixels
from benchmark.core.types import Detection, Pixels
from detectors.base import Detector, area_score

TILE = 1 << 14  # pixels a side that are interpolated at once: OpenCV takes less than 2**15
WINDOW = 5  # side of the window of the local variance, in pixels
# Rounding to 8 bits has a variance of 1/12. The change of the 5-point Laplacian between neighbors
# has the coefficients 5, -5, 1, -1 and four times +-1, whose squares sum to 56.
ROUNDING = 56 / 12  # variance that rounding alone leaves, in squared 8-bit levels
HALF = 4 * ROUNDING  # variance with a heat of 0.5: twice the deviation that rounding leaves

_LAPLACIAN = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=np.float32)
_SLOPE = np.array([[-0.5, 0.0, 0.5]], dtype=np.float32)

Plane = NDArray[np.float32]  # (H, W), or (H, W, 3)


class Laplacian(Detector):
    """Heat is v / (v + variance of the change of the Laplacian along the isophotes)."""

    heavy = False
    card = Card(
        name="laplacian",
        title="Laplacian variance",
        paper="https://doi.org/10.1109/TIFS.2017.2730822",
        license="no code of the authors is used",
        sizes="any",
        score="share of the heatmap above 0.5, a rule of this project",
        score_from="area",
        threshold=0.02,
    )

    def _detect(self, images: torch.Tensor) -> Detection:
        maps = [torch.from_numpy(_heat(pixels)) for pixels in to_pixels(images.cpu())]
        heatmap = torch.stack(maps)
        return Detection(heatmap=heatmap, score=area_score(heatmap))


def _heat(pixels: Pixels) -> Plane:
    """Return the heatmap (H, W) in [0, 1] of an (H, W, 3) uint8 image."""
    planes = [isophote_change(pixels[..., channel]) for channel in range(3)]
    change, counted = (np.stack(one, axis=-1) for one in zip(*planes, strict=True))
    count = _window_sum(counted.astype(np.float32))
    share = 1 / np.maximum(count, 1)
    mean = _window_sum(change) * share
    variance = np.maximum(_window_sum(change * change) * share - mean * mean, 0)
    some = count > 0
    channels = some.sum(axis=2)
    within = (variance * some).sum(axis=2) / np.maximum(channels, 1)
    return np.where(channels > 0, HALF / (HALF + within), 0).astype(np.float32)


def isophote_change(channel: NDArray[np.uint8]) -> tuple[Plane, NDArray[np.bool_]]:
    """Return how the Laplacian changes over one pixel along the isophote.

    The Laplacian a pixel away is interpolated between its four neighbors.

    Args:
        channel: (H, W) uint8.

    Returns:
        The change (H, W) in 8-bit levels, and (H, W) whether it counts: False where the gradient
        is zero, so that there is no isophote, and where the value is 0 or 255 (saturated).
    """
    plane = channel.astype(np.float32)
    laplacian = cv2.filter2D(plane, cv2.CV_32F, _LAPLACIAN, borderType=cv2.BORDER_REFLECT)
    x = cv2.filter2D(plane, cv2.CV_32F, _SLOPE, borderType=cv2.BORDER_REFLECT)
    y = cv2.filter2D(plane, cv2.CV_32F, _SLOPE.T, borderType=cv2.BORDER_REFLECT)
    length = np.hypot(x, y)
    counts = (length > 0) & (channel > 0) & (channel < 255)
    length = np.where(length > 0, length, 1)
    right, down = (np.asarray(one / length, dtype=np.float32) for one in (-y, x))
    ahead = _interpolated(np.asarray(laplacian, dtype=np.float32), right, down)
    return np.where(counts, ahead - laplacian, 0).astype(np.float32), counts


def _interpolated(plane: Plane, right: Plane, down: Plane) -> Plane:
    """Return the values of a plane at most a pixel away, (H, W), in tiles that OpenCV can map."""
    found = np.empty_like(plane)
    for top, left in product(*(range(0, length, TILE) for length in plane.shape)):
        tile = slice(top, top + TILE), slice(left, left + TILE)
        near = tuple(slice(max(0, one.start - 2), one.stop + 2) for one in tile)
        rows, columns = np.indices(plane[tile].shape, dtype=np.float32)
        found[tile] = cv2.remap(
            plane[near],
            columns + (left - near[1].start) + right[tile],
            rows + (top - near[0].start) + down[tile],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
    return found


def _window_sum(planes: Plane) -> Plane:
    """Return the sum over the window around each pixel, (H, W, 3); zero outside the image."""
    size = (WINDOW, WINDOW)
    summed = cv2.boxFilter(
        planes, cv2.CV_32F, size, normalize=False, borderType=cv2.BORDER_CONSTANT
    )
    return np.asarray(summed, dtype=np.float32)
