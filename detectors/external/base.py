"""A detector outside this process: images go to it, or answers come from it, by their names."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.errors import BadOutput
from benchmark.core.external.files import Terms
from benchmark.core.tensors import to_pixels
from benchmark.core.types import Detection, Piece
from detectors.base import Detector

Heatmap = NDArray[np.float32]  # (H, W), in [0, 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDetection:
    """What a detector says of one image.

    Attributes:
        heatmap: (H, W) float32 in [0, 1].
        score: in [0, 1].
    """

    heatmap: Heatmap
    score: float


class NamedDetector(Detector):
    """Looks at 8-bit images by name, each for itself; a subclass writes `card` and `detect_named`."""

    @abstractmethod
    def detect_named(
        self, pieces: Sequence[Piece], terms: Terms
    ) -> list[ImageDetection | BadOutput]:
        """Say where and whether images were manipulated.

        Args:
            pieces: images with their names, and who inpainted them.
            terms: on what terms.

        Returns:
            What is said of each, or why there is nothing.
        """

    def own(self, piece: Piece, terms: Terms) -> str:
        """What decides the answer to this piece alone, such as the hash of its file; or ""."""
        return ""

    def _detect(self, images: Tensor) -> Detection:
        pieces = [
            Piece(sample=str(number), image=image) for number, image in enumerate(to_pixels(images))
        ]
        found = []
        for answer in self.detect_named(pieces, Terms()):
            if isinstance(answer, BadOutput):
                raise answer
            found.append(answer)
        return Detection(
            heatmap=torch.from_numpy(np.stack([one.heatmap for one in found])),
            score=torch.tensor([one.score for one in found]),
        )
