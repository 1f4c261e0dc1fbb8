"""Bold numbers of the paper's tables, and marks beside our numbers."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from itertools import groupby

from benchmark.metrics import METRICS
from benchmark.results.nulls import NULL_LINE, RANKED, CellKey
from benchmark.results.rounding import number
from benchmark.results.rows import ResultRow
from reports.paper.entries import Line, PaperTable, TableEntry
from reports.paper.layouts import TableLayout, layout_of


def with_bold(lines: Sequence[Line], layout: TableLayout) -> list[Line]:
    """Mark the best of each column of one group as bold, ours and the paper's apart."""
    best_paper, best_ours = set(), set()
    for column in range(len(layout.columns)) if layout.bold else ():
        column_of = [line.entries[column] for line in lines]
        best_paper |= {(row, column) for row in _best(column_of, [one.paper for one in column_of])}
        candidates = [
            entry.value if line.paints and not (entry.below_null or entry.met) else None
            for line, entry in zip(lines, column_of, strict=True)
        ]
        candidates = _from_null(lines, column, candidates)
        best_ours |= {(row, column) for row in _best(column_of, candidates)}
    return [
        replace(
            line,
            entries=tuple(
                replace(
                    entry,
                    paper_best=(row, column) in best_paper,
                    ours_best=(row, column) in best_ours,
                )
                for column, entry in enumerate(line.entries)
            ),
        )
        for row, line in enumerate(lines)
    ]


def with_marks(table: PaperTable, below: Container[CellKey]) -> PaperTable:
    """Mark every inpainter whose AUC lies below the null, and recompute the bold numbers.

    Args:
        table: a table with a run's numbers.
        below: where that is so, from `reports.statistics.below_null`.
    """
    lines = [
        replace(
            line,
            entries=tuple(
                replace(one, below_null=one.ours is not None and _spot(one.ours) in below)
                for one in line.entries
            ),
        )
        for line in table.lines
    ]
    groups = [list(same) for _, same in groupby(lines, lambda line: line.group)]
    layout = layout_of(table.number)
    return replace(table, lines=tuple(one for same in groups for one in with_bold(same, layout)))


def _spot(row: ResultRow) -> CellKey:
    return CellKey(row.dataset, row.launder, row.detector, row.bucket, row.painter)


def _from_null(
    lines: Sequence[Line], column: int, values: Sequence[float | None]
) -> list[float | None]:
    """Return the distances to the null that AUC is ranked by; other metrics unchanged."""
    nulls = [line.entries[column] for line in lines if line.name == NULL_LINE]
    if not nulls or nulls[0].value is None or nulls[0].place.metric != RANKED:
        return list(values)
    zero, digits = nulls[0].value, nulls[0].decimals
    return [
        None if one is None else abs(float(number(one, digits)) - float(number(zero, digits)))
        for one in values
    ]


def _best(entries: Sequence[TableEntry], values: Sequence[float | None]) -> set[int]:
    """Return the rows with the best printed number of a column; none of a single number."""
    kind = METRICS.load(entries[0].place.metric)
    if kind.of_untouched_images():  # no inpainter is better by it
        return set()
    sign = 1 if kind.better == "lower" else -1
    printed = {
        row: sign * float(number(value, entries[row].decimals))
        for row, value in enumerate(values)
        if value is not None
    }
    return {row for row in printed if len(printed) > 1 and printed[row] == min(printed.values())}
