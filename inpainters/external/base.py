"""Base class of external inpainters that exchange images by file name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from benchmark.core.errors import BadOutput
from benchmark.core.external.files import ExternalOptions
from benchmark.core.tensors import to_images, to_pixels
from benchmark.core.types import NamedImage, Pixels
from inpainters.base import Inpainter


class NamedInpainter(Inpainter):
    """Inpaints named 8-bit images one by one; a subclass defines `card` and `inpaint_named`."""

    @abstractmethod
    def inpaint_named(
        self, pieces: Sequence[NamedImage], terms: ExternalOptions
    ) -> list[Pixels | BadOutput]:
        """Inpaint images.

        Args:
            pieces: images, (H, W, 3) uint8 RGB, with their masks and names.
            terms: options of the run.

        Returns:
            For each piece, (H, W, 3) uint8 RGB of the same size, or the error. Known pixels may
            have changed: `benchmark.composite` decides what becomes of them.
        """

    def own(self, piece: NamedImage, terms: ExternalOptions) -> str:
        """The part of the key that is specific to a piece, such as the hash of its file; or ""."""
        return ""

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        pixels, holes = to_pixels(images), masks[:, 0].cpu().numpy() > 0
        pieces = [
            NamedImage(sample=str(number), image=image, mask=hole)
            for number, (image, hole) in enumerate(zip(pixels, holes, strict=True))
        ]
        inpainted = []
        for output in self.inpaint_named(pieces, ExternalOptions()):
            if isinstance(output, BadOutput):
                raise output
            inpainted.append(output)
        return to_images(np.stack(inpainted))
