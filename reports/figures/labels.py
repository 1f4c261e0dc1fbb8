"""Where the names of points are written, so that none covers another name or a point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_GAP = 3.0  # between a point and its name
_FAR = (0.0, 10.0, 20.0, 32.0, 46.0, 62.0, 80.0, 100.0)  # beyond it, with a line to the point
# right above, right below, left above, left below, right, left, above, below
_NEAR = ((1, -1), (1, 1), (-1, -1), (-1, 1), (1, 0), (-1, 0), (0, -1), (0, 1))
_BETWEEN = ((1, -0.5), (1, 0.5), (-1, -0.5), (-1, 0.5), (0.5, -1), (0.5, 1), (-0.5, -1), (-0.5, 1))


class Box(NamedTuple):
    """A rectangle; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float


class Line(NamedTuple):
    """A straight line between two points."""

    x1: float
    y1: float
    x2: float
    y2: float


class Name(NamedTuple):
    """A name to write beside a point: where the point is, and how large the text."""

    x: float
    y: float
    width: float
    height: float


class Place(NamedTuple):
    """Where a name is written; `line` leads to its point if the name is not beside it."""

    box: Box
    line: Line | None


@dataclass(slots=True)
class _Taken:
    """What is drawn already."""

    frame: Box
    radius: float
    points: Sequence[tuple[float, float]]
    boxes: list[Box] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def free(self, box: Box) -> bool:
        """Whether a name fits here."""
        inside = (
            box.left >= self.frame.left
            and box.right <= self.frame.right
            and box.top >= self.frame.top
            and box.bottom <= self.frame.bottom
        )
        return (
            inside
            and not any(_overlap(box, other) for other in self.boxes)
            and not any(_away(box, x, y) < self.radius for x, y in self.points)
            and not any(_crosses(line, box) for line in self.lines)
        )

    def own(self, box: Box, name: Name) -> bool:
        """Whether no other point is as near to this place, so that it needs no line."""
        away = _away(box, name.x, name.y)
        others = (one for one in self.points if one != (name.x, name.y))
        return all(_away(box, *one) > away for one in others)

    def clear(self, line: Line) -> bool:
        """Whether a line to a point crosses no name, no other line and no point apart from it."""
        others = (one for one in self.points if math.dist(one, line[:2]) > 2 * self.radius)
        return (
            not any(_crosses(line, box) for box in self.boxes)
            and not any(_cross(line, other) for other in self.lines)
            and not any(_to_line(x, y, line) < self.radius for x, y in others)
        )


def place(
    names: Sequence[Name],
    points: Sequence[tuple[float, float]],
    *,
    frame: Box,
    radius: float,
    taken: Sequence[Box] = (),
    curves: Sequence[Line] = (),
) -> list[Place | None]:
    """Return where each name is written, earlier names first; None where there is no room.

    Args:
        names: the names, each with its point.
        points: all points of the chart, which no name covers.
        frame: the part of the chart that names may use.
        radius: of a point.
        taken: texts that are there already.
        curves: lines of the chart, which a name covers only if it is as near nowhere else.
    """
    drawn = _Taken(frame, radius, points, list(taken))
    found = []
    for name in names:
        spot = _nearest(name, drawn, curves)
        if spot is not None:
            drawn.boxes.append(spot.box)
            drawn.lines += [spot.line] if spot.line else []
        found.append(spot)
    return found


def _nearest(name: Name, drawn: _Taken, curves: Sequence[Line]) -> Place | None:
    """Return the nearest free place, of equals one off the lines of the chart."""
    for far in _FAR:
        found = list(_free(name, far, drawn))
        off = (one for one in found if not any(_crosses(line, one.box) for line in curves))
        if found:
            return next(off, found[0])
    return None


def _free(name: Name, far: float, drawn: _Taken) -> Iterator[Place]:
    for right, down in (*_NEAR, *_BETWEEN) if far else _NEAR:
        box = _box(name, right, down, drawn.radius + _GAP + far)
        if not drawn.free(box):
            continue
        line = Line(name.x, name.y, *_nearest_to(box, name.x, name.y)) if far else None
        if drawn.clear(line) if line else drawn.own(box, name):
            yield Place(box, line)


def _box(name: Name, right: float, down: float, away: float) -> Box:
    """Return the box of a name in a direction; diagonally its corner is as far as a side."""
    share = away * math.sqrt(0.5) if right and down else away
    x = name.x + right * (share + name.width / 2)
    y = name.y + down * (share + name.height / 2)
    half, tall = name.width / 2, name.height / 2
    return Box(x - half, y - tall, x + half, y + tall)


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.left < other.right
        and other.left < one.right
        and one.top < other.bottom
        and other.top < one.bottom
    )


def _nearest_to(box: Box, x: float, y: float) -> tuple[float, float]:
    return min(max(x, box.left), box.right), min(max(y, box.top), box.bottom)


def _away(box: Box, x: float, y: float) -> float:
    return math.dist((x, y), _nearest_to(box, x, y))


def _crosses(line: Line, box: Box) -> bool:
    """Whether a line touches a box: the part of it that is inside is not empty."""
    first, last = 0.0, 1.0
    for start, end, low, high in (
        (line.x1, line.x2, box.left, box.right),
        (line.y1, line.y2, box.top, box.bottom),
    ):
        if start == end:
            if not low < start < high:
                return False
            continue
        ends = sorted(((low - start) / (end - start), (high - start) / (end - start)))
        first, last = max(first, ends[0]), min(last, ends[1])
    return first < last


def _cross(one: Line, other: Line) -> bool:
    def side(line: Line, x: float, y: float) -> float:
        return (line.x2 - line.x1) * (y - line.y1) - (line.y2 - line.y1) * (x - line.x1)

    return (
        side(one, other.x1, other.y1) * side(one, other.x2, other.y2) < 0
        and side(other, one.x1, one.y1) * side(other, one.x2, one.y2) < 0
    )


def _to_line(x: float, y: float, line: Line) -> float:
    across, down = line.x2 - line.x1, line.y2 - line.y1
    length = across * across + down * down
    share = ((x - line.x1) * across + (y - line.y1) * down) / length if length else 0.0
    share = min(max(share, 0.0), 1.0)
    return math.dist((x, y), (line.x1 + share * across, line.y1 + share * down))
