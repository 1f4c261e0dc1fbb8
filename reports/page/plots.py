"""Charts as inline SVG that follows the page's style, so that dark mode needs no redraw.

Series have colors of Okabe and Ito's palette, and markers and dashes for readers without color.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

from reports.figures.charts import Chart, Point, Series
from reports.figures.labels import Box, Line, Name, Place, place

WIDTH, HEIGHT = 380, 260  # of the view box; the page scales the image
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 46
_DASHES = ("", "6 3", "2 3", "8 3 2 3")
_LETTER, _LINE = 6.6, 12.0  # width and height of a letter of 11 pixels, rather too much
_RADIUS = 5.5  # of a marker


class _PlacedPoint(NamedTuple):
    """A point and where it is in the image."""

    point: Point
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """Linear map from data to image coordinates, with the values of the ticks."""

    low: float
    high: float
    start: float
    end: float
    marks: tuple[float, ...] = ()

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def svg(chart: Chart) -> Markup:
    """Render a chart as an `<svg>` element with a tooltip per point."""
    horizontal, vertical = _scales(chart)
    placed = [
        _placed(one, horizontal, vertical, shift=_shift(chart, position))
        for position, one in enumerate(chart.series)
    ]
    tags = _tags(chart, placed, horizontal)
    parts = [
        _axes(chart, horizontal, vertical),
        _null(chart, horizontal),
        *(
            _series(one, points, vertical, tags)
            for one, points in zip(chart.series, placed, strict=True)
        ),
    ]
    head = Markup('<svg viewBox="0 0 {w} {h}" role="img" aria-label="{label}">').format(
        w=WIDTH, h=HEIGHT, label=f"{chart.y_title} over {chart.x_title}: {chart.title}"
    )
    return head + Markup("").join(parts) + Markup("</svg>")


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers that cover [low, high].

    Args:
        low: finite lower end.
        high: finite upper end, above `low`.
        count: number of intervals to aim for.
    """
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * one for one in (1, 2, 2.5, 5, 10) if power * one >= raw * 0.999)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(at * step, 10) for at in range(first, last + 1)]


def _scales(chart: Chart) -> tuple[_Scale, _Scale]:
    points = [point for one in chart.series for point in one.points]
    right = WIDTH - RIGHT
    if chart.positions:
        horizontal = _Scale(low=-0.4, high=len(chart.positions) - 0.6, start=LEFT, end=right)
    else:
        reference = 0.5 if chart.null is None else chart.null  # AUC of chance, or the null
        horizontal = _scale([*(point.x for point in points), reference], LEFT, right)
    ends = [end for point in points for end in (point.y, point.low, point.high) if end is not None]
    return horizontal, _scale(ends, HEIGHT - BOTTOM, TOP)


def _scale(values: Sequence[float], start: float, end: float) -> _Scale:
    low, high = min(values), max(values)
    room = (high - low) * 0.04 or max(abs(high), 1.0) * 0.05
    marks = ticks(low - room, high + room)
    if low >= 0 and high <= 1:  # a share: no ticks outside [0, 1]
        marks = [one for one in marks if 0 <= one <= 1]
        first, last = max(0.0, min(marks[0], low - room)), min(1.0, max(marks[-1], high + room))
    else:
        first, last = marks[0], marks[-1]
    return _Scale(low=first, high=last, start=start, end=end, marks=tuple(marks))


