"""What detectors learn from: images, forgeries of them, and laundering of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from benchmark.core.seeds import seed_of
from benchmark.core.tensors import to_images, to_masks, to_pixels
from benchmark.core.training_exposure import COPY_MOVE, FLAT, MADE_HERE, SPLICE
from benchmark.core.types import Mask, Pixels
from benchmark.training.data.batches import WHOLE, Pair, Share, stack
from benchmark.training.data.images import TrainingImages, divide
from benchmark.training.data.masks import Masks
from benchmark.training.data.options import Forger
from benchmark.training.data.postprocess import Forgery, launder
from benchmark.training.data.retouching import retouched
from benchmark.training.data.splices import copy_move, flat, splice
from benchmark.training.recipe import Recipe, Stage
from inpainters import INPAINTERS, create_inpainter
from inpainters.base import Inpainter


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """A forgery that is still to be retouched, laundered and cut.

    Attributes:
        by: its forger's name.
        forgery: as its forger published it; for one of `MADE_HERE` an image that is still to
            be forged, and the hole.
        donor: (H, W, 3) uint8 RGB, the other image of a splice.
        crop: side of the square that is cut, pixels.
        draw: where the choices come from, after the one of this forgery.
    """

    by: str
    forgery: Forgery
    crop: int
    draw: np.random.Generator
    donor: Pixels | None = None


class Pool:
    """Forgeries of one forger, made when first asked for and kept; number k is always the same.

    Args:
        forger: who inpaints, and how many forgeries there are.
        recipe: its seed decides which image and mask number k gets, and its history what the
            image went through before.
        stage: sides of the squares that are forged, in whole before any crop.
        photographs: what is forged.
        masks: where the holes come from.
        device: where the inpainter runs.
        weights: what it runs with; by default what the forger says.

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
        photographs: TrainingImages,
        masks: Masks,
        device: str,
        weights: Path | None = None,
    ) -> None:
        self._forger, self._recipe, self._sides = forger, recipe, stage.sides
        self._weights = weights or forger.weights
        self._photographs, self._masks = photographs, masks
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
        """The inpainter, loaded with the first forgery: earlier stages need no weights of it."""
        if self._made is None:
            self._made = create_inpainter(
                self._forger.name, weights=self._weights, device=self._device
            )
        return self._made

    def _make(self, number: int) -> Forgery:
        key = (self._recipe.seed, "forgery", self._forger.name, number)
        draw = np.random.default_rng(seed_of(*key))
        side = self._sides[int(draw.integers(len(self._sides)))]
        plain = _untouched(self._photographs, side, draw)
        history = self._recipe.history
        pixels = launder(plain, history, draw, least=side).pixels[:side, :side]
        inpainter = self._inpainter()
        if not inpainter.card.paints:
            return Forgery(pixels=pixels.copy(), truth=plain.truth)
        mask = self._masks.mask(side, draw)
        return forge(inpainter, pixels, mask, seed=int(draw.integers(2**31)))


def _untouched(photographs: TrainingImages, side: int, draw: np.random.Generator) -> Forgery:
    """A square of an image, as large as its short side, that is true nowhere."""
    whole = Stage(steps=1, batch=1, crop=side, sides=(side,))
    pixels = photographs.cut(int(draw.integers(len(photographs))), whole, side, draw)
    return Forgery(pixels=pixels, truth=np.zeros((side, side), dtype=np.bool_))


def forge(inpainter: Inpainter, pixels: Pixels, mask: Mask, *, seed: int = 0) -> Forgery:
    """Inpaint a hole of one image and round to 8 bits as the bench does, halves to the even.

    Authors' programs that cut off instead would leave a trace that no image of the bench has.

    Args:
        inpainter: who inpaints.
        pixels: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, True = to be inpainted.
        seed: for an inpainter that draws something.

    Returns:
        The forgery; known pixels are those of `pixels`, bit for bit.
    """
    images, masks = to_images(pixels[None]), to_masks(np.ascontiguousarray(mask)[None])
    filled = inpainter.inpaint(images, masks, seed=seed)
    painted = to_pixels(filled)[0]
    return Forgery(pixels=np.where(mask[..., None], painted, pixels), truth=mask.copy())


