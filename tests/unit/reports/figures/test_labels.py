"""Names beside points: no two overlap, none covers a point, each is at its own point."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from math import dist

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from reports.figures.charts import Chart, Point, Series
from reports.figures.files import draw
from reports.figures.labels import Box, Line, Name, place
from reports.page.plots import svg

FRAME = Box(0, 0, 400, 300)
RADIUS = 5.0


def near(box: Box, x: float, y: float) -> float:
    return dist((x, y), (np.clip(x, box.left, box.right), np.clip(y, box.top, box.bottom)))


def apart(one: Box, other: Box) -> bool:
    return (
        one.right <= other.left
        or other.right <= one.left
        or one.bottom <= other.top
        or other.bottom <= one.top
    )


def test_names_of_a_tight_cluster_do_not_overlap() -> None:
    points = [(200 + 3.0 * at, 150 - 2.0 * at) for at in range(12)]
    names = [Name(x, y, 50, 12) for x, y in points]
    found = place(names, points, frame=FRAME, radius=RADIUS)
    assert found == place(names, points, frame=FRAME, radius=RADIUS)
    shown = [(spot, point) for spot, point in zip(found, points, strict=True) if spot]
    assert 5 <= len(shown) < 12  # the others have no room
    for (one, _), (other, _) in combinations(shown, 2):
        assert apart(one.box, other.box)
    for (box, line), point in shown:
        assert min(near(box, *other) for other in points) >= RADIUS
        assert box.left >= 0
        assert box.right <= 400
        if line is None:
            assert min(points, key=lambda other: near(box, *other)) == point
        else:
            assert line[:2] == point


def test_a_name_alone_is_beside_its_point_and_off_the_curve_and_what_is_there() -> None:
    name = Name(200, 150, 50, 12)
    alone = {"frame": FRAME, "radius": RADIUS}
    (plain,) = place([name], [name[:2]], **alone)  # type: ignore[arg-type]
    assert plain is not None
    assert plain.line is None
    assert plain.box.left > 200
    assert plain.box.bottom < 150  # above and to the right
    (off,) = place([name], [name[:2]], curves=[Line(200, 150, 300, 100)], **alone)  # type: ignore[arg-type]
    (other,) = place([name], [name[:2]], taken=[plain.box], **alone)  # type: ignore[arg-type]
    assert off is not None
    assert other is not None
    assert off.box.top > 150
    assert other.box != plain.box
    (none,) = place([name], [name[:2]], taken=[FRAME], **alone)  # type: ignore[arg-type]
    assert none is None


def test_tags_of_close_points_do_not_overlap_in_the_page_and_in_files() -> None:
    tags = [f"{low}-{low + 10} %" for low in (10, 30, 50)]
    points = tuple(
        Point(x=0.7 + at / 1000, y=20.0, low=None, high=None, label="", tag=tag)
        for at, tag in enumerate(tags)
    )
    line = Series(name="telea", index=0, points=points)
    far = Series(name="far", index=1, points=(replace(points[0], x=0.9, y=30.0, tag=""),))
    chart = Chart(
        kind="tradeoff", name="x", title="t", x_title="x", y_title="y", positions=(),
        series=(line, far),
    )  # fmt: skip
    placed = re.findall(r'x="([^"]*)" y="([^"]*)" text-anchor="[a-z]*">\d+-\d+ %<', str(svg(chart)))
    assert len(placed) == 3
    for (x, y), (other, below) in combinations(placed, 2):
        assert abs(float(x) - float(other)) > 40 or abs(float(y) - float(below)) > 10
    figure = draw(chart)
    FigureCanvasAgg(figure).draw()
    # of an annotation alone, its line would be a part of it
    boxes = [Text.get_window_extent(one) for one in figure.axes[0].texts]
    assert len(boxes) == 3
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
