"""Validation on held-out images: PSNR of composites, or pixel AUC of heatmaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchmark.core.tensors import to_pixels
from benchmark.metrics.fidelity import psnr
from benchmark.metrics.localization import pixel_auc
from benchmark.training.recipe import Recipe

SHEET_ROWS = 6  # images on a sample sheet
MAX_MEASURED = 32  # largest number of held-out images to validate on


def metric_of(recipe: Recipe) -> str:
    """The validation metric of a recipe: "psnr" (dB) for an inpainter, "auc" for a detector."""
    return "auc" if recipe.detects else "psnr"


def measure(kind: str, columns: Sequence[Tensor], masks: Tensor) -> list[float]:
    """Compute the validation metric for each image.

    Args:
        kind: "psnr" of the composite (last column) against the image (first column), at 8 bits,
            over the whole image; or "auc" of the heatmap (third column), over pixels.
        columns: the output of `Learner.show`, each (N, 3, H, W).
        masks: (N, 1, H, W) of 0 and 1; for "auc" also -1, of pixels that are left out.

    Returns:
        One value per image; for "auc" without images whose mask is all 0 or all 1.
    """
    if kind == "psnr":
        found = psnr(to_pixels(columns[-1].clamp(0, 1).cpu()), to_pixels(columns[0].cpu()))
        return [float(value) for value in found]
    truths = masks[:, 0].cpu().numpy()
    heatmaps = columns[2][:, 0].cpu().numpy()
    pairs = [(h[t >= 0][None], t[t >= 0][None] > 0) for h, t in zip(heatmaps, truths, strict=True)]
    return [pixel_auc(h, t) for h, t in pairs if t.any() and not t.all()]


def sample_sheet(columns: Sequence[Tensor]) -> Tensor:
    """Tile columns of (N, 3, H, W) images, one row per image, into a (3, h, w) sheet in [0, 1]."""
    count = min(SHEET_ROWS, len(columns[0]))
    rows = [torch.cat([column[i].cpu() for column in columns], dim=2) for i in range(count)]
    return torch.cat(rows, dim=1).clamp(0, 1)


def finite_mean(values: Sequence[float]) -> float | None:
    """The mean, or None if there are no values or one is not finite."""
    if not values or not np.isfinite(values).all():
        return None
    return float(np.mean(values))
