"""Tables of a run of forgeries: a row for each subset and method, a column for each metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmark.metrics import METRICS
from benchmark.results.gaps import NOT_DEFINED
from benchmark.results.rounding import kind_of, number, with_span
from benchmark.results.rows import ResultRow
from benchmark.results.table import Table, metric_notes
from benchmark.results.text_blocks import (
    WIDTH,
    BlockLine,
    interval_text,
    printed_block,
    wrapped,
)
from benchmark.results.training_exposure import MET, seen_in_training, training_mark
from benchmark.runner.forgery_sources import ALL
from detectors import DETECTORS

TITLE = "Forgeries: does the detector find them?"
DIGITS = 2  # of an interval on a terminal; table.md has it in full
Row = Mapping[str, ResultRow]  # the cells of a subset and method, by the metric's column


def forgery_table(cells: Sequence[ResultRow]) -> Table:
    """Return the table of a run of forgeries for Markdown and HTML.

    Args:
        cells: cells of the run, in its order.
    """
    columns = _columns(cells)
    laundered = any(cell.launder for cell in cells)
    rows = []
    for row in _rows(cells):
        cell = _first(row)
        about = [_detector(cell), *([cell.launder or "-"] if laundered else [])]
        about += [
            cell.bucket,
            cell.inpainter + training_mark(cell),
            str(_originals(row)),
            str(_images(row)),
        ]
        rows.append((*about, *(_exact(row.get(name)) for name in columns)))
    heads = ("detector", *(("laundering",) if laundered else ()))
    return Table(
        title=TITLE,
        columns=(
            *heads, "subset", "method", "originals", "images",
            *(_head(one, cells) for one in columns),
        ),
        rows=tuple(rows),
        notes=tuple(forgery_notes(cells, brackets=True)),
    )  # fmt: skip


def forgery_text(cells: Sequence[ResultRow], *, width: int = WIDTH) -> str:
    """Return all numbers of a run of forgeries as aligned text, a block for each detector.

    Args:
        cells: cells of the run, in its order.
        width: width of the terminal in characters.

    Returns:
        Lines with a trailing newline.
    """
    lines = [*wrapped(TITLE, width)]
    heads = {name: f"{_head(name, cells)} " for name in _columns(cells)}
    blocks: dict[tuple[str, str], list[Row]] = {}
    for row in _rows(cells):
        blocks.setdefault((_first(row).detector, _first(row).launder), []).append(row)
    for rows in blocks.values():
        lines += printed_block(list(_block(rows, heads)), width)
    lines.append("")
    for note in forgery_notes(cells, brackets=False):
        lines += wrapped(note, width)
    return "\n".join(lines) + "\n"


def forgery_notes(cells: Sequence[ResultRow], *, brackets: bool) -> Iterator[str]:
    """Yield the notes below a table of forgeries, each only if it applies.

    Args:
        cells: cells of the run.
        brackets: whether intervals stand in brackets.
    """
    if any(cell.low is not None for cell in cells):
        where = "Brackets: 95 % interval" if brackets else "95 %: interval"
        yield (
            f"{where} over originals, not images: the forgeries of one original are drawn "
            "together (docs/statistics.md)."
        )
    yield from _without_interval(cells)
    if any(cell.metric == "image_auc" and cell.value is not None for cell in cells):
        yield (
            "Originals and images are counted for the row alone; image AUC counts those of the "
            "authentic images too (results.csv)."
        )
    yield "Higher is better for a detector; of FPR lower."
    if any(cell.metric == "acc" for cell in cells):
        yield (
            "ACC: true-positive rate, the share of forged images that the detector calls forged, "
            "at its operating point."
        )
    if any(cell.metric == "fpr" for cell in cells):
        yield "Rows of authentic images have FPR in the place of ACC."
    if any(DETECTORS.card(cell.detector).score_from == "area" for cell in cells):
        yield "† no image-level score: called forged if over 2 % of the heatmap exceeds 0.5."
    if any(cell.launder for cell in cells):
        yield "Post-processing: of the images before detection (--launder)."
    yield from _training(cells)
    yield from metric_notes(cell.metric for cell in cells)
    yield from _gaps(cells)


def _without_interval(cells: Iterable[ResultRow]) -> Iterator[str]:
    """Yield the reasons why numbers have no interval."""
    bare = [cell for cell in cells if cell.value is not None and cell.low is None]
    areas = any(cell.metric == "image_auc" for cell in bare)
    if areas or any(cell.n < 2 for cell in bare):
        also = "; for image AUC 2 of forged and 2 of authentic images" if areas else ""
        yield f"No interval where fewer than 2 originals count{also}."
    if any(cell.metric != "image_auc" and cell.n >= 2 for cell in bare):
        yield (
            "No interval where few originals all have the same number: that does not "
            "predict the next (docs/statistics.md)."
        )


def _rows(cells: Iterable[ResultRow]) -> Iterable[Row]:
    """Return the cells of each row by column: `fpr` stands in that of `acc`."""
    grid: dict[tuple[str, ...], dict[str, ResultRow]] = {}
    for cell in cells:
        spot = (cell.detector, cell.launder, cell.bucket, cell.inpainter)
        grid.setdefault(spot, {})[_column(cell.metric)] = cell
    return grid.values()


def _columns(cells: Iterable[ResultRow]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_column(cell.metric) for cell in cells))


def _column(metric: str) -> str:
    return METRICS.load(metric).of_untouched or metric


def _head(metric: str, cells: Iterable[ResultRow]) -> str:
    """Return the title of a column: ACC and, if there are authentic images, FPR share one."""
    shared = {cell.metric for cell in cells if _column(cell.metric) == metric}
    return "/".join(_title(one) for one in sorted(shared))


def _title(metric: str) -> str:
    return METRICS.load(metric).title


def _first(row: Row) -> ResultRow:
    return next(iter(row.values()))


def _originals(row: Row) -> int:
    return max(cell.n if _column(cell.metric) != "image_auc" else 0 for cell in row.values())


def _images(row: Row) -> int:
    return max(
        (cell.images or 0) if _column(cell.metric) != "image_auc" else 0 for cell in row.values()
    )


def _block(rows: Sequence[Row], heads: Mapping[str, str]) -> Iterator[BlockLine]:
    """Yield the header and the lines of a detector after one post-processing."""
    cell = _first(rows[0])
    after = f" after {cell.launder}" if cell.launder else ""
    yield BlockLine((_detector(cell) + after, "n (images)"), heads)
    single = len({_first(row).bucket for row in rows}) == 1 and cell.bucket == ALL
    for row in rows:
        about = _first(row)
        name = about.inpainter + training_mark(about)
        name = name if single else f"{about.bucket}: {name}"
        count = f"{_originals(row)} ({_images(row)})"
        yield BlockLine(
            (name, count), {name: _text(row.get(name)) for name in heads if name in row}
        )
        spans = {name: _span(row[name]) for name in heads if name in row}
        if any(spans.values()):
            yield BlockLine(("", "95 %"), {name: f"{text} " for name, text in spans.items()})


def _text(cell: ResultRow | None) -> str:
    if cell is None or cell.reason == NOT_DEFINED:
        return ""
    if cell.value is None:
        return "- "
    return f"{number(cell.value, kind_of(cell.metric).decimals)} "


def _span(cell: ResultRow) -> str:
    rough = interval_text(cell, DIGITS)
    low, _, high = rough.partition("-")
    return interval_text(cell, DIGITS + 1) if low == high and cell.low != cell.high else rough


def _exact(cell: ResultRow | None) -> str:
    if cell is None or cell.reason == NOT_DEFINED:
        return ""
    return with_span(cell.value, cell.low, cell.high, kind_of(cell.metric).decimals)


def _detector(cell: ResultRow) -> str:
    """Return a detector's name with its weights, † if its score uses the area rule."""
    card, edition = DETECTORS.card(cell.detector), cell.edition(cell.detector)
    name = cell.detector + (f" ({edition})" if edition != "none" else "")
    return name + ("†" if card.score_from == "area" else "")


def _training(cells: Sequence[ResultRow]) -> Iterator[str]:
    if any(map(seen_in_training, cells)):
        yield (
            f"{MET} seen in training: the detector was trained on images of this set, or on "
            "forgeries by this method."
        )
    unknown = dict.fromkeys(cell.detector for cell in cells if not cell.met)
    if unknown:
        yield f"Unknown: whether {', '.join(unknown)} was trained on such images, or on these."


def _gaps(cells: Iterable[ResultRow]) -> Iterator[str]:
    """Yield every reason of gaps once, with the metrics and rows concerned."""
    reasons: dict[str, dict[str, None]] = {}
    for cell in cells:
        if cell.reason and cell.reason != NOT_DEFINED:
            reasons.setdefault(cell.reason, {})[_title(cell.metric)] = None
    for reason, names in reasons.items():
        yield f"- {', '.join(names)}: {reason}."
