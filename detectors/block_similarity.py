"""Detector of exemplar-based inpainting: abnormal similarity of block pairs.

Wu, Sun, Zhu, Li and Tu 2008, "Detection of digital doctoring in exemplar-based inpainted images",
International Conference on Machine Learning and Cybernetics, by its abstract: zero-connectivity
labeling of block pairs gives every block its degree of matching; an ascending semi-trapezoid
membership function makes it a fuzzy membership of the tampered region, which a cut set takes.

The full text was not available. Assumed here: a zero is a pixel whose three channels are equal in
both blocks; the length is the number of pixels of the largest 8-connected component of zeros; the
sizes and ends below. The paper has a suspicious region marked; here all blocks are compared. Rules
of this project: pixels of flat areas are no zeros, since they are equal anywhere; blocks that
overlap are not compared. Both blocks of a pair get its length: a copy and its original look alike.

Comparing all pairs is quadratic in pixels. A pair with a long component has a 3x3 window in common,
so only shifts between equal windows are compared: each window with the next `NEIGHBORS` equal ones
in reading order, and no more than `SHIFTS` shifts and `COMPONENTS` components, the most frequent
shifts first.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.core.card import Card
from benchmark.core.tensors import to_pixels
from benchmark.core.types import Detection, Mask, Pixels
from detectors.base import Detector, area_score

SIDE = 9  # of a block, in pixels; blocks are centered at every pixel
FLAT = 4  # largest difference in a 3x3 window of a flat area, in 8-bit levels
NEIGHBORS = 8
SHIFTS = 4000
COMPONENTS = 50_000  # of zeros, over all shifts: photographs have hundreds, dots millions
LOW, HIGH = SIDE, SIDE**2 / 2  # lengths with membership 0 and 1: a row, half a block
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, for the hash of a window

Codes = NDArray[np.uint64]  # (H, W), a number per color
Lengths = NDArray[np.float32]  # (H, W), in pixels


class BlockSimilarity(Detector):
    """Heat is the fuzzy membership of the zero-connectivity length of the block at each pixel."""

    heavy = False
    card = Card(
        name="block-similarity",
        title="block similarity",
        paper="https://doi.org/10.1109/ICMLC.2008.4620591",
        license="no code of the authors is used",
        sizes="any",
        score="share of the heatmap above 0.5, a rule of this project",
        score_from="area",
        threshold=0.02,
    )

    def _detect(self, images: torch.Tensor) -> Detection:
        lengths = np.stack([zero_lengths(pixels) for pixels in to_pixels(images.cpu())])
        heatmap = torch.from_numpy(np.clip((lengths - LOW) / (HIGH - LOW), 0, 1))
        return Detection(heatmap=heatmap, score=area_score(heatmap))


def zero_lengths(pixels: Pixels) -> Lengths:
    """Return the longest zero-connectivity length of the block around each pixel.

    Args:
        pixels: (H, W, 3) uint8.

    Returns:
        (H, W) float32, from 0 to the pixels of a block.
    """
    codes = pixels.astype(np.uint64) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint64)
    kernel = np.ones((3, 3), np.uint8)
    spread = cv2.dilate(pixels, kernel) - cv2.erode(pixels, kernel)
    textured = spread.max(axis=2) > FLAT
    longest = np.zeros(codes.shape, np.float32)
    budget = COMPONENTS
    for shift in _shifts(codes, textured):
        budget -= _compare(codes, textured, shift, longest, budget)
        if not budget:
            break
    return longest


def _shifts(codes: Codes, textured: Mask) -> Iterator[tuple[int, int]]:
    """Yield the shifts between equal textured 3x3 windows, the most frequent first."""
    height, width = codes.shape
    if min(height, width) < 3:
        return
    hashes = np.zeros((height - 2, width - 2), np.uint64)
    for y, x in np.ndindex(3, 3):
        hashes = hashes * _FACTOR + codes[y : y + height - 2, x : x + width - 2] + np.uint64(1)
    at = np.flatnonzero(textured[1:-1, 1:-1])
    at = at[np.argsort(hashes.ravel()[at], kind="stable")]
    sorted_hashes = hashes.ravel()[at]
    rows, columns = np.divmod(at, width - 2)
    found = []
    for step in range(1, NEIGHBORS + 1):
        equal = sorted_hashes[step:] == sorted_hashes[:-step]
        down = (rows[step:] - rows[:-step])[equal]  # never negative: in reading order
        right = (columns[step:] - columns[:-step])[equal]
        apart = np.maximum(down, np.abs(right)) >= SIDE
        found.append((down * 2 * width + right + width)[apart])
    shifts, counts = np.unique(np.concatenate(found), return_counts=True)
    for shift in shifts[np.argsort(-counts, kind="stable")[:SHIFTS]]:
        down, right = divmod(int(shift), 2 * width)
        yield down, right - width


def _compare(
    codes: Codes, textured: Mask, shift: tuple[int, int], longest: Lengths, most: int
) -> int:
    """Raise `longest` to the lengths of all pairs of blocks that are `shift` apart.

    Returns:
        The number of components that were looked at, `most` at the highest.
    """
    height, width = codes.shape
    down, right = shift
    one = (slice(0, height - down), slice(max(0, -right), width - max(0, right)))
    other = (slice(down, height), slice(max(0, right), width - max(0, -right)))
    zeros = ((codes[one] == codes[other]) & textured[one]).astype(np.uint8)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(zeros, connectivity=8)
    reach = SIDE // 2
    long = np.flatnonzero(boxes[1:, cv2.CC_STAT_AREA] > LOW)[:most] + 1
    for label in long:
        left, top, wide, high, _ = boxes[label]
        near = (
            slice(max(0, top - reach), top + high + reach),
            slice(max(0, left - reach), left + wide + reach),
        )
        inside = (labels[near] == label).astype(np.float32)
        length = cv2.boxFilter(
            inside, cv2.CV_32F, (SIDE, SIDE), normalize=False, borderType=cv2.BORDER_CONSTANT
        )
        for part in (one, other):
            best = longest[part][near]  # a view
            np.maximum(best, length, out=best)
    return len(long)
