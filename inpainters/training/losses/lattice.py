"""The pattern that a network's strides leave in what it inpaints: a checkerboard.

No paper has this term. Transposed convolutions, and the strides of the networks that judge, give
each phase of a grid of pixels a value of its own. An absolute difference hardly sees it where the
image is uncertain anyway, and in a smooth fill the eye sees half a grey level.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

PERIOD = 8  # pixels; what repeats after 2 or 4 repeats after 8 as well
FEWEST = 4  # pixels of a phase in an image's hole, for it to count
FAINT = (0.5 / 255) ** 2  # energy of the rounding to 8 bits: below it nothing can be seen


def lattice(output: Tensor, masks: Tensor) -> Tensor:
    """Which share of the fine structure in the holes repeats every 8 pixels, across and down.

    Fine structure is what a mean over 8x8 pixels of the hole takes out. Of the pixels of a phase
    (row and column modulo 8) the products of all pairs are averaged: squares of single pixels are
    left out, so that texture, which does not repeat, costs nothing in the mean. Divided by the
    mean square, through which no gradient goes: making texture is no way out.

    Args:
        output: (N, 3, H, W) in [0, 1] or beyond, whole inpainted images; H and W at least 8.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar, the mean over images: near 1 for a checkerboard on a plain fill, near 0 (and now
        and then below) for an image; 0 where no hole has `FEWEST` pixels of a phase.
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
    """The mean over 8x8 pixels around each; beyond the image all is 0."""
    before = PERIOD // 2
    after = PERIOD - 1 - before
    padded = F.pad(planes, (before, after, before, after))
    return F.avg_pool2d(padded, PERIOD, stride=1)


def _phases(planes: Tensor) -> Tensor:
    """(N, C, H, W) summed over pixels that are multiples of 8 apart: (N, C, 8, 8)."""
    count, channels, height, width = planes.shape
    rows, columns = height // PERIOD, width // PERIOD
    whole = planes[:, :, : rows * PERIOD, : columns * PERIOD]
    cells = whole.reshape(count, channels, rows, PERIOD, columns, PERIOD)
    summed: Tensor = torch.sum(cells, dim=(2, 4))
    return summed
