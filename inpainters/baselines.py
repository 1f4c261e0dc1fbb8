"""Trivial baselines without weights: no inpainting, and the mean color."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.tensors import known_mean
from inpainters.base import Inpainter


class Original(Inpainter):
    """Returns the authentic images; every detection on them is a false positive."""

    heavy = False
    card = Card(name="original", title="no inpainting", sizes="any", paints=False, sees_hole=True)

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        return images


class MeanFill(Inpainter):
    """Fills holes with the mean color of the known region; mid-gray if nothing is known."""

    heavy = False
    card = Card(name="meanfill", title="mean of the known region", sizes="any")

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        return torch.where(masks.bool(), known_mean(images, masks), images)
