"""What detectors learn from: photographs, forgeries of them by named inpainters, and laundering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from benchmark.core.pixels import to_images, to_masks, to_pixels
from benchmark.core.seeds import seed_of
from benchmark.core.types import Mask, Pixels
from benchmark.training.data import WHOLE, Pair, Share, stack
from benchmark.training.holes import Masks
from benchmark.training.photographs import Photographs, divide
from benchmark.training.recipe import Forger, Laundering, Recipe, Stage
from inpainters import INPAINTERS, create_inpainter
from inpainters.base import Inpainter


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """A picture as its forger published it.

    Attributes:
        pixels: (H, W, 3) uint8 RGB; known pixels are the photograph's, bit for bit.
        truth: (H, W) bool, True = painted; nowhere for an authentic picture.
    """

    pixels: Pixels
    truth: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """A forgery that is still to be laundered and cut.

    Attributes:
        forgery: as its forger published it.
        crop: side of the square that is cut, pixels.
        draw: where the choices come from, after the one of this forgery.
    """

    forgery: Forgery
    crop: int
    draw: np.random.Generator


class Pool:
    """Forgeries of one forger, made when first asked for and kept; number k is always the same.

    Args:
        forger: who paints, and how many forgeries there are.
        recipe: its seed decides which photograph and mask number k gets.
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
        photographs: Photographs,
        masks: Masks,
        device: str,
        weights: Path | None = None,
    ) -> None:
        self._forger, self._seed, self._sides = forger, recipe.seed, stage.sides
        self._weights = weights or forger.weights
        self._photographs, self._masks = photographs, masks
        self._kept: dict[int, Forgery] = {}
        self._device = device
        self._made: Inpainter | None = None
        INPAINTERS.entry(forger.name)

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
        key = (self._seed, "forgery", self._forger.name, number)
        draw = np.random.default_rng(seed_of(*key))
        side = self._sides[int(draw.integers(len(self._sides)))]
        whole = Stage(steps=1, batch=1, crop=side, sides=(side,))
        pixels = self._photographs.cut(
            int(draw.integers(len(self._photographs))), whole, side, draw
        )
        inpainter = self._inpainter()
        if not inpainter.card.paints:
            return Forgery(pixels=pixels.copy(), truth=np.zeros((side, side), dtype=np.bool_))
        mask = self._masks.mask(side, draw)
        return forge(inpainter, pixels, mask, seed=int(draw.integers(2**31)))


def forge(inpainter: Inpainter, pixels: Pixels, mask: Mask, *, seed: int = 0) -> Forgery:
    """Paint a hole of one photograph and round to 8 bits as the inpainter's authors do.

    Args:
        inpainter: who paints.
        pixels: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, True = to be painted.
        seed: for an inpainter that draws something.

    Returns:
        The forgery; known pixels are those of `pixels`, bit for bit.
    """
    images, masks = to_images(pixels[None]), to_masks(np.ascontiguousarray(mask)[None])
    filled = inpainter.inpaint(images, masks, seed=seed)
    painted = to_pixels(filled, rounding=inpainter.card.rounding)[0]
    return Forgery(pixels=np.where(mask[..., None], painted, pixels), truth=mask.copy())


def launder(
    forgery: Forgery, laundering: Laundering, draw: np.random.Generator, *, least: int
) -> Forgery:
    """Treat a whole picture as a publisher would: resized, blurred, noisy, compressed.

    Args:
        forgery: the picture and its truth; the truth is resized with it.
        laundering: probabilities and ranges.
        draw: where the choices come from.
        least: short side below which the picture is not shrunk.

    Returns:
        A new picture; the same where nothing was drawn.
    """
    pixels, truth = forgery.pixels, forgery.truth
    happens = draw.random(4)
    if happens[0] < laundering.resize[0]:
        pixels, truth = _resize(pixels, truth, draw.uniform(*laundering.resize[1:]), least)
    if happens[1] < laundering.blur[0]:
        pixels = _pixels(cv2.GaussianBlur(pixels, (0, 0), draw.uniform(0.2, laundering.blur[1])))
    if happens[2] < laundering.noise[0]:
        spread = draw.uniform(0, laundering.noise[1])
        noisy = pixels + draw.normal(0, spread, pixels.shape)
        pixels = noisy.round().clip(0, 255).astype(np.uint8)
    if happens[3] < laundering.jpeg[0]:
        pixels = _compress(pixels, int(draw.integers(laundering.jpeg[1], laundering.jpeg[2] + 1)))
    return Forgery(pixels=pixels, truth=truth)


