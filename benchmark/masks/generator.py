"""Generator of irregular masks: random-walk strokes and ragged blobs of an exact mask ratio.

They replace the NVIDIA irregular masks (Liu et al., 2018) if those are not available. The
arithmetic is in integers, and so is the random generator, so that the same arguments give the same
bytes on every platform and with every version of numpy. Lengths are in eighths of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import BadInput, DataError
from benchmark.core.types import Mask
from benchmark.masks.bucket import Bucket

REVISION = 1  # raised whenever the same arguments give another mask
UNIT = 8  # subdivisions of a pixel
REFERENCE = 256  # side of the image for which widths, steps and margin are given
DIRECTIONS = 256  # directions of a full turn
WANDERING = 32  # strokes that start anywhere; later ones start on a known pixel, to add holes

_GAMMA = 0x9E3779B97F4A7C15
_WORD = (1 << 64) - 1

Grid = NDArray[np.int32] | NDArray[np.int64]


class SplitMix64:
    """Random number generator of Steele, Lea and Flood, "Fast splittable pseudorandom ..." (2014).

    Args:
        seed: any integer; its lowest 64 bits are used.
    """

    def __init__(self, seed: int) -> None:
        self._state = seed & _WORD

    def word(self) -> int:
        """Return the next 64 bits as an integer."""
        self._state = (self._state + _GAMMA) & _WORD
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _WORD
        return mixed ^ (mixed >> 31)

    def between(self, low: int, high: int) -> int:
        """Return a random integer in [low, high]."""
        return low + (self.word() * (high - low + 1) >> 64)

    def levels(self, count: int) -> Grid:
        """Return (count,) int32 in [-128, 127], 8 from each word."""
        words = b"".join(self.word().to_bytes(8, "little") for _ in range(-(-count // 8)))
        return np.frombuffer(words, np.int8)[:count].astype(np.int32)


@dataclass(frozen=True, slots=True)
class _Brush:
    """Parameters of a stroke.

    Attributes:
        vertices: number of vertices of the random walk.
        radius: half the width, in eighths of a pixel.
        step: largest distance between two vertices, in eighths of a pixel.
        turn: largest change of direction at a vertex, in 256ths of a full turn.
        square: whether the tip is square; half of the NVIDIA masks' outlines have corners.
        rough: roughness of the outline, in 256ths of the radius.
    """

    vertices: int
    radius: int
    step: int
    turn: int
    square: bool
    rough: int


class HoleRange(NamedTuple):
    """Smallest and largest number of hole pixels."""

    fewest: int
    most: int


def check_room(*, height: int, width: int, bucket: Bucket, margin: int = 0) -> HoleRange:
    """Return the smallest and largest number of hole pixels of a generated mask.

    Args:
        height: height of the mask.
        width: width of the mask.
        bucket: range of the mask ratio.
        margin: border without holes, in pixels at a short side of 256.

    Raises:
        BadInput: if a size is not positive or the margin is negative.
        DataError: if no number of pixels is in the bucket, or the margin leaves too few.
    """
    if height < 1 or width < 1 or margin < 0:
        raise BadInput(f"mask of {height}x{width} with margin {margin}: expected positive sizes")
    border = _border(height, width, margin)
    room = max(height - 2 * border, 0) * max(width - 2 * border, 0)
    pixels = height * width
    fewest = bucket.smallest(pixels)
    most = min(bucket.largest(pixels), room, pixels - 1)  # at least one known pixel
    if fewest > most:
        raise DataError(
            f"no hole of {bucket.label} % fits an image of {width}x{height} with a margin of "
            f"{border} pixels: use larger images, another bucket or a smaller margin"
        )
    return HoleRange(fewest, most)


def irregular_mask(*, height: int, width: int, bucket: Bucket, seed: int, margin: int = 0) -> Mask:
    """Generate a mask; the number of hole pixels is uniformly distributed over `bucket`.

    Strokes of 4 to 18 vertices, 5 to 40 pixels wide at a short side of 256, and occasional blobs,
    are added until the number is reached; the last one is cut off there.

    Args:
        height: height of the mask.
        width: width of the mask.
        bucket: range of the mask ratio.
        seed: determines the mask together with the other arguments.
        margin: border without holes, in pixels at a short side of 256.

    Returns:
        (height, width) bool, True = hole; at least one hole pixel and one known pixel.

    Raises:
        BadInput: if a size is not positive or the margin is negative.
        DataError: if no mask of that bucket fits the size and margin.
    """
    fewest, most = check_room(height=height, width=width, bucket=bucket, margin=margin)
    random = SplitMix64(seed)
    canvas = _Canvas(height, width, _border(height, width, margin), random)
    canvas.wanted = random.between(fewest, most)
    while canvas.wanted:
        canvas.stroke(_brush(random, min(height, width)))
    return canvas.mask


class _Canvas:
    """A mask under construction.

    Attributes:
        mask: (H, W) bool, True = hole.
        wanted: number of hole pixels still to be added.
    """

    def __init__(self, height: int, width: int, border: int, random: SplitMix64) -> None:
        self.mask: Mask = np.zeros((height, width), dtype=np.bool_)
        self.wanted = 0
        self._free = np.zeros_like(self.mask)  # pixels that may still become holes
        self._free[border : height - border, border : width - border] = True
        self._border = border
        self._random = random
        self._strokes = 0
        self._noise = _noise(height, width, random)

    def stroke(self, brush: _Brush) -> None:
        """Draw a random walk until no more hole pixels are wanted."""
        row, column = self._start()
        direction = self._random.between(0, DIRECTIONS - 1)
        for _ in range(brush.vertices - 1):
            direction += self._random.between(-brush.turn, brush.turn)
            length = self._random.between(brush.step // 3, brush.step)
            cosine, sine = _COMPASS[direction % DIRECTIONS]
            down, right = length * sine >> _SHIFT, length * cosine >> _SHIFT
            self._segment((row, column), (down, right), brush)
            row, column = row + down, column + right
            if not self.wanted or self._is_outside(row, column):
                return

    def _is_outside(self, row: int, column: int) -> bool:
        height, width = self.mask.shape
        return not (0 <= row < height * UNIT and 0 <= column < width * UNIT)

    def _start(self) -> tuple[int, int]:
        self._strokes += 1
        height, width = self.mask.shape
        if self._strokes > WANDERING:
            free = np.flatnonzero(self._free)
            row, column = divmod(int(free[self._random.between(0, len(free) - 1)]), width)
        else:
            row = self._random.between(self._border, height - 1 - self._border)
            column = self._random.between(self._border, width - 1 - self._border)
        return row * UNIT, column * UNIT

    def _segment(self, start: tuple[int, int], way: tuple[int, int], brush: _Brush) -> None:
        reach = brush.radius + (brush.radius * brush.rough >> 8)
        height, width = self.mask.shape
        rows = _span(start[0], way[0], reach, range(self._border, height - self._border))
        columns = _span(start[1], way[1], reach, range(self._border, width - self._border))
        free = self._free[rows, columns]
        if not free.any():
            return
        y = np.arange(rows.start, rows.stop, dtype=np.int64)[:, None] * UNIT - start[0]
        x = np.arange(columns.start, columns.stop, dtype=np.int64)[None, :] * UNIT - start[1]
        radius = brush.radius + (brush.radius * brush.rough * self._noise[rows, columns] >> 15)
        tip = _square_tip if brush.square else _round_tip
        new = tip(y, x, way, radius) & free
        count = int(np.count_nonzero(new))
        if count > self.wanted:
            # Cut the last segment off: keep its pixels in the order in which the brush covers them.
            order = (y * way[0] + x * way[1] + radius * max(map(abs, way)))[new]
            places = np.flatnonzero(new)[np.argsort(order, kind="stable")[: self.wanted]]
            new = np.zeros_like(new)
            new.flat[places] = True
            count = self.wanted
        self.mask[rows, columns] |= new
        free &= ~new
        self.wanted -= count


def _brush(random: SplitMix64, side: int) -> _Brush:
    def scaled(pixels: int) -> int:
        return max(pixels * UNIT * side // REFERENCE, 1)

    blob = random.between(0, 5) == 0
    return _Brush(
        vertices=random.between(4, 7) if blob else random.between(4, 18),
        radius=random.between(scaled(24 if blob else 5), scaled(52 if blob else 40)) // 2,
        step=scaled(14) if blob else scaled(random.between(16, 44)),
        turn=DIRECTIONS // 2 if blob else random.between(6, 44),
        square=random.between(0, 1) == 0,
        rough=random.between(110, 190) if blob else random.between(50, 130),
    )


def _border(height: int, width: int, margin: int) -> int:
    return margin * min(height, width) // REFERENCE


def _span(start: int, way: int, reach: int, room: range) -> slice:
    """Return the pixels of an axis, within `room`, that a segment may touch; may be empty."""
    low = -(-(min(start, start + way) - reach) // UNIT)
    high = (max(start, start + way) + reach) // UNIT + 1
    first = min(max(low, room.start), room.stop)
    return slice(first, max(min(high, room.stop), first))


def _round_tip(y: Grid, x: Grid, way: tuple[int, int], radius: Grid) -> Mask:
    """Return (h, w) bool: pixels within `radius` of the segment from (0, 0) to `way`."""
    down, right = way
    length = down * down + right * right
    along = y * down + x * right
    across = y * right - x * down
    square = radius.astype(np.int64) ** 2
    inside: Mask = (along >= 0) & (along <= length) & (across * across <= square * length)
    near = y * y + x * x <= square
    far = (y - down) ** 2 + (x - right) ** 2 <= square
    return inside | near | far


def _square_tip(y: Grid, x: Grid, way: tuple[int, int], radius: Grid) -> Mask:
    """Return (h, w) bool: pixels covered by an upright square of half side `radius` along `way`."""
    down, right = way
    rows = (y >= min(down, 0) - radius) & (y <= max(down, 0) + radius)
    columns = (x >= min(right, 0) - radius) & (x <= max(right, 0) + radius)
    across: Mask = np.abs(y * right - x * down) <= radius * (abs(down) + abs(right))
    return rows & columns & across


def _noise(height: int, width: int, random: SplitMix64) -> Grid:
    """Return noise (height, width) int32 in [-128, 128]: two smooth scales and a blocky one."""
    side = min(height, width)
    long, short, block = (max(side * size // REFERENCE, 1) for size in (24, 9, 5))
    waves = 2 * _wave(height, width, long, random) + _wave(height, width, short, random)
    return (waves + _blocks(height, width, block, random)) >> 2


def _wave(height: int, width: int, cell: int, random: SplitMix64) -> Grid:
    """Return value noise (height, width): random levels at cell corners, interpolated between."""
    down, right = height // cell + 2, width // cell + 2
    corners = random.levels(down * right).reshape(down, right)
    row, y = np.divmod(np.arange(height, dtype=np.int32), cell)
    column, x = np.divmod(np.arange(width, dtype=np.int32), cell)
    lines: Grid = corners[row] * (cell - y)[:, None] + corners[row + 1] * y[:, None]
    wave: Grid = (lines[:, column] * (cell - x) + lines[:, column + 1] * x) // (cell * cell)
    return wave


def _blocks(height: int, width: int, cell: int, random: SplitMix64) -> Grid:
    """Return noise (height, width) that is constant in each cell."""
    down, right = height // cell + 1, width // cell + 1
    values = random.levels(down * right).reshape(down, right)
    return values[np.arange(height) // cell][:, np.arange(width) // cell]


_SHIFT = 16


def _compass() -> tuple[tuple[int, int], ...]:
    """Return cosine and sine of 256 directions, times 2 ** 16, by rotating a vector repeatedly."""
    fine = 48  # extra bits, so that the rounding errors of 256 rotations are not kept
    cosine, sine = 281390201710184, 6907741726938  # of 2 pi / 256, times 2 ** 48
    x, y, table = 1 << fine, 0, []
    for _ in range(DIRECTIONS):
        table.append((x >> fine - _SHIFT, y >> fine - _SHIFT))
        x, y = x * cosine - y * sine >> fine, x * sine + y * cosine >> fine
    return tuple(table)


_COMPASS = _compass()
