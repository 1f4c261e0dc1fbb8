"""Detect forgeries in one image, whole or in tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isnan

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import BadInput, BadOutput, DataError
from benchmark.core.tiles import Grid, Tiling, grid_of, tiling_of
from benchmark.core.types import Case, Mask, NamedImage, Pixels, Verdict
from benchmark.metrics import METRICS
from benchmark.runner.jobs import ResolvedModel
from benchmark.runner.tiled import detect_piece, detect_tiled, heatmap_logits
from benchmark.single.cache import cached_heatmap, detect_key
from benchmark.single.models import Loaded, evidence_note
from benchmark.single.tiles import WHOLE_PIXELS, TileOptions
from benchmark.store.encoding import heatmap_output
from benchmark.store.store import Store
from detectors import DETECTORS

EMPTY_TRUTH = "the truth is empty: nothing was manipulated"
FULL_TRUTH = "the truth covers the whole image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiles:
    """How an image was tiled.

    Attributes:
        side: of a tile, in pixels.
        overlap: of neighboring tiles, in pixels.
        count: of tiles.
        above: tiles whose own score is above the detector's operating point; None for a detector
            whose score is the share of its heatmap above 0.5, which is taken of the blended one.
    """

    side: int
    overlap: int
    count: int
    above: int | None

    @property
    def text(self) -> str:
        """What the score is of, such as "highest of 63 tiles, 2 of them above"."""
        if self.above is None:
            return f"share of the map blended from {self.count} tiles"
        return f"highest of {self.count} tiles, {self.above} of them above"


@dataclass(frozen=True, slots=True, kw_only=True)
class Localization:
    """How well a heatmap finds the truth.

    Attributes:
        auc: area under the ROC curve of pixels, or None.
        f1: F1 of pixels above 0.5, or None.
        reason: why there are no numbers, or "".
    """

    auc: float | None = None
    f1: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What a detector returned for an image.

    Attributes:
        image: name of the image.
        detector: name of the detector.
        weights: edition of its weights, such as "mini".
        score: image-level score in [0, 1].
        threshold: the detector's operating point.
        evidence: what has to stand beside the verdict, or "".
        area: share of the heatmap above 0.5.
        logits: (H, W) float16, the heatmap's log-odds, within +-30.
        tiles: how the image was tiled, or None where the detector saw it whole.
        truth: AUC and F1 against a truth, or None where none was given.
        stored: whether it was taken from the store.
    """

    image: str
    detector: str
    weights: str
    score: float
    threshold: float
    evidence: str
    area: float
    logits: NDArray[np.float16]
    tiles: Tiles | None = None
    truth: Localization | None = None
    stored: bool = False

    @property
    def forged(self) -> bool:
        """Whether the score is above the operating point, in the score's own precision."""
        return bool(np.float32(self.score) > np.float32(self.threshold))

    @property
    def verdict(self) -> str:
        """The verdict with what has to stand beside it, never without."""
        call = f"{'forged' if self.forged else 'not forged'} at {self.threshold:g}"
        notes = [self.tiles.text] if self.tiles is not None else []
        notes += [self.evidence] if self.evidence else []
        return f"{call} ({'; '.join(notes)})" if notes else call

    def heatmap(self) -> NDArray[np.float32]:
        """(H, W) float32 in [0, 1], the probability that a pixel was manipulated."""
        return probabilities(self.logits)


def probabilities(logits: NDArray[np.float16]) -> NDArray[np.float32]:
    """(H, W) float16 log-odds to float32 in [0, 1]."""
    result = np.empty(logits.shape, dtype=np.float32)
    np.negative(logits, out=result, casting="unsafe")
    np.exp(result, out=result)
    result += 1
    np.reciprocal(result, out=result)
    return result


def tiling_for(
    chosen: ResolvedModel, shape: tuple[int, int], options: TileOptions | None = None
) -> Tiling | None:
    """Decide whether and how an image is tiled.

    Args:
        chosen: the detector.
        shape: height and width of the image.
        options: side and overlap of tiles; by default tiles of 512 above a megapixel, but for
            programs of users, which get the whole image.

    Returns:
        How to tile, or None where the detector sees the image whole.

    Raises:
        BadInput: if a tile is smaller than the model takes, or the overlap does not fit.
    """
    tile, overlap = (options.tile, options.overlap) if options else (None, None)
    tiling = tiling_of(tile or None, overlap)
    if tile and tile < chosen.card.min_side:
        raise BadInput(
            f"--tile {tile}: {chosen.name} takes images of at least {chosen.card.min_side} pixels "
            "a side"
        )
    if tile == 0 or max(shape) <= tiling.side:
        return None
    by_program = DETECTORS.find(chosen.word or chosen.name).scheme != ""
    if tile is None and (shape[0] * shape[1] <= WHOLE_PIXELS or by_program):
        return None
    return tiling