def _resize(pixels: Pixels, truth: Mask, factor: float, least: int) -> tuple[Pixels, Mask]:
    height, width = (max(round(length * factor), least) for length in truth.shape)
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(pixels, (width, height), interpolation=way)
    moved = cv2.resize(truth.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return _pixels(resized), moved > 0


def _compress(pixels: Pixels, quality: int) -> Pixels:
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, file = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = _pixels(cv2.imdecode(file, cv2.IMREAD_COLOR))
    return _pixels(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB))


def _pixels(array: object) -> Pixels:
    return np.asarray(array, dtype=np.uint8)


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
        photographs: Photographs,
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
            self._pools_of(stage, self._train)

    def _pools_of(self, stage: Stage, photographs: Photographs) -> list[Pool]:
        return [self._pool(stage, forger, photographs) for forger in stage.forgers]

    def _pool(self, stage: Stage, forger: Forger, photographs: Photographs) -> Pool:
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
        """Launders and cuts; it knows nothing of photographs and pools."""
        return partial(_fill, self._recipe.laundering)

    def order(self, step: int, share: Share = WHOLE) -> list[Ordered]:
        """The forgeries of a step, each made here if it is the first time that it is drawn."""
        turn = self._recipe.at(step)
        return [
            self._one(turn.stage, ("picture", place), self._train) for place in share.places(turn)
        ]

    def batch(self, step: int, share: Share = WHOLE) -> tuple[Tensor, Tensor]:
        """Pictures and truths of a step, (N, 3, S, S) in [0, 1] and (N, 1, S, S)."""
        return stack(self.fill(self.order(step, share)))

    def held_out(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """The same of held-out photographs, forged and laundered as in the step's stage."""
        stage = self._recipe.at(step).stage
        photographs = self._held if len(self._held) else self._train
        keys = [("held out", number) for number in range(min(count, len(photographs)))]
        return stack(self.fill([self._one(stage, key, photographs) for key in keys]))

    def untouched(self) -> Tensor:
        """Held-out photographs that nobody painted in, as they are and laundered, (N, 3, S, S).

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

    def _one(self, stage: Stage, key: tuple[str, int], photographs: Photographs) -> Ordered:
        draw = np.random.default_rng(seed_of(self._recipe.seed, *key))
        pools = self._pools_of(stage, photographs)
        shares = np.array([forger.share for forger in stage.forgers])
        pool = pools[int(draw.choice(len(pools), p=shares / shares.sum()))]
        forgery = pool[int(draw.integers(len(pool)))]
        return Ordered(forgery=forgery, crop=stage.crop, draw=draw)


def _fill(laundering: Laundering, ordered: list[Ordered]) -> list[Pair]:
    laundered = [launder(one.forgery, laundering, one.draw, least=one.crop) for one in ordered]
    return [_cut(found, one.crop, one.draw) for found, one in zip(laundered, ordered, strict=True)]


def _cut(forgery: Forgery, crop: int, draw: np.random.Generator) -> Pair:
    height, width = forgery.truth.shape
    top, left = int(draw.integers(height - crop + 1)), int(draw.integers(width - crop + 1))
    square = slice(top, top + crop), slice(left, left + crop)
    turns, flip = int(draw.integers(4)), draw.random() < 0.5
    pixels, truth = np.rot90(forgery.pixels[square], turns), np.rot90(forgery.truth[square], turns)
    return (pixels[:, ::-1], truth[:, ::-1]) if flip else (pixels, truth)
