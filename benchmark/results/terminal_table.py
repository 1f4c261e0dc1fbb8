"""Terminal table of a run: a block per metric, a row per inpainter and detector, a column per bin.

table.md has the same numbers in one wide table (`results.table`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from benchmark.metrics import METRICS
from benchmark.results.gaps import NOT_DEFINED
from benchmark.results.nulls import Distances
from benchmark.results.reported import paper_value
from benchmark.results.rounding import kind_of, number
from benchmark.results.rows import ResultRow
from benchmark.results.table import (
    detector_label,
    inpainter_label,
    mark,
    metric_label,
    rows_by_bucket,
    shown,
    table_notes,
    table_title,
)
from inpainters import INPAINTERS

WIDTH = 80  # characters per line, also if the output is piped
GAP = "  "
DIGITS = 5  # minimum width of an interval in units of its last digit
INTERVALS = "95 %: interval over images (docs/statistics.md), in full in table.md."


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a block: its labels, and a text per bin."""

    labels: tuple[str, ...]
    texts: Mapping[str, str]


def terminal_table(
    cells: Sequence[ResultRow], distances: Distances | None = None, *, width: int = WIDTH
) -> str:
    """Return all numbers of a run as aligned text, not wider than the terminal.

    Below each number are its 95 % interval and the paper's number. Bins that do not fit are in
    another block.

    Args:
        cells: rows in the plan's order.
        distances: tests of every AUC against the null, from `stored_distances`.
        width: width of the terminal in characters.

    Returns:
        Lines with a trailing newline.
    """
    distances = distances or {}
    cells = [cell for cell in shown(cells) if not _never_measured(cell)]
    cells = _beside_their_metric(cells)
    lines = [*_wrapped(table_title(cells), width)]
    datasets = tuple(dict.fromkeys(cell.dataset for cell in cells))
    for dataset in datasets:
        here = [cell for cell in cells if cell.dataset == dataset]
        lines += ["", f"{dataset}:"] if len(datasets) > 1 else []
        for block in _blocks(here, distances):
            lines += _printed(block, width)
    lines.append("")
    for note in _notes(cells, distances):
        lines += _wrapped(note, width)
    return "\n".join(lines) + "\n"


def _beside_their_metric(cells: list[ResultRow]) -> list[ResultRow]:
    """Drop nulls of metrics that the run lacks, unless it has neither `auc` nor `f1`."""
    metrics = {cell.metric for cell in cells}
    if not {"auc", "f1"} & metrics:
        return cells
    return [cell for cell in cells if METRICS.load(cell.metric).null_of in ("", *metrics)]


def _never_measured(cell: ResultRow) -> bool:
    """Return whether a cell is undefined by design, as AUC and PSNR of `original`."""
    untouched = not INPAINTERS.card(cell.inpainter).paints
    return untouched and cell.reason == NOT_DEFINED


def _notes(cells: Sequence[ResultRow], distances: Distances) -> Iterator[str]:
    for note in table_notes(cells, distances):
        yield INTERVALS if note.startswith("Brackets: ") else note


def _blocks(cells: Sequence[ResultRow], distances: Distances) -> Iterator[list[_Line]]:
    """Yield a header and lines per metric, with its null and its replacement below."""
    processed = any(cell.launder for cell in cells)
    rows = list(rows_by_bucket(cells))
    for metric in dict.fromkeys(_block_of(cell.metric) for cell in cells):
        here = [row for row in rows if _block_of(_first(row).metric) == metric]
        detector = "detector" if any(_first(row).detector for row in here) else ""
        labels = (metric_label(metric), detector, *(("laundering",) if processed else ()))
        buckets = dict.fromkeys(bucket for row in here for bucket in row)
        block = [_Line(labels, {bucket: f"{bucket} % " for bucket in buckets})]
        for row in here:
            block += _lines(row, processed, distances)
        yield block


def _block_of(metric: str) -> str:
    kind = METRICS.load(metric)
    return kind.null_of or kind.of_untouched or metric


def _first(row: Mapping[str, ResultRow]) -> ResultRow:
    return next(iter(row.values()))


