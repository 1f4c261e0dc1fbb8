"""Tables as Markdown, with the block heading of a column in its own heading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.formats.grid import Field, Grid, grid_of
from reports.paper.entries import PaperTable


def render(tables: Sequence[PaperTable]) -> str:
    """Render tables as Markdown sections, one below the other."""
    return "\n".join(_table(table) for table in tables)


def _table(table: PaperTable) -> str:
    grid = grid_of(table)
    rules = ["---" if column < grid.labels else "---:" for column in range(len(grid.heads))]
    lines = [f"## {_escaped(table.title)}", "", _line(_heads(grid)), _line(rules)]
    lines += [_line(_field(field) for field in row.fields) for row in grid.rows]
    notes = [f"- {_escaped(note)}" for note in table.shown_notes]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _heads(grid: Grid) -> list[str]:
    blocks = [head.text for head in grid.blocks for _ in range(head.span)]
    pairs = zip(blocks or [""] * len(grid.heads), grid.heads, strict=True)
    return [_escaped(f"{block} {head}".strip()) for block, head in pairs]


def _field(field: Field) -> str:
    text = _escaped(field.text)
    return f"**{text}**" if field.bold else text


def _escaped(text: str) -> str:
    for sign in "\\|*_<":
        text = text.replace(sign, f"\\{sign}")
    return text


def _line(texts: Iterable[str]) -> str:
    return "| " + " | ".join(texts) + " |"
