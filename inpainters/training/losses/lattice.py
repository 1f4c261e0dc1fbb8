"""The pattern that a network's strides leave in what it paints: a checkerboard.

No paper has this term. Transposed convolutions, and the strides of the networks that judge, give
each of a few phases of the pixel grid an error of its own. An absolute difference hardly sees it
where the picture is uncertain anyway.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

PERIOD = 8  # pixels; what repeats after 2 or 4 repeats after 8 as well
FEWEST = 4  # pixels of a phase in a picture's hole, for it to count


def lattice(output: Tensor, images: Tensor, masks: Tensor) -> Tensor:
    """How much of the error in the holes repeats every 8 pixels, across and down.

    Each phase's mean error, squared, where what is smooth has been taken off by a mean over 8x8
    pixels of the hole. Squares of single errors are left out (the sum of products of all pairs of
    pixels of a phase, divided by their number), so that texture, which does not repeat, costs
    nothing in the mean: the value may be below 0.

    Args:
        output: (N, 3, H, W) in [0, 1] or beyond, whole painted pictures; H and W at least 8.
        images: (N, 3, H, W) in [0, 1], untouched.
        masks: (N, 1, H, W), 1 = hole.

    Returns:
        A scalar, the mean over pictures, colours and phases; for a checkerboard of amplitude a, a
        squared. 0 where no hole has `FEWEST` pixels of a phase.
    """
    error = (output - images) * masks
    share = _mean(masks)
    rough = (error - _mean(error) / share.clamp(min=1e-6)) * masks
    sums, squares, counts = (_phases(part) for part in (rough, rough.square(), masks))
    pairs = counts * (counts - 1)
    alike = (sums.square() - squares) / pairs.clamp(min=1)
    counted = (counts >= FEWEST).to(output).expand_as(alike)
    return (alike * counted).sum() / counted.sum().clamp(min=1)


def _mean(planes: Tensor) -> Tensor:
    """The mean over 8x8 pixels around each; beyond the picture all is 0."""
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
