"""Terminal table of a run: a block per metric, a row per inpainter and detector, a column per bin.

table.md has the same numbers in one wide table (`results.table`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmark.metrics import METRICS
from benchmark.results.gaps import NOT_DEFINED
from benchmark.results.nulls import Distances
from benchmark.results.reported import paper_value
from benchmark.results.rounding import kind_of, number
from benchmark.results.rows import ResultRow
from benchmark.results.table import (
    POSTPROCESSING,
    detector_label,
    inpainter_label,
    mark,
    metric_label,
    rows_by_bucket,
    shown,
    table_notes,
    table_title,
)
from benchmark.results.text_blocks import (
    WIDTH,
    BlockLine,
    interval_digits,
    interval_text,
    printed_block,
    wrapped,
)
from inpainters import INPAINTERS

INTERVALS = "95 %: interval over images (docs/statistics.md), in full in table.md."


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
    lines = [*wrapped(table_title(cells), width)]
    datasets = tuple(dict.fromkeys(cell.dataset for cell in cells))
    for dataset in datasets:
        here = [cell for cell in cells if cell.dataset == dataset]
        lines += ["", f"{dataset}:"] if len(datasets) > 1 else []
        for block in _blocks(here, distances):
            lines += printed_block(block, width)
    lines.append("")
    for note in _notes(cells, distances):
        lines += wrapped(note, width)
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


def _blocks(cells: Sequence[ResultRow], distances: Distances) -> Iterator[list[BlockLine]]:
    """Yield a header and lines per metric, with its null and its replacement below."""
    processed = any(cell.launder for cell in cells)
    rows = list(rows_by_bucket(cells))
    for metric in dict.fromkeys(_block_of(cell.metric) for cell in cells):
        here = [row for row in rows if _block_of(_first(row).metric) == metric]
        detector = "detector" if any(_first(row).detector for row in here) else ""
        labels = (metric_label(metric), detector, *((POSTPROCESSING,) if processed else ()))
        buckets = dict.fromkeys(bucket for row in here for bucket in row)
        block = [BlockLine(labels, {bucket: f"{bucket} % " for bucket in buckets})]
        for row in here:
            block += _lines(row, processed, distances)
        yield block


def _block_of(metric: str) -> str:
    kind = METRICS.load(metric)
    return kind.null_of or kind.of_untouched or metric


def _first(row: Mapping[str, ResultRow]) -> ResultRow:
    return next(iter(row.values()))


def _lines(
    row: Mapping[str, ResultRow], processed: bool, distances: Distances
) -> Iterator[BlockLine]:
    cell = _first(row)
    decimals = kind_of(cell.metric).decimals
    detector = detector_label(cell.detector, row) if cell.detector else ""
    after = (cell.launder or "-",) if processed else ()
    yield BlockLine(
        (_inpainter(row), detector, *after),
        {bucket: _value(one, decimals, distances) for bucket, one in row.items()},
    )
    digits = max(interval_digits(one, decimals) for one in row.values())
    spans = {bucket: interval_text(one, digits) for bucket, one in row.items()}
    paper = {bucket: paper_value(one) for bucket, one in row.items()}
    if any(spans.values()):
        yield BlockLine(("", "95 %"), {bucket: f"{text} " for bucket, text in spans.items()})
    if any(value is not None for value in paper.values()):
        texts = {bucket: number(one, decimals, gap="") + " " for bucket, one in paper.items()}
        yield BlockLine(("", "paper"), texts)


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