def detect_image(
    chosen: ResolvedModel,
    pixels: Pixels,
    *,
    loaded: Loaded,
    store: Store,
    tiling: Tiling | None = None,
    name: str = "image",
    done: Callable[[int, int], None] = lambda *_: None,
) -> Detected:
    """Run a detector on an image.

    The score of a tiled image is the highest score of its tiles; for a detector whose score is the
    share of its heatmap above 0.5, it is that share of the blended heatmap.

    Args:
        chosen: the detector with its weights.
        pixels: (H, W, 3) uint8 RGB.
        loaded: loads the model if the store lacks the output.
        store: where outputs are kept.
        tiling: how the image is divided, or None for the whole image at once.
        name: of the image.
        done: called with the tiles done and their number, after each tile.

    Raises:
        DataError: if the image is smaller than the model takes.
        BadOutput: if the model returns NaN or another shape.
        WeightsError: if its checkpoint cannot be used.
    """
    smallest = min(pixels.shape[:2])
    if smallest < chosen.card.min_side:
        raise DataError(
            f"{name}: {chosen.name} takes images of at least {chosen.card.min_side} pixels a side, "
            f"this one has {smallest}"
        )
    grid = grid_of(pixels.shape[0], pixels.shape[1], tiling) if tiling else None
    key = detect_key(chosen, pixels, tiling=tiling, name=name)
    logits = cached_heatmap(store, key)
    stored = logits is not None
    if logits is None:
        logits = _compute(chosen, pixels, grid, (loaded, store, key, name), done)
    (score,), (numbers,) = store.scores([key]), store.measurements([key])
    if score is None or numbers is None:
        raise BadOutput(f"{chosen.name}: its output for {name} is not in the store")
    tiles = None
    if tiling is not None and grid is not None:
        above = None if chosen.card.score_from == "area" else int(numbers[0])
        tiles = Tiles(side=tiling.side, overlap=tiling.overlap, count=len(grid), above=above)
    return Detected(
        image=name,
        detector=chosen.name,
        weights=chosen.weights.edition,
        score=float(score),
        threshold=chosen.card.threshold,
        evidence=evidence_note(chosen),
        area=float((logits > 0).mean()),
        logits=logits,
        tiles=tiles,
        stored=stored,
    )


def _compute(
    chosen: ResolvedModel,
    pixels: Pixels,
    grid: Grid | None,
    place: tuple[Loaded, Store, str, str],
    done: Callable[[int, int], None],
) -> NDArray[np.float16]:
    """Run the model, keep score and heatmap, and return the heatmap's logits."""
    loaded, store, key, name = place
    model, image = loaded.detector(chosen), NamedImage(sample=name, image=pixels)
    numbers: tuple[float, ...] = ()
    if grid is None:
        heatmap, score = detect_piece(model, image)
        done(1, 1)
    else:
        tiled = detect_tiled(chosen, model, image, grid, done=lambda count: done(count, len(grid)))
        heatmap, score, numbers = tiled.heatmap, tiled.score, (float(tiled.above),)
    logits = heatmap_logits(heatmap)
    store.put([replace(heatmap_output(key, logits, score), numbers=numbers)])
    return logits


def localize(detected: Detected, truth: Mask, pixels: Pixels) -> Detected:
    """Add AUC and F1 against a truth, or why there are none.

    Args:
        detected: what a detector returned.
        truth: (H, W) bool, True = manipulated.
        pixels: (H, W, 3) uint8, the image.
    """
    if truth.shape != detected.logits.shape:
        size = "x".join(map(str, truth.shape[::-1]))
        return replace(detected, truth=Localization(reason=f"the truth has {size} pixels"))
    if truth.all() or not truth.any():
        reason = FULL_TRUTH if truth.any() else EMPTY_TRUTH
        return replace(detected, truth=Localization(reason=reason))
    case = Case(
        image=pixels[None],
        mask=truth[None],
        truth=truth[None],
        filled=pixels[None],
        verdict=Verdict(
            logits=detected.logits[None],
            score=np.asarray([detected.score], dtype=np.float32),
            threshold=detected.threshold,
        ),
    )
    values = {}
    for name in ("auc", "f1"):
        metric = METRICS.load(name)()
        value = float(metric.values(metric.measure(case))[0])
        values[name] = None if isnan(value) else value
    return replace(detected, truth=Localization(auc=values["auc"], f1=values["f1"]))
