"""Statistics of a run as aligned text, CSV or plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from benchmark.core.errors import BadInput
from benchmark.results.rounding import number, p_text
from reports.formats.csv import to_csv
from reports.statistics import Statistic

COLUMNS = (
    "dataset", "launder", "detector", "mask_ratio_percent", "metric", "name", "inpainter",
    "against", "value", "low", "high", "p", "p_holm", "n", "verdict", "reason",
)  # fmt: skip
DECIMALS = 4
NUMBERS = COLUMNS[COLUMNS.index("value") : COLUMNS.index("verdict")]  # right-aligned


def render(statistics: Sequence[Statistic], name: str) -> str:
    """Render statistics as one text that ends with a line break.

    Args:
        statistics: one per row.
        name: "text" or "csv".

    Raises:
        BadInput: if statistics have no such format.
    """
    if name == "csv":
        return to_csv(COLUMNS, statistic_rows(statistics))
    if name != "text":
        raise BadInput(f"table stats: expected --format text or csv, got {name!r}")
    rows = [COLUMNS, *(_texts(row) for row in statistic_rows(statistics))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return "".join(_line(row, widths) for row in rows)


def statistic_rows(statistics: Sequence[Statistic]) -> list[dict[str, object]]:
    """Return one dictionary per statistic with the keys `COLUMNS`; None for a missing number."""
    return [{_column(name): value for name, value in asdict(one).items()} for one in statistics]


def _column(name: str) -> str:
    return "mask_ratio_percent" if name == "bucket" else name


def _texts(row: dict[str, object]) -> tuple[str, ...]:
    return tuple(_text(name, row[name]) for name in COLUMNS)


def _text(name: str, value: object) -> str:
    if isinstance(value, float):
        return p_text(value) if name in {"p", "p_holm"} else number(value, DECIMALS)
    return "-" if value in (None, "") else str(value)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    texts = [
        text.rjust(width) if name in NUMBERS else text.ljust(width)
        for name, text, width in zip(COLUMNS, row, widths, strict=True)
    ]
    return "  ".join(texts).rstrip() + "\n"
