"""Base class of detectors: the public method `detect`, and `_detect`, which a model implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor

from benchmark.core.checks import check_images, check_output
from benchmark.core.errors import BadOutput
from benchmark.core.model import Model
from benchmark.core.threads import network_threads
from benchmark.core.types import Detection


class Detector(Model, ABC):
    """Localizes manipulated pixels and classifies images.

    A subclass defines `card` and `_detect`, and `_load` if it has weights.
    """

    @final
    @torch.inference_mode()
    def detect(self, images: Tensor) -> Detection:
        """Predict where and whether images were manipulated.

        Args:
            images: (N, 3, H, W) float32, RGB in [0, 1].

        Returns:
            Heatmap (N, H, W), score (N,) and, if the detector has one, confidence (N, H, W);
            float32 in [0, 1] on the CPU.

        Raises:
            BadInput: if the images have the wrong shape, dtype or range.
            BadOutput: if an output has the wrong shape, or is NaN or infinite.
        """
        check_images(images, min_side=self.card.min_side)
        with network_threads(heavy=self.heavy):
            output = self._detect(images.to(self.device, copy=True))  # models may modify it
        count, _, height, width = images.shape
        pixels = (count, height, width)
        confidence = output.confidence
        return Detection(
            heatmap=self._checked("heatmap", output.heatmap, pixels),
            score=self._checked("score", output.score, (count,)),
            confidence=(
                None if confidence is None else self._checked("confidence", confidence, pixels)
            ),
        )

    def _checked(self, what: str, values: Tensor, shape: tuple[int, ...]) -> Tensor:
        check_output(self.card.name, what, values, shape)
        values = values.detach().float().cpu()
        if not bool(torch.isfinite(values).all()):
            raise BadOutput(f"{self.card.name}: the {what} is NaN or infinite")
        return values.clamp(0, 1)

    @abstractmethod
    def _detect(self, images: Tensor) -> Detection:
        """Detect; `detect` checks the output and clamps it to [0, 1].

        Args:
            images: (N, 3, H, W) float32 RGB in [0, 1] on the device. The output of an image must
                not depend on the other images of the batch.

        Returns:
            Heatmap (N, H, W), score (N,) and confidence (N, H, W) or None.
        """


def area_score(heatmap: Tensor) -> Tensor:
    """The area rule: the share of the heatmap above 0.5, the score of detectors without a score.

    Not defined by the authors; the numbers in the SafePaint paper are consistent with a threshold
    between 1.1 % and 5.9 % of the image. Cards with this rule have `threshold` 0.02 and
    `score_from` "area".

    Args:
        heatmap: (N, H, W) in [0, 1].

    Returns:
        (N,) float32 in [0, 1].
    """
    return (heatmap > 0.5).float().mean(dim=(1, 2))
