"""The comparison of two runs as text for a terminal, HTML table and JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from html import escape

from benchmark.results.rounding import GAP, number, p_text, signed, signed_span
from benchmark.results.training_exposure import MET
from reports.comparison import RULE, Change, Comparison

HEADS = ("data set", "post-processing", "detector", "inpainter", "mask, %", "metric", "first",
         "second", "change", "95 % interval", "p (Holm)", "conclusion", "weights")  # fmt: skip
LONGEST = 20  # characters of a folder name that can be a column heading


def comparison_text(comparison: Comparison) -> str:
    """Return the cells that moved as aligned columns; ends with a line break."""
    pairs = zip(comparison.changes, comparison_rows(comparison), strict=True)
    moved = [row for one, row in pairs if one.moved]
    table = [comparison_heads(comparison), *moved]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEADS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (table if moved else ())
    ]
    result = [
        f"first: {comparison.first}, second: {comparison.second}",
        "",
        *lines,
        *([""] if lines else []),
        comparison.summary(),
        *([comparison.rule] if moved else []),
        *comparison.notes,
        *(f"Failed: {line}" for line in comparison.failures),
        *(f"Worst image: {line}" for line in worst_lines(comparison)),
    ]
    return "\n".join(result) + "\n"


def worst_lines(comparison: Comparison) -> Iterator[str]:
    """Yield a line for each of the images that moved most: name, cell and both values."""
    for one in comparison.worst:
        decimals = one.cell.decimals
        values = f"{number(one.first, decimals)} -> {number(one.second, decimals)}"
        yield f"{one.sample}, {one.cell.name}: {values}"


def comparison_html(comparison: Comparison) -> str:
    """Return an HTML table; rows that are better or worse have the class "moved"."""
    cells = "".join(f'<th scope="col">{escape(head)}</th>' for head in comparison_heads(comparison))
    body = []
    for one, row in zip(comparison.changes, comparison_rows(comparison), strict=True):
        mark = ' class="moved"' if one.differs else ""
        body.append(f"<tr{mark}>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>")
    return (
        f'<table class="comparison"><thead><tr>{cells}</tr></thead>\n<tbody>\n'
        + "\n".join(body)
        + "\n</tbody></table>\n"
    )


def comparison_values(comparison: Comparison) -> dict[str, object]:
    """Return the comparison as plain values for JSON."""
    return {
        "first": str(comparison.first),
        "second": str(comparison.second),
        "cells": [{**asdict(one), "change": one.change} for one in comparison.changes],
        "tests": RULE,
        "failures": list(comparison.failures),
        "worst": [
            {"cell": one.cell.name, "sample": one.sample, "first": one.first, "second": one.second}
            for one in comparison.worst
        ],
        "notes": list(comparison.notes),
    }


def comparison_heads(comparison: Comparison) -> tuple[str, ...]:
    """Return `HEADS`, with the names of the run folders if they are short and different."""
    names = comparison.first.name, comparison.second.name
    short = all(0 < len(name) <= LONGEST for name in names) and names[0] != names[1]
    renamed = dict(zip(("first", "second"), names, strict=True)) if short else {}
    if any(one.of_forgeries for one in comparison.changes):
        renamed |= {"inpainter": "method", "mask, %": "subset"}
    return tuple(renamed.get(head, head) for head in HEADS)


def comparison_rows(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """Yield one row per cell, with one text per heading of `HEADS`."""
    return (_row(one) for one in comparison.changes)


def _row(one: Change) -> tuple[str, ...]:
    return (
        one.dataset,
        one.launder or "-",
        one.detector or "-",
        one.inpainter + (MET if one.met else ""),
        one.bucket,
        one.metric,
        number(one.first, one.decimals),
        number(one.second, one.decimals),
        signed(one.change, one.decimals),
        signed_span(one.low, one.high, one.decimals) or GAP,
        p_text(one.p_holm),
        one.verdict,
        one.weights,
    )
