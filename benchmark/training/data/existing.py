"""Training batches for detectors from a set of existing forgeries, with made ones beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmark.core.errors import DataError, FileChanged
from benchmark.core.seeds import seed_of
from benchmark.core.types import Mask, Pixels
from benchmark.forgeries.truth import read_pixels, read_truth
from benchmark.training.data.batches import WHOLE_BATCH, Batch, BatchShard, Sample, stack
from benchmark.training.data.forgeries import ForgeryData, ForgeryPlan, build_made, turned
from benchmark.training.data.postprocess import Forgery, postprocess
from benchmark.training.data.sets import TrainingForgeries, TrainingItem
from benchmark.training.recipe import Recipe
from benchmark.training.recipe_tables import Stage

GRAY = 128  # beyond the border of an image that is smaller than the crop
LEAST = 32  # pixels; post-processing makes no side smaller where crops may be padded or resized


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPlan:
    """An image of the set that is to be read.

    Attributes:
        used: the image and its truth.
        crop: side of the square, pixels.
        draw: random generator for post-processing and cropping.
    """

    used: TrainingItem
    crop: int
    draw: np.random.Generator


class ExistingForgeryData:
    """Batches of crops from a set of existing forgeries, and of made forgeries if there are images.

    Images are read when they are used, by the data workers where there are any. Which image is at
    a position, and what is made of it, depends on the recipe's seed and the position alone.

    Args:
        recipe: its seed, stages and `forgeries` determine every batch.
        train: images of the set to train on.
        held: images of the set that are held out.
        made: made forgeries, or None to draw all images from the set.
        pads: whether an image that is smaller than the crop is padded; the losses ignore padding.

    Raises:
        DataError: if none of either is held out though the recipe has `held_out`.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: TrainingForgeries,
        held: TrainingForgeries,
        made: ForgeryData | None = None,
        *,
        pads: bool = False,
    ) -> None:
        self._recipe, self._made, self._pads = recipe, made, pads
        self._share = share_of(recipe, made)
        self._lists = lists_of(train, recipe)
        self._train, self._held = train, held
        if recipe.held_out and not held.items and made is None:
            raise DataError(
                "no image of the set is held out; add forgeries of other originals, or set "
                "held_out = 0 in a recipe of your own"
            )

    @property
    def build(self) -> Callable[[list[ItemPlan | ForgeryPlan]], list[Sample]]:
        """Read, post-process and crop; needs neither the set nor the pools."""
        return partial(_build, self._recipe, self._pads)

    def plan(self, step: int, shard: BatchShard = WHOLE_BATCH) -> list[ItemPlan | ForgeryPlan]:
        """The images of a step."""
        turn = self._recipe.at(step)
        return [self._plan_at(turn.stage, position) for position in shard.positions(turn)]

    def batch(self, step: int, shard: BatchShard = WHOLE_BATCH) -> Batch:
        """The batch of a step; its masks are 1 where forged, -1 beyond an image's border."""
        return stack(self.build(self.plan(step, shard)))

    def held_out(self, step: int, count: int) -> Batch:
        """Held-out images of the set, and made ones beside them in the share of the recipe."""
        stage = self._recipe.at(step).stage
        items = (self._held if self._held.items else self._train).items
        own = count if self._made is None else round(count * self._share)
        order = np.random.default_rng(seed_of(self._recipe.seed, "held out")).permutation(
            len(items)
        )
        plans = [
            ItemPlan(used=items[index], crop=stage.crop, draw=self._draw("held out item", index))
            for index in map(int, order[:own])
        ]
        found = stack(self.build(list(plans)))
        if self._made is None or own == count:
            return found
        rest = self._made.held_out(step, count - own)
        return Batch(*(torch.cat(pair) for pair in zip(found, rest, strict=True)))

    def authentic_images(self) -> list[Tensor]:
        """Authentic held-out images, each plain and post-processed: (3, H, W) in [0, 1].

        Those of the set are central parts, of at most the crop of the last stage a side.
        """
        side = self._recipe.stages[-1].crop
        found = [] if self._made is None else self._made.authentic_images()
        for index, used in enumerate(self._held.items):
            if not used.item.authentic:
                continue
            whole = _read(used)
            processed = postprocess(
                whole,
                self._recipe.postprocessing,
                self._draw("untouched item", index),
                min_side=min(side, *whole.truth.shape),
            )
            for one in (whole, processed):
                pixels, truth = _central(one, side, self._recipe.forgeries.crop)
                found.append(stack([Sample(pixels, truth)]).images[0])
        return found

    def _draw(self, what: str, number: int) -> np.random.Generator:
        return np.random.default_rng(seed_of(self._recipe.seed, what, number))

    def _plan_at(self, stage: Stage, position: int) -> ItemPlan | ForgeryPlan:
        draw = self._draw("item", position)
        if self._made is not None and draw.random() >= self._share:
            return self._made.plan_at(stage, position)
        items = self._lists[int(draw.integers(len(self._lists)))]
        used = items[int(draw.integers(len(items)))]
        return ItemPlan(used=used, crop=stage.crop, draw=draw)