def _lines(row: Mapping[str, ResultRow], processed: bool, distances: Distances) -> Iterator[_Line]:
    cell = _first(row)
    decimals = kind_of(cell.metric).decimals
    detector = detector_label(cell.detector, row) if cell.detector else ""
    after = (cell.launder or "-",) if processed else ()
    yield _Line(
        (_inpainter(row), detector, *after),
        {bucket: _value(one, decimals, distances) for bucket, one in row.items()},
    )
    digits = max(_digits(one, decimals) for one in row.values())
    spans = {bucket: _span(one, digits) for bucket, one in row.items()}
    paper = {bucket: paper_value(one) for bucket, one in row.items()}
    if any(spans.values()):
        yield _Line(("", "95 %"), {bucket: f"{text} " for bucket, text in spans.items()})
    if any(value is not None for value in paper.values()):
        texts = {bucket: number(one, decimals, gap="") + " " for bucket, one in paper.items()}
        yield _Line(("", "paper"), texts)


def _inpainter(row: Mapping[str, ResultRow]) -> str:
    cell = _first(row)
    kind, name = METRICS.load(cell.metric), inpainter_label(row)
    if kind.null_of:
        return f"null ({name})"
    return f"{name}: {kind.title}" if kind.of_untouched else name


def _value(cell: ResultRow, decimals: int, distances: Distances) -> str:
    if cell.value is None:
        return f"- ({cell.n}/{cell.expected})"
    return number(cell.value, decimals) + (mark(cell, distances) or " ")


def _digits(cell: ResultRow, decimals: int) -> int:
    """Return the decimals of an interval: as many as its width makes meaningful."""
    least = (decimals + 1) // 2
    if cell.low is None or cell.high is None or cell.low == cell.high:
        return least
    apart = cell.high - cell.low
    return next((n for n in range(least, decimals) if apart >= DIGITS / 10**n), decimals)


def _span(cell: ResultRow, digits: int) -> str:
    if cell.low is None or cell.high is None:
        return ""
    between = "-" if cell.low >= 0 else " to "
    return f"{number(cell.low, digits)}{between}{number(cell.high, digits)}"


def _printed(block: Sequence[_Line], width: int) -> Iterator[str]:
    """Yield the lines of a block, split into parts of bins that fit the width."""
    places = range(max(len(line.labels) for line in block))
    widths = [max(len(_label(line, place)) for line in block) for place in places]
    stacked = 0
    columns = {
        bucket: max(len(line.texts.get(bucket, "")) for line in block) for bucket in block[0].texts
    }
    widest = max(columns.values())
    if sum(widths) + len(GAP) * len(widths) + widest > width:  # a long name gets its own line
        stacked, widths = widths[0], [2, *widths[1:]]
    room = width - sum(widths) - len(GAP) * (len(widths) - 1)
    for part in _parts(columns, room):
        yield ""
        for count, line in enumerate(block):
            yield from _one(line, part, widths, stacked=bool(stacked))
            if not count:
                whole = sum(widths) + sum(part.values())
                yield "-" * (whole + len(GAP) * (len(widths) + len(part) - 1))


def _label(line: _Line, place: int) -> str:
    return line.labels[place] if place < len(line.labels) else ""


def _parts(columns: Mapping[str, int], room: int) -> Iterator[dict[str, int]]:
    part: dict[str, int] = {}
    for bucket, wide in columns.items():
        used = sum(part.values()) + len(GAP) * len(part)
        if part and used + len(GAP) + wide > room:
            yield part
            part = {}
        part[bucket] = wide
    yield part


def _one(
    line: _Line, part: Mapping[str, int], widths: Sequence[int], *, stacked: bool
) -> Iterator[str]:
    labels = [_label(line, place) for place in range(len(widths))]
    if stacked and labels[0]:
        yield labels[0]
        labels[0] = ""
    texts = [label.ljust(wide) for label, wide in zip(labels, widths, strict=True)]
    texts += [line.texts.get(bucket, "").rjust(wide) for bucket, wide in part.items()]
    yield GAP.join(texts).rstrip()


def _wrapped(text: str, width: int) -> Iterable[str]:
    return wrap(text, width, subsequent_indent="  ", break_on_hyphens=False) or [""]
