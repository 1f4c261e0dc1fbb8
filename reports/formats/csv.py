"""Tables as CSV: one row per number, the paper's columns and ours, unrounded."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO

from benchmark.results.files import csv_value
from benchmark.results.nulls import BELOW
from reports.paper.entries import Line, PaperTable, TableEntry

COLUMNS = (
    "table", "dataset", "detector", "inpainter", "mask_ratio_percent", "metric", "paper", "ours",
    "n", "expected", "low", "high", "weights", "data", "launder", "reason", "mark",
    "met",
)  # fmt: skip


def render(tables: Sequence[PaperTable]) -> str:
    """Render tables as one CSV text; columns of our numbers are empty without a run."""
    return to_csv(COLUMNS, (row for table in tables for row in entry_rows(table)))


def entry_rows(table: PaperTable) -> Iterator[dict[str, object]]:
    """Yield one dictionary per number with the keys `COLUMNS`, without positions that are empty."""
    for line in table.lines:
        for entry in line.entries:
            if entry.paper is not None or entry.ours is not None:
                yield _row(table, line, entry)


def _row(table: PaperTable, line: Line, entry: TableEntry) -> dict[str, object]:
    ours = entry.ours
    return {
        "table": table.number,
        "dataset": entry.place.dataset,
        "detector": entry.place.detector,
        "inpainter": entry.place.inpainter,
        "mask_ratio_percent": entry.place.bucket,
        "metric": ours.metric if ours else entry.place.metric,
        "paper": entry.paper,
        "ours": entry.value,
        "n": ours.n if ours else None,
        "expected": ours.expected if ours else None,
        "low": ours.low if ours else None,
        "high": ours.high if ours else None,
        "weights": ours.weights if ours else None,
        "data": ours.dataset if ours else None,
        "launder": ours.launder if ours else None,
        "reason": line.reason(entry) if table.ours else None,
        "mark": BELOW if entry.mark else None,
        "met": ours.met if ours else None,
    }


def to_csv(columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Render rows as CSV text: floats with six decimals, None and undefined numbers empty."""
    file = StringIO()
    writer = csv.DictWriter(file, list(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: csv_value(value) for name, value in row.items()})
    return file.getvalue()
