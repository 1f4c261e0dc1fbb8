"""Result files (results.csv): one row per cell, with the paper's number beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from pydantic import TypeAdapter, ValidationError

from benchmark.core.errors import first_line
from benchmark.results.files import damaged, is_of_forgeries, read_rows, write_rows
from benchmark.results.reported import paper_value
from benchmark.results.rows import ResultRow

COLUMNS = (
    "dataset", "launder", "detector", "inpainter", "retouch", "mask_ratio_percent", "metric",
    "value", "n", "expected", "low", "high", "reported", "weights", "sees_hole", "reason", "met",
)  # fmt: skip
_RENAMED = MappingProxyType({"inpainter": "method", "mask_ratio_percent": "subset"})
FORGERY_COLUMNS = (
    "dataset", "launder", "detector", "subset", "method", "metric", "value", "n", "expected",
    "images", "low", "high", "weights", "reason", "met",
)  # fmt: skip
COMPOSITE = "composite"  # the last column, only in files of runs that have one
LATER = frozenset({"retouch", "met"})  # missing in files of older versions; empty there
OLD_NAMES: Mapping[str, str] = MappingProxyType({"false_alarm": "fpr"})  # former metric names

_ROW = TypeAdapter(ResultRow)


def result_rows(results: Iterable[ResultRow]) -> list[dict[str, object]]:
    """Return one dictionary per cell with the keys `columns_of`; None for a missing number."""
    rows = list(results)
    if any(row.of_forgeries for row in rows):
        return [_forgery_row(row) for row in rows]
    own = COMPOSITE in columns_of(rows)
    return [_row(row) | ({COMPOSITE: row.composite} if own else {}) for row in rows]


def _row(row: ResultRow) -> dict[str, object]:
    return {
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
    }


def _forgery_row(row: ResultRow) -> dict[str, object]:
    values = {_RENAMED.get(name, name): value for name, value in _row(row).items()}
    return {name: values.get(name, row.images) for name in FORGERY_COLUMNS}


def columns_of(results: Sequence[ResultRow]) -> tuple[str, ...]:
    """Return the columns of a run's cells: of forgeries, or with that of composites if any."""
    if any(row.of_forgeries for row in results):
        return FORGERY_COLUMNS
    return (*COLUMNS, COMPOSITE) if any(row.composite for row in results) else COLUMNS


def write_results(path: Path, results: Sequence[ResultRow]) -> None:
    """Write results.csv.

    Raises:
        OutputError: if the file cannot be written.
    """
    write_rows(path, columns_of(results), result_rows(results))


def read_results(path: Path) -> Iterator[ResultRow]:
    """Read results.csv, including files of older versions.

    Raises:
        DataError: if the file is missing, damaged or of another version.
    """
    columns = FORGERY_COLUMNS if is_of_forgeries(path) else COLUMNS
    for number, row in enumerate(read_rows(path, columns, later=LATER), start=2):
        row.update({name: row[other] for name, other in _RENAMED.items() if name not in row})
        metric = OLD_NAMES.get(row["metric"], row["metric"])
        try:
            yield _ROW.validate_python(
                {**row, "bucket": row["mask_ratio_percent"], "metric": metric}
            )
        except ValidationError as error:
            raise damaged(path, f"line {number}: {first_line(error)}") from None
