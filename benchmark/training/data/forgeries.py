"""Training batches for detectors: forgeries and authentic images, post-processed and cropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.seeds import seed_of
from benchmark.core.tensors import to_images, to_masks, to_pixels
from benchmark.core.training_exposure import COPY_MOVE, FLAT, SPLICE, SYNTHETIC_FORGERIES
from benchmark.core.types import Mask, Pixels
from benchmark.training.data.batches import WHOLE_BATCH, Batch, BatchShard, Sample, stack
from benchmark.training.data.images import TrainingImages, divide
from benchmark.training.data.masks import Masks
from benchmark.training.data.options import Forger
from benchmark.training.data.postprocess import Forgery, postprocess
from benchmark.training.data.retouching import retouch_hole
from benchmark.training.data.splices import copy_move, flat, splice
from benchmark.training.recipe import Recipe
from benchmark.training.recipe_tables import Stage
from inpainters import INPAINTERS, create_inpainter
from inpainters.base import Inpainter


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeryPlan:
    """A forgery before retouching, post-processing and cropping.

    Attributes:
        by: name of its source.
        forgery: the forged image; for a source of `SYNTHETIC_FORGERIES` the image to forge, and
            the hole.
        crop: side of the square crop, pixels.
        draw: random generator for the remaining steps.
        donor: (H, W, 3) uint8 RGB, the other image of a splice.
    """

    by: str
    forgery: Forgery
    crop: int
    draw: np.random.Generator
    donor: Pixels | None = None


class ForgeryPool:
    """Forgeries by one inpainter, generated on first access and cached; number k is deterministic.

    Args:
        forger: the inpainter, and the number of forgeries.
        recipe: its seed determines the image and mask of number k; its history is applied to the
            image first.
        stage: sides of the images that are forged, before cropping.
        images: the images.
        masks: the holes.
        device: device of the inpainter.
        weights: its weights; by default those that the forger names.

    Raises:
        UnknownName: if there is no such inpainter.
        WeightsError: if its weights are missing.
    """

    def __init__(
        self,
        forger: Forger,
        *,
        recipe: Recipe,
        stage: Stage,
        images: TrainingImages,
        masks: Masks,
        device: str,
        weights: Path | None = None,
    ) -> None:
        self._forger, self._recipe, self._sides = forger, recipe, stage.sides
        self._weights = weights or forger.weights
        self._images, self._masks = images, masks
        self._kept: dict[int, Forgery] = {}
        self._device = device
        self._made: Inpainter | None = None
        INPAINTERS.load(forger.name)  # an unknown or retired name is said before training

    def __getitem__(self, number: int) -> Forgery:
        if number not in self._kept:
            self._kept[number] = self._make(number)
        return self._kept[number]

    def __len__(self) -> int:
        return self._forger.pool

    def _inpainter(self) -> Inpainter:
        """The inpainter, loaded for the first forgery: earlier stages do not need its weights."""
        if self._made is None:
            self._made = create_inpainter(
                self._forger.name, weights=self._weights, device=self._device
            )
        return self._made

    def _make(self, number: int) -> Forgery:
        key = (self._recipe.seed, "forgery", self._forger.name, number)
        draw = np.random.default_rng(seed_of(*key))
        side = self._sides[int(draw.integers(len(self._sides)))]
        plain = _authentic_square(self._images, side, draw)
        history = self._recipe.history
        pixels = postprocess(plain, history, draw, min_side=side).pixels[:side, :side]
        inpainter = self._inpainter()
        if not inpainter.card.paints:
            return Forgery(pixels=pixels.copy(), truth=plain.truth)
        mask = self._masks.mask(side, draw)
        return forge(inpainter, pixels, mask, seed=int(draw.integers(2**31)))


def _authentic_square(images: TrainingImages, side: int, draw: np.random.Generator) -> Forgery:
    """A square crop of an authentic image, as large as its short side; its truth is empty."""
    whole = Stage(steps=1, batch=1, crop=side, sides=(side,))
    pixels = images.cut(int(draw.integers(len(images))), whole, side, draw)
    return Forgery(pixels=pixels, truth=np.zeros((side, side), dtype=np.bool_))


def forge(inpainter: Inpainter, pixels: Pixels, mask: Mask, *, seed: int = 0) -> Forgery:
    """Inpaint a hole of one image and round to 8 bits as the benchmark does, half to even.

    Truncation, as in some authors' programs, would leave a trace that no image of the benchmark
    has.

    Args:
        inpainter: the inpainter.
        pixels: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, True = hole.
        seed: for a stochastic inpainter.

    Returns:
        The forgery; known pixels are equal to `pixels`.
    """
    images, masks = to_images(pixels[None]), to_masks(np.ascontiguousarray(mask)[None])
    filled = inpainter.inpaint(images, masks, seed=seed)
    painted = to_pixels(filled)[0]
    return Forgery(pixels=np.where(mask[..., None], painted, pixels), truth=mask.copy())


class ForgeryData:
    """Batches for detectors: crops of post-processed forgeries and authentic images, with truth.

    The pools live in the training process, with the inpainters and their device; data workers
    receive finished forgeries. A forgery of 256x256 takes 262 KB of memory, and there are at most
    as many as the recipe's pools have.

    Args:
        recipe: its seed and stages determine every batch.
        images: at all sides that the stages name.
        masks: holes of the forgeries.
        device: device of the inpainters.
        weights: files for inpainters whose weights are "mini", instead of the installed ones.

    Raises:
        UnknownName: if a source of forgeries is no inpainter.
        WeightsError: if the weights of an inpainter are missing.
    """

    def __init__(
        self,
        recipe: Recipe,
        images: TrainingImages,
        masks: Masks,
        *,
        device: str,
        weights: Mapping[str, Path] | None = None,
    ) -> None:
        self._recipe, self._masks, self._device = recipe, masks, device
        self._weights = weights or {}
        self._train, self._held = divide(images, recipe.held_out)
        self._pools: dict[tuple[object, ...], ForgeryPool] = {}
        for stage in recipe.stages:
            for forger in stage.forgers:
                if forger.name not in SYNTHETIC_FORGERIES:
                    self._pool(stage, forger, self._train)

    def _pool(self, stage: Stage, forger: Forger, images: TrainingImages) -> ForgeryPool:
        held_out = images is self._held
        key = (forger.name, forger.weights, forger.pool, stage.sides, held_out)
        if key not in self._pools:
            self._pools[key] = ForgeryPool(
                forger,
                recipe=self._recipe,
                stage=stage,
                images=images,
                masks=self._masks,
                device=self._device,
                weights=self._weights.get(forger.name) if forger.weights == "mini" else None,
            )
        return self._pools[key]

    @property
    def build(self) -> Callable[[list[ForgeryPlan]], list[Sample]]:
        """Paste, retouch, post-process and crop; needs neither the images nor the pools."""
        return partial(build_made, self._recipe)

    def plan(self, step: int, shard: BatchShard = WHOLE_BATCH) -> list[ForgeryPlan]:
        """The forgeries of a step; those sampled for the first time are generated here."""
        turn = self._recipe.at(step)
        return [self.plan_at(turn.stage, position) for position in shard.positions(turn)]

    def plan_at(self, stage: Stage, position: int) -> ForgeryPlan:
        """The forgery at a position among all images of a training."""
        return self._plan_one(stage, ("picture", position), self._train)

    def batch(self, step: int, shard: BatchShard = WHOLE_BATCH) -> Batch:
        """The batch of a step; its masks are 1 where forged."""
        return stack(self.build(self.plan(step, shard)))

    def held_out(self, step: int, count: int) -> Batch:
        """Held-out images, forged and post-processed as in the step's stage."""
        stage = self._recipe.at(step).stage
        images = self._held if len(self._held) else self._train
        keys = [("held out", number) for number in range(min(count, len(images)))]
        return stack(self.build([self._plan_one(stage, key, images) for key in keys]))

    @property
    def digests(self) -> tuple[frozenset[str], frozenset[str]]:
        """`digest_of` the images that are trained on, and of those that are held out."""
        return frozenset(self._train.digests), frozenset(self._held.digests)

    def authentic_images(self) -> list[Tensor]:
        """Authentic held-out images, each plain and post-processed.

        Returns:
            2 * held_out images (3, S, S) in [0, 1], S being the largest side of the last stage.
        """
        side = max(self._recipe.stages[-1].sides)
        whole = Stage(steps=1, batch=1, crop=side, sides=(side,), place="centre")
        nowhere = np.zeros((side, side), dtype=np.bool_)
        samples = []
        for number in range(len(self._held)):
            draw = np.random.default_rng(seed_of(self._recipe.seed, "untouched", number))
            plain = Forgery(pixels=self._held.cut(number, whole, side, draw), truth=nowhere)
            processed = postprocess(plain, self._recipe.postprocessing, draw, min_side=side)
            samples += [Sample(plain.pixels, nowhere), _crop(processed, side, draw)]
        return list(stack(samples).images) if samples else []

    def _plan_one(self, stage: Stage, key: tuple[str, int], images: TrainingImages) -> ForgeryPlan:
        draw = np.random.default_rng(seed_of(self._recipe.seed, *key))
        shares = np.array([forger.share for forger in stage.forgers])
        forger = stage.forgers[int(draw.choice(len(shares), p=shares / shares.sum()))]
        if forger.name in SYNTHETIC_FORGERIES:
            return self._plan_pasted(forger.name, stage, images, draw)
        pool = self._pool(stage, forger, images)
        forgery = pool[int(draw.integers(len(pool)))]
        return ForgeryPlan(by=forger.name, forgery=forgery, crop=stage.crop, draw=draw)

    def _plan_pasted(
        self, name: str, stage: Stage, images: TrainingImages, draw: np.random.Generator
    ) -> ForgeryPlan:
        side = stage.sides[int(draw.integers(len(stage.sides)))]
        pixels = _authentic_square(images, side, draw).pixels
        donor = _authentic_square(images, side, draw).pixels if name == SPLICE else None
        hole = Forgery(pixels=pixels, truth=self._masks.mask(side, draw))
        return ForgeryPlan(by=name, forgery=hole, crop=stage.crop, draw=draw, donor=donor)


