"""The detector's one door, `detect`, and its one hook, `_detect`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor

from benchmark.core.checks import check_answer, check_images
from benchmark.core.errors import BadOutput
from benchmark.core.model import Model
from benchmark.core.threads import network_threads
from benchmark.core.types import Detection


class Detector(Model, ABC):
    """Looks for manipulation; a subclass writes `card`, `_detect` and, with weights, `_load`."""

    @final
    @torch.inference_mode()
    def detect(self, images: Tensor) -> Detection:
        """Say where and whether images were manipulated.

        Args:
            images: (N, 3, H, W) float32, RGB in [0, 1].

        Returns:
            Heatmap, score and, where the detector gives it, confidence; float32 on the CPU.

        Raises:
            BadInput: if the images have another shape, type or range.
            BadOutput: if the model answers NaN or infinity, or another shape.
        """
        check_images(images, min_side=self.card.min_side)
        with network_threads(heavy=self.heavy):
            answer = self._detect(images.to(self.device, copy=True))  # it may write into it
        count, _, height, width = images.shape
        pixels = (count, height, width)
        confidence = answer.confidence
        return Detection(
            heatmap=self._checked("heatmap", answer.heatmap, pixels),
            score=self._checked("score", answer.score, (count,)),
            confidence=(
                None if confidence is None else self._checked("confidence", confidence, pixels)
            ),
        )

    def _checked(self, what: str, values: Tensor, shape: tuple[int, ...]) -> Tensor:
        check_answer(self.card.name, what, values, shape)
        values = values.detach().float().cpu()
        if not bool(torch.isfinite(values).all()):
            raise BadOutput(f"{self.card.name} answered NaN or infinity")
        return values.clamp(0, 1)

    @abstractmethod
    def _detect(self, images: Tensor) -> Detection:
        """The network's answer to (N, 3, H, W) RGB in [0, 1] on its device, every image alone."""


def area_score(heatmap: Tensor) -> Tensor:
    """Image-level score of a detector without one: the share of the heatmap above 0.5.

    Not the authors' definition; the paper's numbers are consistent with a threshold on it between
    1.1 % and 5.9 % of the image. The card's `threshold` is 0.02 and `score_from` is "area".

    Args:
        heatmap: (N, H, W) in [0, 1].

    Returns:
        (N,) float32 in [0, 1].
    """
    return (heatmap > 0.5).float().mean(dim=(1, 2))
