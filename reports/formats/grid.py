"""Grid of text for a table: each model's numbers, the paper's, and the difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchmark.results.rounding import GAP, number, signed, span
from reports.paper.entries import Line, PaperTable, TableEntry

PAPER_GAP = "/"  # the paper's sign for a missing number; ours is `GAP`


@dataclass(frozen=True, slots=True)
class Field:
    """One text of a grid; `bold` if it is the best of its column."""

    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """A heading and the number of columns that it spans."""

    text: str
    span: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """One row of text.

    Attributes:
        fields: one per column.
        ruled: whether there is a rule above the row.
    """

    fields: tuple[Field, ...]
    ruled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table as rows and columns of text.

    Attributes:
        labels: number of columns on the left that name the rows.
        blocks: headings over several columns, together spanning all columns; empty if there are
            none.
        heads: one heading per column.
        rows: rows from top to bottom.
    """

    labels: int
    blocks: tuple[Head, ...]
    heads: tuple[str, ...]
    rows: tuple[GridRow, ...]


def grid_of(table: PaperTable) -> Grid:
    """Return a table as a grid with up to four rows of text per model."""
    labels = (*table.labels, "")[: len(table.labels) + table.ours]
    blocks = [
        Head(name, len(list(same)))
        for name, same in groupby(table.columns, lambda column: column.block)
    ]
    return Grid(
        labels=len(labels),
        blocks=(Head("", len(labels)), *blocks) if any(head.text for head in blocks) else (),
        heads=(*labels, *(column.label for column in table.columns)),
        rows=tuple(_rows(table)),
    )


def interval(entry: TableEntry) -> str:
    """Return the printed 95 % interval of our number, or ""."""
    return span(entry.ours.low, entry.ours.high, entry.decimals) if entry.ours else ""


def source(line: Line) -> str:
    """Return the label beside our numbers, with their weights variant."""
    return f"ours ({line.edition})" if line.edition not in ("", "none") else "ours"


def _rows(table: PaperTable) -> Iterator[GridRow]:
    group = None
    for line in table.lines:
        for count, (label, fields) in enumerate(_texts(table, line)):
            fresh = line.group != group
            names = [line.group if fresh else ""] if len(table.labels) == 2 else []
            names.append(line.name if not count else "")
            names += [label] if table.ours else []
            ruled = fresh and group is not None
            group = line.group
            yield GridRow(fields=(*map(Field, names), *fields), ruled=ruled)


def _texts(table: PaperTable, line: Line) -> Iterator[tuple[str, Sequence[Field]]]:
    if table.ours:
        yield source(line), [_ours(entry) for entry in line.entries]
    if table.intervals and line.measured:
        yield "95 %", [Field(interval(entry) or GAP) for entry in line.entries]
    if line.reported and any(entry.paper is not None for entry in line.entries):
        yield "paper", [_paper(entry) for entry in line.entries]
        if table.ours and line.measured:
            yield (
                "difference",
                [Field(signed(entry.difference, entry.decimals)) for entry in line.entries],
            )


def _ours(entry: TableEntry) -> Field:
    return Field(number(entry.value, entry.decimals) + entry.mark, entry.ours_best)


def _paper(entry: TableEntry) -> Field:
    return Field(number(entry.paper, entry.decimals, gap=PAPER_GAP), entry.paper_best)
