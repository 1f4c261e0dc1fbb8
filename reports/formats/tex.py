"""Tables as a complete LaTeX document with booktabs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.results.rounding import GAP
from reports.formats.grid import Field, Grid, GridRow, grid_of
from reports.paper.entries import PaperTable

HEAD = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage[landscape,margin=1cm]{geometry}
\usepackage{booktabs}
\begin{document}
"""
TAIL = "\\end{document}\n"
SIGNS = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "↓": r"$\downarrow$", "↑": r"$\uparrow$", "†": r"\dag{}", "‡": r"\ddag{}", "§": r"\S{}",
    "¶": r"\P{}",
    "τ": r"$\tau$",
}  # fmt: skip


def render(tables: Sequence[PaperTable]) -> str:
    """Render tables as one document; each is a self-contained `table` environment."""
    return HEAD + "\n".join(_table(table) for table in tables) + TAIL


def escaped(text: str) -> str:
    """Escape text for LaTeX; characters that its fonts lack become a question mark."""
    known = "".join(SIGNS.get(sign, sign if sign.isascii() else "?") for sign in text)
    return known.replace("\n", " ")


def _table(table: PaperTable) -> str:
    grid = grid_of(table)
    caption = table.title.removeprefix(f"Table {table.number}: ")
    columns = "l" * grid.labels + "r" * (len(grid.heads) - grid.labels)
    lines = [
        r"\begin{table}",
        r"\centering\small",
        rf"\setcounter{{table}}{{{table.number - 1}}}",
        rf"\caption{{{escaped(caption)}}}",
        rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        *_heads(grid),
        r"\midrule",
        *(line for row in grid.rows for line in _row(row, grid)),
        r"\bottomrule",
        r"\end{tabular}",
        *(
            rf"\par\smallskip\raggedright\footnotesize {escaped(note)}"
            for note in table.shown_notes
        ),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _heads(grid: Grid) -> Iterator[str]:
    if grid.blocks:
        yield _line([rf"\multicolumn{{{one.span}}}{{c}}{{{escaped(one.text)}}}"
                     for one in grid.blocks])  # fmt: skip
        start, rules = 1, []
        for head in grid.blocks:
            rules += [rf"\cmidrule(lr){{{start}-{start + head.span - 1}}}"] if head.text else []
            start += head.span
        yield "".join(rules)
    yield _line([escaped(head) for head in grid.heads])


def _row(row: GridRow, grid: Grid) -> Iterator[str]:
    if row.ruled:
        yield r"\midrule"
    labels, numbers = row.fields[: grid.labels], row.fields[grid.labels :]
    yield _line([*(escaped(field.text) for field in labels), *map(_number, numbers)])


def _number(field: Field) -> str:
    text = "--" if field.text == GAP else escaped(field.text)
    if field.text != GAP and text[:1] in ("+", "-"):
        text = f"${text}$"  # a minus sign, not a hyphen
    return rf"\textbf{{{text}}}" if field.bold else text


def _line(texts: Sequence[str]) -> str:
    return " & ".join(texts) + r" \\"