def build_made(recipe: Recipe, plan: list[ForgeryPlan]) -> list[Sample]:
    """Paste, retouch, post-process and crop the forgeries of a plan."""
    return [_build_one(recipe, one) for one in plan]


def _build_one(recipe: Recipe, plan: ForgeryPlan) -> Sample:
    forgery, draw = plan.forgery, plan.draw
    if plan.by in SYNTHETIC_FORGERIES:
        side = len(forgery.truth)
        earlier = postprocess(forgery, recipe.history, draw, min_side=side).pixels[:side, :side]
        forgery = paste(plan.by, earlier, forgery.truth, draw, donor=plan.donor)
    forgery = retouch_hole(forgery, recipe.retouching, draw, by=plan.by)
    processed = postprocess(forgery, recipe.postprocessing, draw, min_side=plan.crop)
    return _crop(processed, plan.crop, draw)


def paste(
    name: str,
    pixels: Pixels,
    mask: Mask,
    draw: np.random.Generator,
    *,
    donor: Pixels | None = None,
) -> Forgery:
    """A forgery that needs no inpainter, before retouching.

    Args:
        name: one of `SYNTHETIC_FORGERIES`.
        pixels: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, True = hole.
        draw: random generator.
        donor: (H, W, 3) uint8 RGB, for a splice.
    """
    if name == SPLICE and donor is not None:
        return splice(pixels, donor, mask, draw)
    if name == COPY_MOVE:
        return copy_move(pixels, mask, draw)
    if name == FLAT:
        return flat(pixels, mask, draw)
    return Forgery(pixels=pixels, truth=mask)


def _crop(forgery: Forgery, crop: int, draw: np.random.Generator) -> Sample:
    height, width = forgery.truth.shape
    top, left = int(draw.integers(height - crop + 1)), int(draw.integers(width - crop + 1))
    square = slice(top, top + crop), slice(left, left + crop)
    return turned(Sample(forgery.pixels[square], forgery.truth[square]), draw)


def turned(sample: Sample, draw: np.random.Generator) -> Sample:
    """Rotate and flip a sample in one of eight ways."""
    turns, flip = int(draw.integers(4)), draw.random() < 0.5

    def turn(part: NDArray[Any]) -> NDArray[Any]:
        rotated = np.rot90(part, turns)
        return rotated[:, ::-1] if flip else rotated

    ignored = None if sample.ignored is None else turn(sample.ignored)
    return Sample(turn(sample.pixels), turn(sample.mask), ignored)
