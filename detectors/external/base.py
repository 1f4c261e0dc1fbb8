"""Base class of external detectors that exchange images and heatmaps by file name."""

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
class ImageDetection:
    """The detection of one image.

    Attributes:
        heatmap: (H, W) float32 in [0, 1].
        score: in [0, 1], probability that the image was manipulated.
    """

    heatmap: Heatmap
    score: float


class NamedDetector(Detector):
    """Detects on named 8-bit images one by one; a subclass defines `card` and `detect_named`."""

    @abstractmethod
    def detect_named(
        self, pieces: Sequence[NamedImage], terms: ExternalOptions
    ) -> list[ImageDetection | BadOutput]:
        """Predict where and whether images were manipulated.

        Args:
            pieces: images, (H, W, 3) uint8 RGB, with their names and their inpainter.
            terms: options of the run.

        Returns:
            For each piece, its detection, or the error.
        """

    def own(self, piece: NamedImage, terms: ExternalOptions) -> str:
        """The part of the key that is specific to a piece, such as the hash of its file; or ""."""
        return ""

    def _detect(self, images: Tensor) -> Detection:
        pieces = [
            NamedImage(sample=str(number), image=image)
            for number, image in enumerate(to_pixels(images))
        ]
        found = []
        for output in self.detect_named(pieces, ExternalOptions()):
            if isinstance(output, BadOutput):
                raise output
            found.append(output)
        return Detection(
            heatmap=torch.from_numpy(np.stack([one.heatmap for one in found])),
            score=torch.tensor([one.score for one in found]),
        )
