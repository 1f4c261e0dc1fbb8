"""Series of charts for tests."""

from __future__ import annotations

from reports.figures.charts import Point, Series


def series(index: int, *points: tuple[float, float]) -> Series:
    """A series of points without intervals."""
    return Series(
        name=str(index),
        index=index,
        points=tuple(Point(x=x, y=y, low=None, high=None, label="") for x, y in points),
    )
