"""Tables as HTML: one sortable row per model, with the paper's number below ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from benchmark.results.rounding import number, signed, stored
from reports.formats.grid import PAPER_GAP, Head, interval, source
from reports.paper.entries import Line, PaperTable, TableEntry


def render(tables: Sequence[PaperTable]) -> str:
    """Render tables as HTML fragments, each a figure with its caption and notes."""
    return "\n".join(_table(table, index) for index, table in enumerate(tables))


def _table(table: PaperTable, index: int) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    lines = [
        f'<figure class="paper-table" id="table-{table.number}{f"-{index}" if index else ""}">',
        "<table>",
        f"<caption>{escape(table.title)}</caption>",
        "<thead>",
        *_heads(table),
        "</thead>",
        *_bodies(table),
        "</table>",
        *([f"<figcaption><ul>{notes}</ul></figcaption>"] if notes else []),
        "</figure>",
    ]
    return "\n".join(lines) + "\n"


def _heads(table: PaperTable) -> Iterator[str]:
    blocks = [
        Head(name, len(list(same)))
        for name, same in groupby(table.columns, lambda column: column.block)
    ]
    both = any(head.text for head in blocks)
    span = ' rowspan="2"' if both else ""
    labels = "".join(f'<th scope="col"{span}>{escape(label)}</th>' for label in table.labels)
    heads = "".join(f'<th scope="col">{escape(one.label)}</th>' for one in table.columns)
    if both:
        over = "".join(
            f'<th scope="colgroup" colspan="{head.span}">{escape(head.text)}</th>'
            for head in blocks
        )
        yield f"<tr>{labels}{over}</tr>"
        yield f"<tr>{heads}</tr>"
    else:
        yield f"<tr>{labels}{heads}</tr>"


def _bodies(table: PaperTable) -> Iterator[str]:
    for group, lines in groupby(table.lines, lambda line: line.group):
        yield "<tbody>"
        for line in lines:
            label = f'<th scope="row">{escape(group)}</th>' if len(table.labels) == 2 else ""
            cells = "".join(_cell(table, line, entry) for entry in line.entries)
            yield f"<tr>{label}{_name(table, line)}{cells}</tr>"
        yield "</tbody>"


def _name(table: PaperTable, line: Line) -> str:
    beside = f" <small>{escape(source(line))}</small>" if table.ours and line.model else ""
    return f'<th scope="row">{escape(line.name)}{beside}</th>'


def _cell(table: PaperTable, line: Line, entry: TableEntry) -> str:
    paper = number(entry.paper, entry.decimals, gap=PAPER_GAP)
    if not table.ours:
        return f'<td data-value="{_sortable(entry.paper)}">{_bold(paper, entry.paper_best)}</td>'
    absent = entry.value is None and entry.paper is not None and not line.model
    parts = (
        [] if absent else [_bold(number(entry.value, entry.decimals) + entry.mark, entry.ours_best)]
    )
    if beside := interval(entry):
        parts.append(f"<small>{beside}</small>")
    if entry.paper is not None:
        parts.append(f"<small>paper {_bold(paper, entry.paper_best)}</small>")
    if entry.difference is not None:
        parts.append(f"<small>{signed(entry.difference, entry.decimals)}</small>")
    return f'<td data-value="{_sortable(entry.value)}"{_reason(line, entry)}>{" ".join(parts)}</td>'


def _reason(line: Line, entry: TableEntry) -> str:
    if entry.value is not None:
        return ""
    return f' title="{escape(line.reason(entry))}"'


def _sortable(value: float | None) -> str:
    return "" if value is None else stored(value)


def _bold(text: str, best: bool) -> str:
    return f"<b>{text}</b>" if best else text
