"""The table of a run: of inpainters, or of forgeries."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.results.forgery_table import forgery_table, forgery_text
from benchmark.results.nulls import Distances
from benchmark.results.rows import ResultRow
from benchmark.results.table import Table, run_table
from benchmark.results.terminal_table import terminal_table
from benchmark.results.text_blocks import WIDTH


def table_of(cells: Sequence[ResultRow], distances: Distances | None = None) -> Table:
    """Return a run's table for Markdown and HTML.

    Args:
        cells: its cells, in the plan's order.
        distances: tests of every AUC against the null.
    """
    if any(cell.of_forgeries for cell in cells):
        return forgery_table(cells)
    return run_table(cells, distances)


def shard_note(shard: str) -> str:
    """Return the line that says that the numbers of a shard, such as "1/2", are of a part."""
    return (
        f"Shard {shard}: these numbers are of a part of the images; 'bench merge' gives those of "
        "all."
    )


def text_of(
    cells: Sequence[ResultRow], distances: Distances | None = None, *, width: int = WIDTH
) -> str:
    """Return a run's numbers as aligned text.

    Args:
        cells: its cells, in the plan's order.
        distances: tests of every AUC against the null.
        width: width of the terminal in characters.
    """
    if any(cell.of_forgeries for cell in cells):
        return forgery_text(cells, width=width)
    return terminal_table(cells, distances, width=width)
