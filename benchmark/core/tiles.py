"""Tiles of a large image: a deterministic grid, and the blend of what is computed per tile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import BadInput
from benchmark.core.types import Pixels

TILE = 512  # default side of a tile, in pixels
OVERLAP = 64  # default overlap of neighboring tiles, in pixels
REVISION = 1  # raised whenever the same tiles give another heatmap or score
SMALLEST_TILE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """How images are divided.

    Attributes:
        side: of a tile, in pixels.
        overlap: of neighboring tiles, in pixels; at most half of `side`.

    Raises:
        BadInput: if the tile is too small, or the overlap is negative or more than half of it.
    """

    side: int = TILE
    overlap: int = OVERLAP

    def __post_init__(self) -> None:
        if self.side < SMALLEST_TILE:
            raise BadInput(f"--tile {self.side}: expected at least {SMALLEST_TILE} pixels")
        if not 0 <= self.overlap <= self.side // 2:
            raise BadInput(
                f"--overlap {self.overlap}: expected 0 to {self.side // 2}, half of --tile "
                f"{self.side}"
            )


def tiling_of(side: int | None, overlap: int | None) -> Tiling:
    """Return a tiling, by default of 512 pixels that overlap by an eighth of a tile.

    Raises:
        BadInput: if the tile is too small, or the overlap does not fit.
    """
    side = TILE if side is None else side
    return Tiling(side=side, overlap=side // 8 if overlap is None else overlap)


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of an image: rows top to bottom and columns left to right, the ends excluded."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The tiles of one image: every span of rows with every span of columns.

    Attributes:
        rows: (start, end) along the height, in order.
        columns: (start, end) along the width, in order.
    """

    rows: tuple[tuple[int, int], ...]
    columns: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    @property
    def tiles(self) -> list[Tile]:
        """The tiles, row by row."""
        return [Tile(*rows, *columns) for rows in self.rows for columns in self.columns]


def grid_of(height: int, width: int, tiling: Tiling) -> Grid:
    """Divide an image of a size.

    An axis that is not longer than a tile has a single span. The last tile of an axis is aligned to
    the border, so its overlap with the one before may be larger.
    """
    return Grid(rows=_spans(height, tiling), columns=_spans(width, tiling))


def _spans(length: int, tiling: Tiling) -> tuple[tuple[int, int], ...]:
    if length <= tiling.side:
        return ((0, length),)
    last = length - tiling.side
    starts = [*range(0, last, tiling.side - tiling.overlap), last]
    return tuple((start, start + tiling.side) for start in starts)


def blend_weights(spans: tuple[tuple[int, int], ...]) -> list[NDArray[np.float32]]:
    """Weights of each span of an axis; at every pixel those of all spans add up to 1.

    Where two spans overlap, the weight of the first falls and that of the second rises linearly. A
    span overlaps its direct neighbors only, as the overlap is at most half a tile, but for the last
    tile, which may reach the one before the previous: the weights are normalized.

    Returns:
        One (end - start,) float32 array per span.
    """
    raw = [np.ones(end - start, dtype=np.float64) for start, end in spans]
    for index, ((first, end), (start, _)) in enumerate(pairwise(spans)):
        overlap = end - start
        if overlap <= 0:
            continue
        rising = np.arange(1, overlap + 1) / (overlap + 1)
        raw[index][start - first :] *= rising[::-1]
        raw[index + 1][:overlap] *= rising
    total = np.zeros(spans[-1][1], dtype=np.float64)
    for (start, end), weights in zip(spans, raw, strict=True):
        total[start:end] += weights
    return [
        (weights / total[start:end]).astype(np.float32)
        for (start, end), weights in zip(spans, raw, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blended:
    """What was computed tile by tile.

    Attributes:
        heatmap: (H, W) float32, blended linearly where tiles overlap.
        scores: (T,) float64, the image-level score of each tile, row by row.
    """

    heatmap: NDArray[np.float32]
    scores: NDArray[np.float64]


def detect_tiles(
    pixels: Pixels,
    grid: Grid,
    look: Callable[[Pixels], tuple[NDArray[np.float32], float]],
    *,
    done: Callable[[int], None] = lambda _: None,
) -> Blended:
    """Run a detector on each tile and blend the heatmaps.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        grid: its tiles.
        look: returns the (h, w) heatmap in [0, 1] and the score of a tile.
        done: called with the number of tiles done, after each.
    """
    height, width = pixels.shape[:2]
    heatmap = np.zeros((height, width), dtype=np.float32)
    down, across = blend_weights(grid.rows), blend_weights(grid.columns)
    scores = []
    for row, (top, bottom) in enumerate(grid.rows):
        for column, (left, right) in enumerate(grid.columns):
            part, score = look(np.ascontiguousarray(pixels[top:bottom, left:right]))
            weights = down[row][:, None] * across[column][None, :]
            heatmap[top:bottom, left:right] += part * weights
            scores.append(score)
            done(len(scores))
    np.clip(heatmap, 0, 1, out=heatmap)  # sums of weights may exceed 1 by a rounding
    return Blended(heatmap=heatmap, scores=np.asarray(scores, dtype=np.float64))
