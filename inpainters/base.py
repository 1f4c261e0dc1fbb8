"""Base class of inpainters: `inpaint`, `inpaint_whole`, and `_fill`, which a model implements."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.core.checks import check_images, check_masks, check_output
from benchmark.core.errors import BadInput, BadOutput, SizeWarning
from benchmark.core.model import Model
from benchmark.core.threads import network_threads


class Inpainter(Model, ABC):
    """Inpaints the holes of images.

    A subclass defines `card` and `_fill`, and `_load` if it has weights.
    """

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
        prompt: str | None = None,
    ) -> Tensor:
        """Inpaint the holes.

        Args:
            images: (N, 3, H, W) float32, RGB in [0, 1].
            masks: (N, 1, H, W) float32 of 0 and 1, 1 = hole.
            seed: of all random numbers of the model; they are generated on the CPU, equal for each
                image.
            latents: random inputs to use instead of generating them, by the names in the card's
                `latents`; float32, with the batch axis first.
            prompt: text of what is to be inpainted, for a model that takes one; None for the
                model's own.

        Returns:
            (N, 3, H, W) float32 in [0, 1] on the CPU; known pixels are bit-identical to the input.

        Raises:
            BadInput: if an argument has the wrong shape, dtype or range, a latent is unknown, or
                the model takes no prompt.
            BadOutput: if the model's output has the wrong shape, or is NaN or infinite in a hole.
        """
        whole = self.inpaint_whole(images, masks, seed=seed, latents=latents, prompt=prompt)
        return torch.where(masks.bool(), whole, images)

    @final
    @torch.inference_mode()
    def inpaint_whole(
        self,
        images: Tensor,
        masks: Tensor,
        *,
        seed: int = 0,
        latents: Mapping[str, Tensor] | None = None,
        prompt: str | None = None,
    ) -> Tensor:
        """Inpaint the holes and return the image as the model returned it, known pixels included.

        In the holes it equals `inpaint`. Known pixels are the model's own: a network that returns
        the whole image changes them, and a model whose `_fill` leaves them undefined returns
        anything there.

        Args:
            images: as for `inpaint`.
            masks: as for `inpaint`.
            seed: as for `inpaint`.
            latents: as for `inpaint`.
            prompt: as for `inpaint`.

        Returns:
            (N, 3, H, W) float32 in [0, 1] on the CPU; a known pixel that is NaN or infinite
            is NaN.

        Raises:
            BadInput: as `inpaint`.
            BadOutput: as `inpaint`.
        """
        check_images(images, min_side=self.card.min_side)
        check_masks(masks, images)
        unknown = sorted(set(latents or {}) - set(self.card.latents))
        if unknown:
            raise BadInput(f"{self.card.name} has no latents named {', '.join(unknown)}")
        height, width = images.shape[2:]
        extended = self._pad_to_multiple(images).to(self.device, copy=True)  # models may modify it
        holes = self._pad_to_multiple(masks).to(self.device, copy=True)
        with network_threads(heavy=self.heavy):
            if prompt is not None:
                raw = self._fill_with_prompt(prompt, extended, holes, seed=seed)
            else:
                raw = self._fill_from(latents or {}, extended, holes, seed=seed)
        if isinstance(raw, Tensor) and raw.ndim == 4:
            raw = raw[:, :, :height, :width]
        check_output(self.card.name, "image", raw, tuple(images.shape))
        raw = raw.float().cpu()
        finite = torch.isfinite(raw)
        if not bool(finite.logical_or(~masks.bool()).all()):
            raise BadOutput(f"{self.card.name}: the output is NaN or infinite in a hole")
        return torch.where(finite, raw.clamp(0, 1), torch.nan)

    def _pad_to_multiple(self, planes: Tensor) -> Tensor:
        """Pad (N, C, H, W) at the right and bottom to the card's `multiple`, by reflection."""
        height, width = planes.shape[2:]
        down, right = -height % self.card.multiple, -width % self.card.multiple
        if not down and not right:
            return planes
        mode = "reflect" if down < height and right < width else "replicate"
        return F.pad(planes, (0, right, 0, down), mode=mode)

    def _fill_from(
        self, latents: Mapping[str, Tensor], images: Tensor, masks: Tensor, *, seed: int
    ) -> Tensor:
        """`_fill` with given latents; overridden by models whose card has `latents`.

        Args:
            latents: by name; those that are missing are generated from `seed`.
            images: (N, 3, H, W) in [0, 1] on the device, padded to the card's `multiple`.
            masks: (N, 1, H, W), 1 = hole, likewise.
            seed: see `inpaint`.

        Returns:
            (N, 3, H, W) near [0, 1], see `_fill`.
        """
        return self._fill(images, masks, seed=seed)

    def _fill_with_prompt(self, prompt: str, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        """`_fill` with a prompt; overridden by models that take one.

        Args:
            prompt: the text for all images.
            images: as for `_fill`.
            masks: as for `_fill`.
            seed: see `inpaint`.

        Returns:
            (N, 3, H, W) near [0, 1], see `_fill`.

        Raises:
            BadInput: if the model takes no prompt.
        """
        raise BadInput(f"{self.card.name} takes no prompt")

    def _warn_size(self, size: tuple[int, int], rule: str) -> None:
        """Warn once that the authors' program does not support images of this size.

        Args:
            size: height and width.
            rule: how this project handles it.
        """
        if not self._size_warned:
            self._size_warned = True
            height, width = size
            warnings.warn(
                f"{self.card.name}: the authors' program does not support {height}x{width} images; "
                f"{rule} (a rule of this project)",
                SizeWarning,
                stacklevel=2,
            )

    @abstractmethod
    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        """Inpaint; the caller checks and clamps, and `inpaint` puts the known pixels back.

        Args:
            images: (N, 3, H, W) float32 in [0, 1] on the device, padded to the card's `multiple`.
            masks: (N, 1, H, W) float32, 1 = hole, likewise.
            seed: see `inpaint`.

        Returns:
            (N, 3, H, W) near [0, 1]. `inpaint` ignores values outside the holes, `inpaint_whole`
            returns them: those of the network, or the images' own.
        """
