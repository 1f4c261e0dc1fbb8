"""What inpainters learn from, step by step: squares of images, and masks.

Everything is a pure function of the recipe's seed and the number of the image, so a resumed run
sees what an uninterrupted one would have seen, and any process can make any batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.seeds import seed_of
from benchmark.core.tensors import to_images, to_masks
from benchmark.core.types import Mask, Pixels
from benchmark.training.data.images import TrainingImages, divide
from benchmark.training.data.masks import Masks
from benchmark.training.recipe import Recipe, Stage, Turn

Pair = tuple[Pixels, Mask]  # (S, S, 3) uint8 and (S, S) bool


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of each batch a process trains on.

    Attributes:
        number: of the process, from 0.
        of: how many there are; a batch has a multiple of it.
    """

    number: int = 0
    of: int = 1

    def places(self, turn: Turn) -> range:
        """Positions, among all images of a training, of this share of a step's batch."""
        count = turn.stage.batch // self.of
        first = turn.seen + self.number * count
        return range(first, first + count)


WHOLE = Share()


class Source(Protocol):
    """Where batches come from: pure functions of the step.

    Attributes:
        fill: makes the images and masks of an order. It needs no device and shares nothing, so
            that processes of data workers can do it; they get it pickled or forked.
    """

    @property
    def fill(self) -> Callable[[Any], list[Pair]]:
        """See above."""

    def order(self, step: int, share: Share = WHOLE) -> object:
        """What `fill` needs for a step. Made in the process that trains: it may ask a network."""

    def batch(self, step: int, share: Share = WHOLE) -> tuple[Tensor, Tensor]:
        """Images (N, 3, H, W) in [0, 1] and masks (N, 1, H, W) of 0 and 1 for a step."""

    def held_out(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """The same of at most `count` images that no step uses, the same in a whole stage."""


def order(seed: int, count: int, position: int) -> int:
    """Which of `count` images comes at `position`: each epoch is a permutation of its own."""
    epoch, place = divmod(position, count)
    return int(_permutation(seed, count, epoch)[place])


@lru_cache(maxsize=2)  # a batch may lie in two epochs
def _permutation(seed: int, count: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed_of(seed, "epoch", epoch)).permutation(count)


class InpaintingData:
    """Batches for inpainters: whole images, and the masks to paint.

    Args:
        recipe: its seed and stages decide every batch.
        photographs: at all sides that the stages name.
        masks: where masks come from.
    """

    def __init__(self, recipe: Recipe, photographs: TrainingImages, masks: Masks) -> None:
        self._recipe, self._masks = recipe, masks
        self._train, self._held = divide(photographs, recipe.held_out)

    def order(self, step: int, share: Share = WHOLE) -> tuple[Stage, range]:
        """The stage of a step, and the positions of its images."""
        turn = self._recipe.at(step)
        return turn.stage, share.places(turn)

    def fill(self, ordered: tuple[Stage, range]) -> list[Pair]:
        """Squares of images, and masks."""
        stage, places = ordered
        pairs = []
        for position in places:
            draw = np.random.default_rng(seed_of(self._recipe.seed, "picture", position))
            number = order(self._recipe.seed, len(self._train), position)
            pairs.append(self._pair(self._train, number, stage, draw))
        return pairs

    def batch(self, step: int, share: Share = WHOLE) -> tuple[Tensor, Tensor]:
        """Images and masks of a step, (N, 3, S, S) and (N, 1, S, S)."""
        return stack(self.fill(self.order(step, share)))

    def held_out(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """Held-out images at the step's size; training images where none are held out."""
        stage = self._recipe.at(step).stage
        photographs = self._held if len(self._held) else self._train
        pairs = []
        for number in range(min(count, len(photographs))):
            draw = np.random.default_rng(seed_of(self._recipe.seed, "held out", number))
            pairs.append(self._pair(photographs, number, stage, draw))
        return stack(pairs)

    def _pair(
        self, photographs: TrainingImages, number: int, stage: Stage, draw: np.random.Generator
    ) -> Pair:
        side = stage.sides[int(draw.integers(len(stage.sides)))]
        square = photographs.cut(number, stage, side, draw)
        return square, self._masks.cut(side, stage.crop, draw)


def stack(pairs: Sequence[Pair]) -> tuple[Tensor, Tensor]:
    """Pixels and masks of equal size as tensors (N, 3, H, W) and (N, 1, H, W)."""
    pixels = np.stack([picture for picture, _ in pairs])
    masks = np.stack([mask for _, mask in pairs])
    return to_images(pixels), to_masks(masks)