def share_of(recipe: Recipe, made: object) -> float:
    """The share of the training images that are drawn from the set: all if none are made."""
    return recipe.forgeries.share if made is not None else 1.0


def lists_of(forgeries: TrainingForgeries, recipe: Recipe) -> list[list[TrainingItem]]:
    """The lists that are drawn from equally often: one, or those that `Existing.draw` says."""
    if recipe.forgeries.draw == "images":
        return [list(forgeries.items)]
    found: dict[tuple[bool, str, str], list[TrainingItem]] = {}
    for used in forgeries.items:
        item = used.item
        key = (item.authentic, item.subset, "" if item.authentic else item.method)
        found.setdefault(key, []).append(used)
    return [found[key] for key in sorted(found)]


def _build(recipe: Recipe, pads: bool, plans: Sequence[ItemPlan | ForgeryPlan]) -> list[Sample]:
    samples = []
    for plan in plans:
        if isinstance(plan, ForgeryPlan):
            samples += build_made(recipe, [plan])
        else:
            samples.append(_build_item(recipe, plan, pads=pads))
    return samples


def _build_item(recipe: Recipe, plan: ItemPlan, *, pads: bool) -> Sample:
    way, crop, draw = recipe.forgeries.crop, plan.crop, plan.draw
    whole = _read(plan.used)
    least = min(LEAST if pads or way == "resize" else crop, *whole.truth.shape)
    whole = postprocess(whole, recipe.postprocessing, draw, min_side=least)
    if way == "resize":
        return turned(Sample(*_squeezed(whole, crop)), draw)
    return turned(_cut(whole, crop, draw, forged=way == "forged"), draw)


def _read(used: TrainingItem) -> Forgery:
    """Read an image and its truth.

    Raises:
        FileChanged: if the image or the truth has changed since the training began.
        DataError: if either can no longer be read.
    """
    pixels = read_pixels(used.item, sha256=used.sha256)
    truth = read_truth(used.item, (pixels.shape[0], pixels.shape[1]))
    mask = used.item.mask
    if mask is not None and used.truth and mask.sha256() != used.truth:
        raise FileChanged(mask.label)
    return Forgery(pixels=pixels, truth=truth)


def _cut(whole: Forgery, crop: int, draw: np.random.Generator, *, forged: bool) -> Sample:
    """A random square; with `forged` it has a forged pixel if the image has; padded if smaller."""
    shape = whole.truth.shape
    starts = [int(draw.integers(max(0, length - crop) + 1)) for length in shape]
    if forged and whole.truth.any():
        marked = np.flatnonzero(whole.truth)
        pixel = np.unravel_index(int(marked[int(draw.integers(len(marked)))]), shape)
        starts = [
            int(draw.integers(max(0, place - crop + 1), min(place, max(0, length - crop)) + 1))
            for place, length in zip(map(int, pixel), shape, strict=True)
        ]
    top, left = starts
    square = slice(top, top + crop), slice(left, left + crop)
    pixels, truth = whole.pixels[square], whole.truth[square]
    height, width = truth.shape
    if min(height, width) == crop:
        return Sample(pixels, truth)
    beyond = (0, crop - height), (0, crop - width)
    return Sample(
        np.pad(pixels, (*beyond, (0, 0)), constant_values=GRAY),
        np.pad(truth, beyond),
        np.pad(np.zeros_like(truth), beyond, constant_values=True),
    )


def _squeezed(whole: Forgery, side: int) -> tuple[Pixels, Mask]:
    """The whole image and truth as a square, bicubic as in Pillow; as they are if they are one."""
    if whole.truth.shape == (side, side):
        return whole.pixels, whole.truth
    way = Image.Resampling.BICUBIC
    pixels = np.asarray(Image.fromarray(whole.pixels).resize((side, side), way))
    levels = Image.fromarray(whole.truth.astype(np.uint8) * 255).resize((side, side), way)
    truth: Mask = np.asarray(levels) > 127
    return pixels, truth


def _central(whole: Forgery, side: int, way: str) -> tuple[Pixels, Mask]:
    if way == "resize":
        return _squeezed(whole, side)
    height, width = whole.truth.shape
    top, left = max(0, height - side) // 2, max(0, width - side) // 2
    square = slice(top, top + side), slice(left, left + side)
    return whole.pixels[square], whole.truth[square]
