"""Results as rows: one per number, the paper's beside it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from io import StringIO

from benchmark.runner.cells import Cell
from detectors import DETECTORS
from inpainters import INPAINTERS
from reports.numbers import stored
from reports.reported import reported_value

COLUMNS = (
    "dataset", "launder", "detector", "inpainter", "retouch", "mask_ratio_percent", "metric",
    "value", "n", "expected", "low", "high", "reported", "weights", "sees_hole", "reason",
)  # fmt: skip
LATER = frozenset({"retouch"})  # columns that files of older versions lack; empty there


def paper_value(cell: Cell) -> float | None:
    """The paper's number for a cell, or None: it has none of anything laundered or retouched."""
    if cell.launder or cell.retouch:
        return None
    inpainter = INPAINTERS.card(cell.inpainter).reported
    detector = DETECTORS.card(cell.detector).reported if cell.detector else ""
    if not inpainter or (cell.detector and not detector):
        return None
    return reported_value(cell.dataset, detector, inpainter, cell.bucket, cell.metric)


def result_rows(cells: Iterable[Cell]) -> list[dict[str, object]]:
    """One dictionary per cell with the keys `COLUMNS`; None where there is no number."""
    return [
        {
            "dataset": cell.dataset,
            "launder": cell.launder,
            "detector": cell.detector,
            "inpainter": cell.inpainter,
            "retouch": cell.retouch,
            "mask_ratio_percent": cell.bucket,
            "metric": cell.metric,
            "value": cell.value,
            "n": cell.n,
            "expected": cell.expected,
            "low": cell.low,
            "high": cell.high,
            "reported": paper_value(cell),
            "weights": cell.weights,
            "sees_hole": "yes" if cell.sees_hole else "",
            "reason": cell.reason,
        }
        for cell in cells
    ]


def results_csv(cells: Iterable[Cell]) -> str:
    """results.csv: the rows of `result_rows`, numbers with six decimals, gaps empty."""
    return to_csv(COLUMNS, result_rows(cells))


def to_csv(columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Rows as CSV text, floats with six decimals, None and undefined numbers empty."""
    file = StringIO()
    writer = csv.DictWriter(file, list(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: plain(value) for name, value in row.items()})
    return file.getvalue()


def plain(value: object) -> object:
    """A value as it stands in a file: floats with six decimals, undefined ones empty."""
    if isinstance(value, float):
        return stored(value) if value == value else ""  # noqa: PLR0124 (NaN is not itself)
    return "" if value is None else value
