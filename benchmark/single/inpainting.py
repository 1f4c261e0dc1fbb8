"""Inpaint one image at its own size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.core.errors import BadOutput, DataError
from benchmark.core.external.files import ExternalOptions
from benchmark.core.seeds import seed_of
from benchmark.core.tensors import to_images, to_masks, to_pixels
from benchmark.core.types import Mask, NamedImage, Pixels
from benchmark.runner.jobs import ResolvedModel, rule_of
from benchmark.single.cache import cached_image, inpaint_key
from benchmark.single.crop import Crop, cut, paste, plan_crop
from benchmark.single.models import Loaded
from benchmark.store.encoding import image_output
from benchmark.store.store import Store
from inpainters.base import Inpainter
from inpainters.external.base import NamedInpainter


@dataclass(frozen=True, slots=True, kw_only=True)
class Inpainted:
    """An inpainted image.

    Attributes:
        image: name of the image.
        inpainter: name of the inpainter.
        weights: edition of its weights, such as "mini".
        pixels: (H, W, 3) uint8 RGB at the image's size; known pixels are the image's, bit for bit.
        crop: what the inpainter saw of the image.
        stored: whether it was taken from the store.
    """

    image: str
    inpainter: str
    weights: str
    pixels: Pixels
    crop: Crop
    stored: bool


def inpaint_image(
    chosen: ResolvedModel,
    pixels: Pixels,
    mask: Mask,
    *,
    loaded: Loaded,
    store: Store,
    name: str = "image",
    seed: int = 0,
) -> Inpainted:
    """Fill the hole of an image.

    Args:
        chosen: the inpainter with its weights.
        pixels: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, True = to be filled.
        loaded: loads the model if the store lacks the output.
        store: where outputs are kept.
        name: of the image; an inpainter that draws draws from it and the seed.
        seed: what random numbers are drawn from.

    Raises:
        DataError: if the mask has another shape than the image, is empty or covers it, or the image
            is smaller than the model takes.
        BadOutput: if the model returns NaN or another shape.
        WeightsError: if its checkpoint cannot be used.
    """
    if mask.shape != pixels.shape[:2] or not mask.any() or mask.all():
        raise DataError(f"{name}: expected a mask of the image's shape with a hole in it")
    smallest = min(pixels.shape[:2])
    if smallest < chosen.card.min_side:
        raise DataError(
            f"{name}: {chosen.name} takes images of at least {chosen.card.min_side} pixels a side, "
            f"this one has {smallest}"
        )
    crop = plan_crop(chosen.card, mask)
    key = inpaint_key(chosen, pixels, mask, crop=crop, seed=seed, name=name)
    result = cached_image(store, key)
    stored = result is not None
    if result is None:
        part, hole = cut(pixels, mask, crop)
        filled = _fill(chosen, loaded.inpainter(chosen), part, hole, name=name, seed=seed)
        result = paste(pixels, mask, crop, filled)
        store.put([image_output(key, result)])
    return Inpainted(
        image=name,
        inpainter=chosen.name,
        weights=chosen.weights.edition,
        pixels=result,
        crop=crop,
        stored=stored,
    )


def _fill(
    chosen: ResolvedModel, model: Inpainter, part: Pixels, hole: Mask, *, name: str, seed: int
) -> Pixels:
    """The model's output for a crop, (h, w, 3) uint8."""
    if isinstance(model, NamedInpainter):
        (painted,) = model.inpaint_named(
            [NamedImage(sample=name, image=part, mask=hole)], ExternalOptions()
        )
        if isinstance(painted, BadOutput):
            raise painted
        return np.where(hole[..., None], painted, part)
    filled = model.inpaint(to_images(part[None]), to_masks(hole[None]), seed=seed_of(seed, name))
    pixels: Pixels = np.asarray(to_pixels(filled, rounding=rule_of(chosen, "even"))[0])
    return pixels
