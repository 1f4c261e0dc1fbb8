"""Tables as text for a terminal: aligned columns, * beside the best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.results.nulls import MARK
from reports.formats.grid import Field, Grid, grid_of
from reports.paper.entries import PaperTable


def render(tables: Sequence[PaperTable]) -> str:
    """Render tables as text, one below the other."""
    return "\n\n".join(_table(table) for table in tables) + "\n"


def _table(table: PaperTable) -> str:
    grid = grid_of(table)
    notes = [note.replace("Bold:", "*:") for note in table.shown_notes]
    lines = [table.title, "", *_lines(grid)]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _lines(grid: Grid) -> Iterator[str]:
    widths = _widths(grid)
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    if grid.blocks:
        yield _blocks(grid, widths)
    yield _line([Field(head) for head in grid.heads], grid, widths)
    yield rule
    for row in grid.rows:
        if row.ruled:
            yield rule
        yield _line(row.fields, grid, widths)


def _widths(grid: Grid) -> list[int]:
    rows = [[Field(head) for head in grid.heads], *(row.fields for row in grid.rows)]
    widths = [
        max(len(_text(row[column], column, grid)) for row in rows)
        for column in range(len(grid.heads))
    ]
    start = 0
    for head in grid.blocks:  # a long block heading widens the last of its columns
        room = sum(widths[start : start + head.span]) + 2 * (head.span - 1)
        start += head.span
        widths[start - 1] += max(0, len(head.text) - room)
    return widths


def _blocks(grid: Grid, widths: Sequence[int]) -> str:
    texts, start = [], 0
    for head in grid.blocks:
        room = sum(widths[start : start + head.span]) + 2 * (head.span - 1)
        texts.append(head.text.center(room))
        start += head.span
    return "  ".join(texts).rstrip()


def _line(fields: Sequence[Field], grid: Grid, widths: Sequence[int]) -> str:
    texts = []
    for column, (field, width) in enumerate(zip(fields, widths, strict=True)):
        text = _text(field, column, grid)
        texts.append(text.ljust(width) if column < grid.labels else text.rjust(width))
    return "  ".join(texts).rstrip()


def _text(field: Field, column: int, grid: Grid) -> str:
    """Return a field with room for the star, so that the digits of a column are aligned."""
    if column < grid.labels or field.text.endswith(MARK):  # the mark takes the place of the star
        return field.text
    return field.text + ("*" if field.bold else " ")
