"""An inpainter outside this process: images go to it, or come from it, by their names."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from benchmark.core.errors import BadOutput
from benchmark.core.external.files import Terms
from benchmark.core.tensors import to_images, to_pixels
from benchmark.core.types import Piece, Pixels
from inpainters.base import Inpainter


class NamedInpainter(Inpainter):
    """Paints 8-bit images by name, each for itself; a subclass writes `card` and `inpaint_named`."""

    @abstractmethod
    def inpaint_named(self, pieces: Sequence[Piece], terms: Terms) -> list[Pixels | BadOutput]:
        """Paint images.

        Args:
            pieces: images with their masks and names.
            terms: on what terms.

        Returns:
            For each (H, W, 3) uint8 RGB of its size, known pixels as they came, or why there is
            none.
        """

    def own(self, piece: Piece, terms: Terms) -> str:
        """What decides the answer to this piece alone, such as the hash of its file; or ""."""
        return ""

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        pixels, holes = to_pixels(images), masks[:, 0].cpu().numpy() > 0
        pieces = [
            Piece(sample=str(number), image=image, mask=hole)
            for number, (image, hole) in enumerate(zip(pixels, holes, strict=True))
        ]
        painted = []
        for answer in self.inpaint_named(pieces, Terms()):
            if isinstance(answer, BadOutput):
                raise answer
            painted.append(answer)
        return to_images(np.stack(painted))
