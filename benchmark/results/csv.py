"""Result files (results.csv): one row per cell, with the paper's number beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from pydantic import TypeAdapter, ValidationError

from benchmark.core.errors import first_line
from benchmark.results.files import damaged, read_rows, write_rows
from benchmark.results.reported import paper_value
from benchmark.results.rows import ResultRow

COLUMNS = (
    "dataset", "launder", "detector", "inpainter", "retouch", "mask_ratio_percent", "metric",
    "value", "n", "expected", "low", "high", "reported", "weights", "sees_hole", "reason", "met",
)  # fmt: skip
COMPOSITE = "composite"  # the last column, only in files of runs that have one
LATER = frozenset({"retouch", "met"})  # missing in files of older versions; empty there
OLD_NAMES: Mapping[str, str] = MappingProxyType({"false_alarm": "fpr"})  # former metric names

_ROW = TypeAdapter(ResultRow)


def result_rows(results: Iterable[ResultRow]) -> list[dict[str, object]]:
    """Return one dictionary per cell with the keys `columns_of`; None for a missing number."""
    rows = list(results)
    has_composite = COMPOSITE in columns_of(rows)
    return [
        {
            "dataset": row.dataset,
            "launder": row.launder,
            "detector": row.detector,
            "inpainter": row.inpainter,
            "retouch": row.retouch,
            "mask_ratio_percent": row.bucket,
            "metric": row.metric,
            "value": row.value,
            "n": row.n,
            "expected": row.expected,
            "low": row.low,
            "high": row.high,
            "reported": paper_value(row),
            "weights": row.weights,
            "sees_hole": "yes" if row.sees_hole else "",
            "reason": row.reason,
            "met": row.met,
            **({COMPOSITE: row.composite} if has_composite else {}),
        }
        for row in rows
    ]


def columns_of(results: Iterable[ResultRow]) -> tuple[str, ...]:
    """Return the columns of results.csv: `COLUMNS`, and that of composites if a row has one."""
    return (*COLUMNS, COMPOSITE) if any(row.composite for row in results) else COLUMNS


def write_results(path: Path, results: Iterable[ResultRow]) -> None:
    """Write results.csv.

    Raises:
        OutputError: if the file cannot be written.
    """
    rows = list(results)
    write_rows(path, columns_of(rows), result_rows(rows))


def read_results(path: Path) -> Iterator[ResultRow]:
    """Read results.csv, including files of older versions.

    Raises:
        DataError: if the file is missing, damaged or of another version.
    """
    for number, row in enumerate(read_rows(path, COLUMNS, later=LATER), start=2):
        metric = OLD_NAMES.get(row["metric"], row["metric"])
        try:
            yield _ROW.validate_python(
                {**row, "bucket": row["mask_ratio_percent"], "metric": metric}
            )
        except ValidationError as error:
            raise damaged(path, f"line {number}: {first_line(error)}") from None
