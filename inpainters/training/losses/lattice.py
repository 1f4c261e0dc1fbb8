"""A penalty on checkerboard artifacts, which the strides of a network leave in its outputs.

Not from a paper. Transposed convolutions, and the strides of discriminators and feature networks,
give each phase of a pixel grid its own offset. L1 hardly penalizes it where the image is uncertain
anyway, and in a smooth region it is visible at half a gray level.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

PERIOD = 8  # pixels; includes patterns of period 2 and 4
FEWEST = 4  # pixels of a phase in an image's hole, for it to count
FAINT = (0.5 / 255) ** 2  # energy of the rounding to 8 bits: weaker patterns are invisible


def lattice(output: Tensor, masks: Tensor) -> Tensor:
    """The share of the high-frequency energy in the holes that repeats every 8 pixels.

    High frequencies are the difference from a mean over 8x8 pixels of the hole. For each phase (row
    and column modulo 8) the products of all pairs of its pixels are averaged: squares of single
    pixels are left out, so that non-repeating texture has an expected value of 0. The result is
    divided by the detached mean square, so that adding texture does not reduce the loss.

    Args:
        output: (N, 3, H, W), whole network outputs, about [0, 1]; H and W at least 8.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar, the mean over images: close to 1 for a checkerboard on a flat region, close to 0
        (sometimes below) for a natural image; 0 if no phase has `FEWEST` pixels in a hole.
    """
    fine = (output - _mean(output * masks) / _mean(masks).clamp(min=1e-6)) * masks
    sums, squares, counts = (_phases(part) for part in (fine, fine.square(), masks))
    pairs = (sums.square() - squares) / (counts * (counts - 1)).clamp(min=1)  # (N, 3, 8, 8)
    counted = (counts >= FEWEST).to(output).expand_as(pairs)
    repeated = (pairs * counted).sum(dim=(1, 2, 3)) / counted.sum(dim=(1, 2, 3)).clamp(min=1)
    holes = 3 * masks.sum(dim=(1, 2, 3)).clamp(min=1)
    energy = fine.detach().square().sum(dim=(1, 2, 3)) / holes
    return (repeated / (energy + FAINT)).mean()


def _mean(planes: Tensor) -> Tensor:
    """Box filter of 8x8 pixels on (N, C, H, W), zero padding."""
    before = PERIOD // 2
    after = PERIOD - 1 - before
    padded = F.pad(planes, (before, after, before, after))
    return F.avg_pool2d(padded, PERIOD, stride=1)


def _phases(planes: Tensor) -> Tensor:
    """Sum (N, C, H, W) over pixels of equal phase modulo 8: (N, C, 8, 8)."""
    count, channels, height, width = planes.shape
    rows, columns = height // PERIOD, width // PERIOD
    whole = planes[:, :, : rows * PERIOD, : columns * PERIOD]
    cells = whole.reshape(count, channels, rows, PERIOD, columns, PERIOD)
    summed: Tensor = torch.sum(cells, dim=(2, 4))
    return summed
