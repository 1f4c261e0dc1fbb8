"""How good a training is so far, on images that it does not learn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from benchmark.core.tensors import to_pixels
from benchmark.metrics.fidelity import psnr
from benchmark.metrics.localisation import pixel_auc
from benchmark.training.recipe import Recipe

SHOWN = 6  # images on a sample sheet
MEASURED = 32  # held-out images that are measured, at most


def measure_of(recipe: Recipe) -> str:
    """The name of what is measured: "psnr" in dB for an inpainter, "auc" for a detector."""
    return "auc" if any(stage.forgers for stage in recipe.stages) else "psnr"


def measure(kind: str, columns: Sequence[Tensor], masks: Tensor) -> list[float]:
    """Measure what a learner shows of some images.

    Args:
        kind: "psnr" of the composite, the last column, against the image, the first, at 8 bits
            and over the whole of it; or "auc" of the heatmap, the third column, over pixels.
        columns: what `Learner.show` gives, each (N, 3, H, W).
        masks: (N, 1, H, W) of 0 and 1.

    Returns:
        A number for each image; none for an image without, or all, hole where "auc" is asked.
    """
    if kind == "psnr":
        found = psnr(to_pixels(columns[-1].clamp(0, 1).cpu()), to_pixels(columns[0].cpu()))
        return [float(value) for value in found]
    truths = masks[:, 0].cpu().numpy() > 0
    heatmaps = columns[2][:, 0].cpu().numpy()
    pairs = zip(heatmaps, truths, strict=True)
    return [pixel_auc(h, t) for h, t in pairs if t.any() and not t.all()]


def sheet_of(columns: Sequence[Tensor]) -> Tensor:
    """Columns of (N, 3, H, W) images side by side, a row each of the first few: (3, h, w)."""
    count = min(SHOWN, len(columns[0]))
    rows = [torch.cat([column[i].cpu() for column in columns], dim=2) for i in range(count)]
    return torch.cat(rows, dim=1).clamp(0, 1)


def mean_of(values: Sequence[float]) -> float | None:
    """Their mean, or None where there are none or one is not finite."""
    if not values or not np.isfinite(values).all():
        return None
    return float(np.mean(values))
