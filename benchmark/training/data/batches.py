"""Training batches for inpainters: square image crops and masks.

Every batch is a pure function of the recipe's seed and the positions of its images, so a resumed
run sees the same data as an uninterrupted one, and any process can build any batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.seeds import seed_of
from benchmark.core.tensors import to_images, to_masks
from benchmark.core.types import Mask, Pixels
from benchmark.training.data.images import TrainingImages, divide
from benchmark.training.data.masks import Masks
from benchmark.training.recipe import Recipe, Turn
from benchmark.training.recipe_tables import Stage

IGNORED = -1.0  # in masks, of pixels beyond the image


class Sample(NamedTuple):
    """One training image and its mask.

    Attributes:
        pixels: (S, S, 3) uint8 RGB.
        mask: (S, S) bool, True = hole, or forged.
        ignored: (S, S) bool, True = beyond the image, where nothing is learned; None for nowhere.
    """

    pixels: Pixels
    mask: Mask
    ignored: Mask | None = None


class Batch(NamedTuple):
    """A batch of training images and their masks.

    Attributes:
        images: (N, 3, H, W) float32 RGB in [0, 1].
        masks: (N, 1, H, W) float32, 1 = hole, or forged; -1 where ignored.
    """

    images: Tensor
    masks: Tensor


@dataclass(frozen=True, slots=True)
class BatchShard:
    """The part of each batch that one process trains on.

    Attributes:
        rank: of the process, from 0.
        world_size: number of processes; it divides the batch size.
    """

    rank: int = 0
    world_size: int = 1

    def positions(self, turn: Turn) -> range:
        """Positions of this shard's images of a step, among all images of a training."""
        count = turn.stage.batch // self.world_size
        first = turn.seen + self.rank * count
        return range(first, first + count)


WHOLE_BATCH = BatchShard()


class BatchSource(Protocol):
    """Training data: batches are pure functions of the step.

    Attributes:
        build: builds the samples of a plan. It needs no device and shares no state, so that data
            workers can run it; they receive it pickled or forked.
    """

    @property
    def build(self) -> Callable[[Any], list[Sample]]:
        """See above."""

    def plan(self, step: int, shard: BatchShard = WHOLE_BATCH) -> object:
        """The input of `build` for a step. Made in the training process: it may run a network."""

    def batch(self, step: int, shard: BatchShard = WHOLE_BATCH) -> Batch:
        """The batch of a step."""

    def held_out(self, step: int, count: int) -> Batch:
        """At most `count` held-out images, which no step trains on, equal throughout a stage."""


def image_index(seed: int, count: int, position: int) -> int:
    """The index of the image at `position`: each epoch is a new permutation of `count` images."""
    epoch, place = divmod(position, count)
    return int(_permutation(seed, count, epoch)[place])


@lru_cache(maxsize=2)  # a batch may lie in two epochs
def _permutation(seed: int, count: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed_of(seed, "epoch", epoch)).permutation(count)


@dataclass(frozen=True, slots=True)
class InpaintingPlan:
    """What a data worker needs to build the samples of one step.

    Attributes:
        stage: of the step.
        positions: of its images, among all images of a training.
    """

    stage: Stage
    positions: range


class InpaintingData:
    """Batches for inpainters: whole images, and the masks to inpaint.

    Args:
        recipe: its seed and stages determine every batch.
        images: at all sides that the stages name.
        masks: the masks.
    """

    def __init__(self, recipe: Recipe, images: TrainingImages, masks: Masks) -> None:
        self._recipe, self._masks = recipe, masks
        self._train, self._held = divide(images, recipe.held_out)

    def plan(self, step: int, shard: BatchShard = WHOLE_BATCH) -> InpaintingPlan:
        """The stage of a step, and the positions of its images."""
        turn = self._recipe.at(step)
        return InpaintingPlan(turn.stage, shard.positions(turn))

    def build(self, plan: InpaintingPlan) -> list[Sample]:
        """Square image crops, and masks."""
        samples = []
        for position in plan.positions:
            draw = np.random.default_rng(seed_of(self._recipe.seed, "picture", position))
            index = image_index(self._recipe.seed, len(self._train), position)
            samples.append(self._sample(self._train, index, plan.stage, draw))
        return samples

    def batch(self, step: int, shard: BatchShard = WHOLE_BATCH) -> Batch:
        """The batch of a step."""
        return stack(self.build(self.plan(step, shard)))

    def held_out(self, step: int, count: int) -> Batch:
        """Held-out images at the step's size; training images where none are held out."""
        stage = self._recipe.at(step).stage
        images = self._held if len(self._held) else self._train
        samples = []
        for index in range(min(count, len(images))):
            draw = np.random.default_rng(seed_of(self._recipe.seed, "held out", index))
            samples.append(self._sample(images, index, stage, draw))
        return stack(samples)

    def _sample(
        self, images: TrainingImages, index: int, stage: Stage, draw: np.random.Generator
    ) -> Sample:
        side = stage.sides[int(draw.integers(len(stage.sides)))]
        crop = images.cut(index, stage, side, draw)
        return Sample(crop, self._masks.cut(side, stage.crop, draw))


def stack(samples: Sequence[Sample]) -> Batch:
    """Collate samples of equal size into a batch."""
    pixels = np.stack([sample.pixels for sample in samples])
    masks = to_masks(np.stack([sample.mask for sample in samples]))
    for mask, sample in zip(masks, samples, strict=True):
        if sample.ignored is not None:
            mask[0][torch.from_numpy(np.ascontiguousarray(sample.ignored))] = IGNORED
    return Batch(to_images(pixels), masks)
