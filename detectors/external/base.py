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
from benchmark.core.external.files import ExternalOptions
from benchmark.core.tensors import to_pixels
from benchmark.core.types import Detection, NamedImage
from detectors.base import Detector

Heatmap = NDArray[np.float32]  # (H, W), in [0, 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a detector says of one image.

    Attributes:
        heatmap: (H, W) float32 in [0, 1].
        score: in [0, 1].
    """

    heatmap: Heatmap
    score: float


class NamedDetector(Detector):
    """Looks at 8-bit images by name, each for itself; a subclass writes `card` and `look`."""

    @abstractmethod
    def look(self, pieces: Sequence[NamedImage], terms: ExternalOptions) -> list[Look | BadOutput]:
        """Say where and whether images were manipulated.

        Args:
            pieces: images with their names, and who inpainted them.
            terms: on what terms.

        Returns:
            What is said of each, or why there is nothing.
        """

    def own(self, piece: NamedImage, terms: ExternalOptions) -> str:
        """What decides the answer to this piece alone, such as the hash of its file; or ""."""
        return ""

    def _detect(self, images: Tensor) -> Detection:
        pieces = [
            NamedImage(sample=str(number), image=image)
            for number, image in enumerate(to_pixels(images))
        ]
        looks = []
        for answer in self.look(pieces, ExternalOptions()):
            if isinstance(answer, BadOutput):
                raise answer
            looks.append(answer)
        return Detection(
            heatmap=torch.from_numpy(np.stack([look.heatmap for look in looks])),
            score=torch.tensor([look.score for look in looks]),
        )