def _axes(chart: Chart, horizontal: _Scale, vertical: _Scale) -> Markup:
    bottom = HEIGHT - BOTTOM
    parts = []
    for value in vertical.marks:
        at = round(vertical(value), 1)
        parts.append(_tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid"))
        parts.append(_text(f"{value:g}", LEFT - 6, at + 4, anchor="end"))
    marks = (
        [(float(at), name) for at, name in enumerate(chart.positions)]
        if chart.positions
        else [(value, f"{value:g}") for value in horizontal.marks]
    )
    for value, name in marks:
        at = round(horizontal(value), 1)
        parts.append(_tag("line", x1=at, x2=at, y1=bottom, y2=bottom + 4, class_="tick"))
        parts.append(_text(name, at, bottom + 17, anchor="middle"))
    parts.append(_tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom, class_="tick"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(_text(chart.x_title, middle, HEIGHT - 8, anchor="middle"))
    height = (TOP + bottom) / 2
    turned = Markup('<text class="label" text-anchor="middle" transform="{at}">{text}</text>')
    parts.append(turned.format(at=f"translate(14 {height:g}) rotate(-90)", text=chart.y_title))
    return Markup("").join(parts)


def _null(chart: Chart, horizontal: _Scale) -> Markup:
    """Render the null as a labeled vertical line."""
    if chart.null is None:
        return Markup("")
    at = round(horizontal(chart.null), 1)
    line = _tag("line", x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM, class_="null")
    group = Markup("<g><title>{label}</title>{line}</g>").format(
        label=f"null, mean over hole sizes: {chart.null:.4f}", line=line
    )
    return group + _text("null", at + 4, TOP + 8, anchor="start")


def _dash(series: Series) -> str:
    return "4 4" if series.null else _DASHES[series.index % len(_DASHES)]


def _placed(
    series: Series, horizontal: _Scale, vertical: _Scale, *, shift: float
) -> list[_PlacedPoint]:
    return [
        _PlacedPoint(point, round(horizontal(point.x) + shift, 1), round(vertical(point.y), 1))
        for point in series.points
    ]


def _series(
    series: Series, placed: Sequence[_PlacedPoint], vertical: _Scale, tags: Mapping[Point, Markup]
) -> Markup:
    line = " ".join(f"{x:g},{y:g}" for _, x, y in placed)
    dash = _dash(series)
    parts = [_tag("polyline", points=line, class_="line", stroke_dasharray=dash)]
    parts += [_interval(point, x, vertical) for point, x, _ in placed]
    parts += [_mark(series.marker, point.label, x, y) for point, x, y in placed]
    parts += [tags[point] for point, _, _ in placed if point in tags]
    return Markup(
        '<g class="series" data-series="{index}" style="--c:{color}">{inside}</g>'
    ).format(index=series.index, color=series.color, inside=Markup("").join(parts))


def _tags(
    chart: Chart, placed: Sequence[Sequence[_PlacedPoint]], horizontal: _Scale
) -> dict[Point, Markup]:
    """Return the texts beside points, as far as there is room; tooltips have all of them."""
    points = [point for series in placed for point in series]
    tagged = [one for one in points if one.point.tag]
    null = [] if chart.null is None else [_null_text(horizontal(chart.null))]
    places = place(
        [Name(one.x, one.y, _LETTER * len(one.point.tag), _LINE) for one in tagged],
        [(one.x, one.y) for one in points],
        frame=Box(LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM),
        radius=_RADIUS,
        taken=null,
        curves=[
            Line(one.x, one.y, other.x, other.y)
            for series in placed
            for one, other in pairwise(series)
        ],
    )
    return {
        one.point: _tagged(one.point.tag, spot)
        for one, spot in zip(tagged, places, strict=True)
        if spot is not None
    }


def _tagged(text: str, spot: Place) -> Markup:
    box, line = spot
    middle = round((box.left + box.right) / 2, 1)
    lead = (
        _tag("line", x1=line.x1, y1=line.y1, x2=round(line.x2, 1), y2=round(line.y2, 1),
             class_="tick")
        if line
        else Markup("")
    )  # fmt: skip
    return lead + _text(text, middle, round(box.bottom - 3, 1), anchor="middle")


def _null_text(at: float) -> Box:
    return Box(at + 4, TOP, at + 4 + 4 * _LETTER, TOP + _LINE)


def _shift(chart: Chart, place: int) -> float:
    return (place - (len(chart.series) - 1) / 2) * 4.0 if chart.positions else 0.0


def _interval(point: Point, x: float, vertical: _Scale) -> Markup:
    if point.low is None or point.high is None:
        return Markup("")
    low, high = round(vertical(point.low), 1), round(vertical(point.high), 1)
    return _tag("line", x1=x, x2=x, y1=low, y2=high, class_="span")


def _mark(marker: str, label: str, x: float, y: float) -> Markup:
    shape = _tag("path", d=SHAPES[marker](x, y), class_=_CLASSES.get(marker, "mark"))
    return Markup("<g><title>{label}</title>{shape}</g>").format(label=label, shape=shape)


def legend_mark(series: Series) -> Markup:
    """Render the marker and line of a series as a small image for a legend."""
    dash = _dash(series)
    line = _tag("line", x1=0, x2=28, y1=7, y2=7, class_="line", stroke_dasharray=dash)
    shape = _tag("path", d=SHAPES[series.marker](14, 7), class_=_CLASSES.get(series.marker, "mark"))
    return Markup(
        '<svg class="key" viewBox="0 0 28 14" width="28" height="14" aria-hidden="true" '
        'style="--c:{color}">{inside}</svg>'
    ).format(color=series.color, inside=line + shape)


def _polygon(*corners: tuple[float, float]) -> Callable[[float, float], str]:
    def path(x: float, y: float) -> str:
        return "M" + "L".join(f"{x + right:g} {y + down:g}" for right, down in corners) + "Z"

    return path


def _strokes(*lines: tuple[float, float, float, float]) -> Callable[[float, float], str]:
    def path(x: float, y: float) -> str:
        return "".join(f"M{x + a:g} {y + b:g}L{x + c:g} {y + d:g}" for a, b, c, d in lines)

    return path


def _circle(x: float, y: float) -> str:
    return f"M{x - 4:g} {y:g}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z"


SHAPES: dict[str, Callable[[float, float], str]] = {
    "circle": _circle,
    "square": _polygon((-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)),
    "triangle": _polygon((0, -4.5), (4.3, 3.2), (-4.3, 3.2)),
    "diamond": _polygon((0, -5), (5, 0), (0, 5), (-5, 0)),
    "down": _polygon((0, 4.5), (4.3, -3.2), (-4.3, -3.2)),
    "star": _polygon((0, -5.5), (1.6, -1.6), (5.5, 0), (1.6, 1.6), (0, 5.5), (-1.6, 1.6),
                     (-5.5, 0), (-1.6, -1.6)),
    "cross": _strokes((-4, -4, 4, 4), (-4, 4, 4, -4)),
    "plus": _strokes((-5, 0, 5, 0), (0, -5, 0, 5)),
}  # fmt: skip
_CLASSES = {"cross": "mark open", "plus": "mark open"}


def _text(text: str, x: float, y: float, *, anchor: str) -> Markup:
    return Markup(
        '<text class="label" x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>'
    ).format(x=f"{x:g}", y=f"{y:g}", anchor=anchor, text=text)


def _tag(name: str, **attributes: str | float) -> Markup:
    """Render an empty element; "_" in an attribute name becomes "-", empty values are omitted."""
    parts = [
        f'{key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value != ""
    ]
    return Markup(f"<{name} {' '.join(parts)}/>")  # noqa: S704 (our own names, values escaped)
