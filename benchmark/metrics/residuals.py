"""Divergence of the residuals of the known and the inpainted region (docs/metrics/residual_kl.md).

Equation 4 of the SafePaint paper is the Kullback-Leibler divergence between the distributions of
known and of inpainted pixel values. Values themselves say what an image shows, so here they are
residuals: what remains of a pixel after a prediction from its neighbors.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import BadInput
from benchmark.core.types import Case, Mask, Pixels, Rows
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import Bounds, Values

LARGEST = 20  # levels: residuals beyond count in the two outermost bins
BINS = 2 * LARGEST + 1  # one level wide, around 0
PRIOR = 0.5  # added to the count of every bin of both histograms (Krichevsky and Trofimov 1981)


def residual_kl(filled: Pixels, mask: Mask) -> Values:
    """Return D_KL(known || inpainted) of the distributions of residuals, in nats.

    The residual is that of the 3x3 filter of Ker and Boehme 2008, (-1 2 -1, 2 -4 2, -1 2 -1) / 4,
    which is zero on every image whose rows or columns are ramps. Residuals of the three channels
    are pooled. Pixels count whose whole 3x3 window is inside the image, and known or inpainted.

    Args:
        filled: (N, H, W, 3) uint8, the inpainted images.
        mask: (N, H, W) bool, True = hole.

    Returns:
        (N,) at least 0; NaN if no pixel of one of the regions counts.

    Raises:
        BadInput: if an argument has another shape or type.
    """
    if filled.dtype != np.uint8 or filled.ndim != 4 or filled.shape[3] != 3:
        raise BadInput(f"filled: expected uint8 (N, H, W, 3), got {filled.dtype} {filled.shape}")
    if mask.dtype != np.bool_ or mask.shape != filled.shape[:3]:
        raise BadInput(f"mask: expected bool {filled.shape[:3]}, got {mask.dtype} {mask.shape}")
    if min(filled.shape[1:3]) < 3:
        return np.full(len(filled), np.nan)
    return np.array([_divergence(*pair) for pair in zip(filled, mask, strict=True)])


class ResidualKL(Metric):
    """`residual_kl`: divergence of inpainted from known residuals, then the mean over images.

    Its null is the row of the inpainter `original`: the divergence of the same regions of the
    authentic image.
    """

    name, title, unit, decimals = "residual_kl", "Residual KL", "nats", 3
    bounds = Bounds(low=0.0)
    better = "lower"
    needs = "filled"
    note = (
        "Residual KL: equation 4 on 3x3 residuals; compare with the row of `original`, the same "
        "regions of the authentic images, which is not 0."
    )

    def measure(self, case: Case) -> Rows:
        """Return (N, 1) float64 in nats, NaN if a region is thinner than 3 pixels everywhere."""
        return residual_kl(case.filled, case.mask)[:, None]


def _divergence(pixels: Pixels, hole: Mask) -> float:
    """Return the divergence of one image (H, W, 3) with its hole (H, W)."""
    binned = _binned(pixels)
    inside, outside = (_whole(region)[1:-1, 1:-1] for region in (hole, ~hole))
    if not inside.any() or not outside.any():
        return float("nan")
    known, inpainted = (_distribution(binned[region]) for region in (outside, inside))
    return max(0.0, float((known * np.log(known / inpainted)).sum()))  # below 0 by rounding only


def _binned(pixels: Pixels) -> NDArray[np.int64]:
    """Return the bin of each residual, (H, W, 3) to (H-2, W-2, 3), from 0 to BINS - 1."""
    values = pixels.astype(np.int64)
    across = 2 * values[:, 1:-1] - values[:, :-2] - values[:, 2:]
    quarters = across[:-2] + across[2:] - 2 * across[1:-1]  # of a level
    levels = np.clip((quarters + 2) // 4, -LARGEST, LARGEST)
    return np.asarray(levels + LARGEST, dtype=np.int64)


def _whole(region: Mask) -> Mask:
    """Return the pixels whose 3x3 window is inside a region, (H, W)."""
    eroded = cv2.erode(region.astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(eroded, dtype=np.bool_)


def _distribution(binned: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the (BINS,) probabilities of bins, none of them 0."""
    counts = np.bincount(binned.ravel(), minlength=BINS) + PRIOR
    return np.asarray(counts / counts.sum(), dtype=np.float64)
