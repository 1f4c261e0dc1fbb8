"""The inpainter's one door, `inpaint`, and its one hook, `_fill`."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.core.checks import check_answer, check_images, check_masks
from benchmark.core.errors import BadInput, BadOutput, SizeWarning
from benchmark.core.model import Model
from benchmark.core.threads import network_threads


class Inpainter(Model, ABC):
    """Paints the holes of images; a subclass writes `card`, `_fill` and, with weights, `_load`."""

    _size_warned = False

    @final
    @torch.inference_mode()
    def inpaint(
        self,
        images: Tensor,
        masks: Tensor,
        *,
        seed: int = 0,
        latents: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Paint the holes.

        Args:
            images: (N, 3, H, W) float32, RGB in [0, 1].
            masks: (N, 1, H, W) float32, 1 = to be inpainted.
            seed: all that the model draws is drawn from it, on the CPU, the same for each image.
            latents: named random inputs to use instead of drawing them, for a model that has any.

        Returns:
            (N, 3, H, W) float32 in [0, 1] on the CPU; known pixels are the input's, bit for bit.

        Raises:
            BadInput: if an argument has another shape, type or range.
            BadOutput: if the model answers NaN or infinity inside a hole, or another shape.
        """
        check_images(images, min_side=self.card.min_side)
        check_masks(masks, images)
        surplus = sorted(set(latents or {}) - set(self.card.latents))
        if surplus:
            raise BadInput(f"{self.card.name} takes no latents named {', '.join(surplus)}")
        height, width = images.shape[2:]
        extended = self._pad_to_multiple(images).to(
            self.device, copy=True
        )  # a model may write into it
        holes = self._pad_to_multiple(masks).to(self.device, copy=True)
        with network_threads(heavy=self.heavy):
            raw = self._fill_from(latents or {}, extended, holes, seed=seed)
        if isinstance(raw, Tensor) and raw.ndim == 4:
            raw = raw[:, :, :height, :width]
        check_answer(self.card.name, "picture", raw, tuple(images.shape))
        raw = raw.float().cpu()
        hole = masks.bool()
        if not bool(torch.isfinite(raw).logical_or(~hole).all()):
            raise BadOutput(f"{self.card.name} answered NaN or infinity")
        return torch.where(hole, raw.clamp(0, 1), images)

    def _pad_to_multiple(self, planes: Tensor) -> Tensor:
        """Extend to the card's multiple at the right and bottom edge, by reflection."""
        height, width = planes.shape[2:]
        down, right = -height % self.card.multiple, -width % self.card.multiple
        if not down and not right:
            return planes
        mode = "reflect" if down < height and right < width else "replicate"
        return F.pad(planes, (0, right, 0, down), mode=mode)

    def _fill_from(
        self, latents: Mapping[str, Tensor], images: Tensor, masks: Tensor, *, seed: int
    ) -> Tensor:
        """As `_fill`; a model whose card names latents overrides it, to use those given."""
        return self._fill(images, masks, seed=seed)

    def _warn_size(self, size: tuple[int, int], rule: str) -> None:
        """Warn, once, that the authors' program has no answer at this size (height, width).

        Args:
            size: the images'.
            rule: what is done instead.
        """
        if not self._size_warned:
            self._size_warned = True
            height, width = size
            warnings.warn(
                f"{self.card.name}: its authors' program takes no {height}x{width} images; "
                f"{rule} (a rule of this project)",
                SizeWarning,
                stacklevel=2,
            )

    @abstractmethod
    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        """The model's whole image, (N, 3, H, W) near [0, 1], known pixels included or not."""
