"""Numbers that cannot be: refused, as a board shows the runs of strangers."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

from benchmark.metrics.intervals import UNBOUNDED, Bounds
from benchmark.results.files import damaged

LARGEST = 1e9  # no number of a run is larger


def refuse_impossible(
    path: Path, value: float | None, bounds: Bounds = UNBOUNDED, metric: str = ""
) -> None:
    """Raise DataError for a number that a metric cannot have, or that no table can print.

    Args:
        path: the file with the number.
        value: the number, or None for a gap.
        bounds: its smallest and largest possible value.
        metric: name of its metric; "" for a score, or an end of an interval.
    """
    if value is None or not isfinite(value):
        return
    if abs(value) > LARGEST or not bounds.low <= value <= bounds.high:
        raise damaged(path, f"{metric or 'a score, or an end of an interval,'} of {value:g}")
