"""Inpainters without weights that bound every table."""

from __future__ import annotations

from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.tensors import known_mean
from inpainters.base import Inpainter


class Original(Inpainter):
    """Changes nothing: the authentic images that every detector must call authentic."""

    heavy = False
    card = Card(name="original", title="no inpainting", sizes="any", paints=False, sees_hole=True)

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        return images


class MeanFill(Inpainter):
    """Paints the mean colour of the known region; mid-grey where nothing is known."""

    heavy = False
    card = Card(name="meanfill", title="mean of the known region", sizes="any")

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        return known_mean(images, masks).expand_as(images)
