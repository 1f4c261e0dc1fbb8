"""Charts as PNG and SVG files for papers, by matplotlib; the same run gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib.style as styles
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.core.errors import OutputError
from benchmark.core.paths import atomic, make_folder
from reports.figures.charts import GRAY, Chart, Series
from reports.figures.labels import Box, Name, place

DPI = 150
SIZE = (4.8, 3.6)  # inches
LEGEND = 3  # names per row of the legend
ROWS = 6  # rows of the legend below the axes; more rows make the figure taller
ROW = 0.06  # height of a row of the legend, relative to the default height of the figure
LETTER, LINE, MARKER = 4.8, 8.0, 4.0  # sizes of a tag and a marker in points, rather too much
_MARKS = {
    "circle": "o", "square": "s", "triangle": "^", "diamond": "D", "cross": "x", "plus": "+",
    "down": "v", "star": "*",
}  # fmt: skip
# A fixed salt makes the ids of an SVG reproducible; text is kept as text.
_STYLE: dict[str, Any] = {
    "svg.hashsalt": "safepaint-bench",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_NO_DATES = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def write_figures(folder: Path, charts: Iterable[Chart]) -> tuple[Path, ...]:
    """Write every chart as NAME.png and NAME.svg.

    Args:
        folder: output folder, created if missing.
        charts: the charts.

    Returns:
        The files, in the order of the charts.

    Raises:
        OutputError: if a file cannot be written.
    """
    make_folder(folder)
    files = []
    for chart in charts:
        figure = draw(chart)
        for ending in ("png", "svg"):
            path = folder / f"{chart.name}.{ending}"
            content = BytesIO()
            with styles.context(_STYLE):
                figure.savefig(content, format=ending, dpi=DPI, metadata=_NO_DATES[ending])
            with atomic(path) as draft:
                draft.write_bytes(content.getvalue())
            files.append(path)
    return tuple(files)


def draw(chart: Chart) -> Figure:
    """Draw one chart as a figure without a window.

    Raises:
        OutputError: if the chart has no number.
    """
    if not any(one.points for one in chart.series):
        raise OutputError(f"{chart.name}: no number to draw")
    with styles.context(_STYLE):
        rows = -(-(len(chart.series) + (chart.null is not None)) // LEGEND)
        taller = 1 + ROW * max(0, rows - ROWS)
        figure = Figure(figsize=(SIZE[0], SIZE[1] * taller))
        # fixed margins: a computed layout would take most of the time
        bottom = (0.17 + ROW * rows) / taller
        figure.subplots_adjust(left=0.16, right=0.97, top=1 - 0.09 / taller, bottom=bottom)
        axes = figure.add_subplot()
        for place, one in enumerate(chart.series):
            _line(axes, one, shift=_shift(chart, place))
        if chart.null is not None:
            label = "null (mean over holes)"
            axes.axvline(chart.null, color=GRAY, linestyle="--", linewidth=1.0, label=label)
        if chart.positions:
            axes.set_xticks(range(len(chart.positions)), chart.positions)
            axes.set_xlim(-0.4, len(chart.positions) - 0.6)
        axes.set_title(chart.title, fontsize="medium")
        axes.set_xlabel(chart.x_title)
        axes.set_ylabel(chart.y_title)
        _tags(axes, chart)
        axes.grid(visible=True, alpha=0.3)
        figure.legend(loc="lower center", ncols=LEGEND, fontsize="small", frameon=False)
    return figure


def _shift(chart: Chart, place: int) -> float:
    """Return a horizontal offset that separates the intervals at one position."""
    return (place - (len(chart.series) - 1) / 2) * 0.05 if chart.positions else 0.0


def _line(axes: Axes, series: Series, *, shift: float) -> None:
    found = series.points
    below = [point.y - (point.y if point.low is None else point.low) for point in found]
    above = [(point.y if point.high is None else point.high) - point.y for point in found]
    axes.errorbar(
        [point.x + shift for point in found],
        [point.y for point in found],
        yerr=[[max(0.0, one) for one in below], [max(0.0, one) for one in above]],
        color=series.color,
        linestyle="--" if series.null else "-",
        marker=_MARKS[series.marker],
        linewidth=1.2,
        elinewidth=0.8,
        markersize=5,
        label=series.name,
    )


def _tags(axes: Axes, chart: Chart) -> None:
    """Write the texts beside points where they cover neither each other nor a point."""
    axes.get_xlim()  # the scale of the axes is known once their limits are
    axes.get_ylim()
    points = [
        (point, point.x + _shift(chart, position), point.y)
        for position, series in enumerate(chart.series)
        for point in series.points
    ]
    scale = 72 / axes.get_figure().dpi  # type: ignore[union-attr]
    pixels = axes.transData.transform([(x, y) for _, x, y in points])
    spots = [(float(x), float(-y)) for x, y in np.asarray(pixels) * scale]  # y grows downwards
    frame = axes.bbox
    tagged = [(one, spot) for one, spot in zip(points, spots, strict=True) if one[0].tag]
    places = place(
        [Name(*spot, LETTER * len(point.tag), LINE) for (point, _, _), spot in tagged],
        spots,
        frame=Box(frame.x0 * scale, -frame.y1 * scale, frame.x1 * scale, -frame.y0 * scale),
        radius=MARKER,
    )
    for ((point, x, y), spot), found in zip(tagged, places, strict=True):
        if found is None:
            continue
        box, line = found
        axes.annotate(
            point.tag,
            (x, y),
            xytext=((box.left + box.right) / 2 - spot[0], spot[1] - (box.top + box.bottom) / 2),
            textcoords="offset points",
            fontsize="x-small",
            ha="center",
            va="center",
            arrowprops={"arrowstyle": "-", "linewidth": 0.6, "color": GRAY} if line else None,
        )
