"""Inpainters without weights that bound every table."""

from __future__ import annotations

from torch import Tensor

from benchmark.core.card import Card
from inpainters.base import Inpainter


class Original(Inpainter):
    """Changes nothing: the authentic pictures that every detector must call authentic."""

    card = Card(name="original", title="no inpainting", paints=False)

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        return images


class MeanFill(Inpainter):
    """Paints the mean colour of the known region; mid-grey where nothing is known."""

    card = Card(name="meanfill", title="mean of the known region")

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        known = 1 - masks
        count = known.sum(dim=(2, 3), keepdim=True)
        mean = (images * known).sum(dim=(2, 3), keepdim=True) / count.clamp(min=1)
        return mean.where(count > 0, mean.new_tensor(0.5)).expand_as(images)