class ForgeryData:
    """Batches for detectors: crops of laundered forgeries and originals, and the truth of both.

    The pools lie in the process that trains, once, with the inpainters and their device; data
    workers get finished forgeries. In memory a forgery of 256x256 is 262 KB, and there are at most
    as many as the recipe's pools have.

    Args:
        recipe: its seed and stages decide every batch.
        photographs: at all sides that the stages name.
        masks: where the forgers' holes come from.
        device: where the forgers run.
        weights: files for forgers whose weights are "mini", instead of those that are installed.

    Raises:
        UnknownName: if a forger is no inpainter.
        WeightsError: if a forger's weights are missing.
    """

    def __init__(
        self,
        recipe: Recipe,
        photographs: TrainingImages,
        masks: Masks,
        *,
        device: str,
        weights: Mapping[str, Path] | None = None,
    ) -> None:
        self._recipe, self._masks, self._device = recipe, masks, device
        self._weights = weights or {}
        self._train, self._held = divide(photographs, recipe.held_out)
        self._pools: dict[tuple[object, ...], Pool] = {}
        for stage in recipe.stages:
            for forger in stage.forgers:
                if forger.name not in MADE_HERE:
                    self._pool(stage, forger, self._train)

    def _pool(self, stage: Stage, forger: Forger, photographs: TrainingImages) -> Pool:
        held_out = photographs is self._held
        key = (forger.name, forger.weights, forger.pool, stage.sides, held_out)
        if key not in self._pools:
            self._pools[key] = Pool(
                forger,
                recipe=self._recipe,
                stage=stage,
                photographs=photographs,
                masks=self._masks,
                device=self._device,
                weights=self._weights.get(forger.name) if forger.weights == "mini" else None,
            )
        return self._pools[key]

    @property
    def fill(self) -> Callable[[list[Ordered]], list[Pair]]:
        """Pastes, retouches, launders and cuts; it knows nothing of images and pools."""
        return partial(_fill, self._recipe)

    def order(self, step: int, share: Share = WHOLE) -> list[Ordered]:
        """The forgeries of a step, each made here if it is the first time that it is drawn."""
        turn = self._recipe.at(step)
        return [
            self._one(turn.stage, ("picture", place), self._train) for place in share.places(turn)
        ]

    def batch(self, step: int, share: Share = WHOLE) -> tuple[Tensor, Tensor]:
        """Images and truths of a step, (N, 3, S, S) in [0, 1] and (N, 1, S, S)."""
        return stack(self.fill(self.order(step, share)))

    def held_out(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """The same of held-out images, forged and laundered as in the step's stage."""
        stage = self._recipe.at(step).stage
        photographs = self._held if len(self._held) else self._train
        keys = [("held out", number) for number in range(min(count, len(photographs)))]
        return stack(self.fill([self._one(stage, key, photographs) for key in keys]))

    def untouched(self) -> Tensor:
        """Held-out images that nobody inpainted in, as they are and laundered, (N, 3, S, S).

        The size is the largest side of the last stage.
        """
        side = max(self._recipe.stages[-1].sides)
        whole = Stage(steps=1, batch=1, crop=side, sides=(side,), place="centre")
        nowhere = np.zeros((side, side), dtype=np.bool_)
        pictures = []
        for number in range(len(self._held)):
            draw = np.random.default_rng(seed_of(self._recipe.seed, "untouched", number))
            plain = Forgery(pixels=self._held.cut(number, whole, side, draw), truth=nowhere)
            laundered = launder(plain, self._recipe.laundering, draw, least=side)
            pictures += [(plain.pixels, nowhere), _cut(laundered, side, draw)]
        return stack(pictures)[0]

    def _one(self, stage: Stage, key: tuple[str, int], photographs: TrainingImages) -> Ordered:
        draw = np.random.default_rng(seed_of(self._recipe.seed, *key))
        shares = np.array([forger.share for forger in stage.forgers])
        forger = stage.forgers[int(draw.choice(len(shares), p=shares / shares.sum()))]
        if forger.name in MADE_HERE:
            return self._to_paste(forger.name, stage, photographs, draw)
        pool = self._pool(stage, forger, photographs)
        forgery = pool[int(draw.integers(len(pool)))]
        return Ordered(by=forger.name, forgery=forgery, crop=stage.crop, draw=draw)

    def _to_paste(
        self, name: str, stage: Stage, photographs: TrainingImages, draw: np.random.Generator
    ) -> Ordered:
        side = stage.sides[int(draw.integers(len(stage.sides)))]
        photograph = _untouched(photographs, side, draw).pixels
        donor = _untouched(photographs, side, draw).pixels if name == SPLICE else None
        hole = Forgery(pixels=photograph, truth=self._masks.mask(side, draw))
        return Ordered(by=name, forgery=hole, crop=stage.crop, draw=draw, donor=donor)


def _fill(recipe: Recipe, ordered: list[Ordered]) -> list[Pair]:
    return [_filled(recipe, one) for one in ordered]


def _filled(recipe: Recipe, ordered: Ordered) -> Pair:
    forgery, draw = ordered.forgery, ordered.draw
    if ordered.by in MADE_HERE:
        side = len(forgery.truth)
        earlier = launder(forgery, recipe.history, draw, least=side).pixels[:side, :side]
        forgery = paste(ordered.by, earlier, forgery.truth, draw, donor=ordered.donor)
    forgery = retouched(forgery, recipe.retouching, draw, by=ordered.by)
    laundered = launder(forgery, recipe.laundering, draw, least=ordered.crop)
    return _cut(laundered, ordered.crop, draw)


def paste(
    name: str,
    pixels: Pixels,
    mask: Mask,
    draw: np.random.Generator,
    *,
    donor: Pixels | None = None,
) -> Forgery:
    """One of the forgeries that need no inpainter, before any retouching.

    Args:
        name: one of `MADE_HERE`.
        pixels: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, True = hole.
        draw: where the choices come from.
        donor: (H, W, 3) uint8 RGB, for a splice.
    """
    if name == SPLICE and donor is not None:
        return splice(pixels, donor, mask, draw)
    if name == COPY_MOVE:
        return copy_move(pixels, mask, draw)
    if name == FLAT:
        return flat(pixels, mask, draw)
    return Forgery(pixels=pixels, truth=mask)


def _cut(forgery: Forgery, crop: int, draw: np.random.Generator) -> Pair:
    height, width = forgery.truth.shape
    top, left = int(draw.integers(height - crop + 1)), int(draw.integers(width - crop + 1))
    square = slice(top, top + crop), slice(left, left + crop)
    turns, flip = int(draw.integers(4)), draw.random() < 0.5
    pixels, truth = np.rot90(forgery.pixels[square], turns), np.rot90(forgery.truth[square], turns)
    return (pixels[:, ::-1], truth[:, ::-1]) if flip else (pixels, truth)
