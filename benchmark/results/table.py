"""A run's numbers as a table: buckets across, metrics down, the paper's number beside ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from html import escape

from benchmark.core.card import Card
from benchmark.metrics import METRICS, NULLS
from benchmark.results.aggregate import NO_WEIGHTS
from benchmark.results.interval_notes import interval_note
from benchmark.results.nulls import (
    MARK,
    MARK_NOTE,
    NULL_NOTE,
    RANKED,
    CellKey,
    Distances,
    is_below,
    untested_notes,
)
from benchmark.results.reported import COMPARED, paper_value
from benchmark.results.rounding import kind_of, number, with_span
from benchmark.results.rows import ResultRow, editions_of
from benchmark.results.training_exposure import training_mark, training_notes
from benchmark.results.variants import InpainterVariant
from benchmark.retouch import retouched_name
from detectors import DETECTORS
from inpainters import INPAINTERS

ARROWS = {"lower": "↓", "higher": "↑"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Text in rows and columns, with what a reader has to know beneath it.

    Attributes:
        title: what the table shows.
        columns: heads.
        rows: one text a column.
        notes: lines beneath.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    def markdown(self) -> str:
        """The table as Markdown text."""
        lines = [f"## {self.title}", ""]
        lines += [_line(self.columns), "|" + " --- |" * len(self.columns)]
        lines += [_line(row) for row in self.rows]
        lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines) + "\n"

    def html(self) -> str:
        """The table as an HTML fragment."""
        heads = "".join(f"<th>{escape(text)}</th>" for text in self.columns)
        rows = "\n".join(
            f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in self.rows
        )
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return (
            f"<table><caption>{escape(self.title)}</caption>\n<thead><tr>{heads}</tr></thead>\n"
            f"<tbody>\n{rows}\n</tbody></table>\n<ul>{notes}</ul>\n"
        )


def run_table(cells: Sequence[ResultRow], distances: Distances | None = None) -> Table:
    """All cells of a run; data sets and laundering have a column where they differ.

    Args:
        cells: in the plan's order.
        distances: how far every AUC lies from the null, as `stored_distances` has it.
    """
    distances = distances or {}
    cells = shown(cells)
    buckets = tuple(dict.fromkeys(cell.bucket for cell in cells))
    heads = [text for bucket in buckets for text in (f"{bucket} %", "paper")]
    datasets = tuple(dict.fromkeys(cell.dataset for cell in cells))
    extra: tuple[str, ...] = ("data set",) if len(datasets) > 1 else ()
    extra += ("laundering",) if any(cell.launder for cell in cells) else ()
    return Table(
        title=table_title(cells),
        columns=(*extra, "inpainter", "detector", "metric", *heads),
        rows=tuple(
            (
                *_about(row, extra),
                *(text for bucket in buckets for text in _texts(row[bucket], distances)),
            )
            for row in rows_by_bucket(cells)
        ),
        notes=tuple(table_notes(cells, distances)),
    )


def table_title(cells: Iterable[ResultRow]) -> str:
    """What a run's table asks, of which data sets."""
    datasets = dict.fromkeys(cell.dataset for cell in cells)
    return f"{', '.join(datasets)}: can the detector find what was inpainted?"


def shown(cells: Sequence[ResultRow]) -> list[ResultRow]:
    """The numbers that have a row: of the nulls AUC's and F1's, and those beside their metric."""
    there = {cell.metric for cell in cells}
    of = {name: METRICS.load(name).null_of for name in there}
    return [
        cell for cell in cells if of[cell.metric] in ("", "auc", "f1") or of[cell.metric] in there
    ]


def rows_by_bucket(cells: Iterable[ResultRow]) -> Iterable[dict[str, ResultRow]]:
    """The cells of each row by their bucket, in the plan's order."""
    grid: dict[tuple[str, ...], dict[str, ResultRow]] = {}
    for cell in cells:
        row = (cell.dataset, cell.launder, cell.painter, cell.detector, cell.metric)
        grid.setdefault(row, {})[cell.bucket] = cell
    return grid.values()


def _about(row: dict[str, ResultRow], extra: Iterable[str]) -> tuple[str, ...]:
    """What a row is about: data set and laundering where they differ, models, metric."""
    cell = next(iter(row.values()))
    said = {"data set": cell.dataset, "laundering": cell.launder or "-"}
    return (
        *(said[column] for column in extra),
        inpainter_label(row),
        detector_label(cell.detector, row),
        metric_label(cell.metric),
    )


def metric_notes(names: Iterable[str]) -> tuple[str, ...]:
    """What a reader must know beside the numbers of some metrics, each sentence once, in order.

    Args:
        names: of metrics.
    """
    notes = dict.fromkeys(METRICS.load(name).note for name in dict.fromkeys(names))
    return tuple(note for note in notes if note)


def retouch_notes(painters: Iterable[InpainterVariant]) -> Iterator[str]:
    """What a reader must know of inpainters whose holes were retouched; nothing without any."""
    retouched = dict.fromkeys(one for one in painters if one.retouch)
    if not retouched:
        return
    yield (
        "Retouching: what was done to the hole alone, after the inpainter and before rounding "
        "(grain:grey levels, or match for the known region's; blur:pixels, sharpen:share of the "
        "detail, median:pixels)."
    )
    late = dict.fromkeys(one.inpainter for one in retouched if one.card.eight_bits)
    if late:
        yield f"{', '.join(late)}: answers in 8 bits, so its retouching begins after rounding."
    shown = dict.fromkeys(one.inpainter for one in retouched if not one.card.paints)
    if shown:
        yield (
            f"{', '.join(shown)} retouched: the hole is the image's own, so this is what the "
            "retouching alone shows; it counts as changed, and its ACC is no rate of false alarms."
        )


def _line(texts: Iterable[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def inpainter_label(row: Mapping[str, ResultRow]) -> str:
    """An inpainter with its retouching and its weights, such as "safepaint (mini)"."""
    cell = next(iter(row.values()))
    return _named(INPAINTERS.card(cell.inpainter), row, cell.retouch)


def _named(card: Card, row: Mapping[str, ResultRow], retouch: str = "") -> str:
    cell = next(iter(row.values()))
    edition = _edition(card.name, cell)
    mark = "‡" if cell.sees_hole and card.name == cell.inpainter and card.paints else ""
    mark += training_mark(cell) if card.name == cell.inpainter else ""
    name = retouched_name(card.name, retouch) + mark
    return name + (f" ({edition})" if edition != "none" else "")


def detector_label(name: str, row: Mapping[str, ResultRow]) -> str:
    """A detector with its weights, † where its score is derived; "-" for none."""
    if not name:
        return "-"
    card = DETECTORS.card(name)
    return _named(card, row) + ("†" if card.score_from == "area" else "")


def _edition(name: str, cell: ResultRow) -> str:
    return editions_of(cell.weights)[name]


def metric_label(name: str) -> str:
    """A metric's title with the arrow of the better direction."""
    kind = METRICS.load(name)
    return kind.title if kind.of_untouched_images() else f"{kind.title} {ARROWS[kind.better]}"


def mark(cell: ResultRow, distances: Distances) -> str:
    """§ beside an AUC that lies below the null."""
    spot = CellKey(cell.dataset, cell.launder, cell.detector, cell.bucket, cell.painter)
    below = cell.metric == RANKED and spot in distances and is_below(distances[spot])
    return MARK if below else ""


def _texts(cell: ResultRow, distances: Distances) -> tuple[str, str]:
    decimals = kind_of(cell.metric).decimals
    theirs = number(paper_value(cell), decimals, gap="")
    if cell.value is None:
        return f"- ({cell.n}/{cell.expected})", theirs
    return with_span(cell.value, cell.low, cell.high, decimals) + mark(cell, distances), theirs


def _arrows(metrics: Set[str]) -> Iterator[str]:
    """Which way is better, and what ACC is, for forensics knows it as something else."""
    down = "; AUC only down to its null" if NULLS[RANKED] in metrics else ""
    yield f"Arrows: the direction in which an inpainter hides or inpaints better{down}."
    if "acc" in metrics:
        yield "ACC: share of inpainted images that the detector calls forged, as in the paper."


def table_notes(cells: Sequence[ResultRow], distances: Distances) -> Iterable[str]:
    """What a reader of the table has to know, a line each; nothing that is not in it."""
    counts: dict[str, dict[str, int]] = {}
    for cell in cells:
        counts.setdefault(cell.dataset, {})[cell.bucket] = cell.expected
    for dataset, numbers in counts.items():
        what = "Samples" if len(counts) == 1 else f"Samples of {dataset}"
        said = ", ".join(f"{count} at {bucket} %" for bucket, count in numbers.items())
        yield f"{what}: {said}."
    if brackets := interval_note(cells):
        yield f"{brackets} See docs/statistics.md."
    yield from _arrows({cell.metric for cell in cells})
    if any(paper_value(cell) is not None for cell in cells):
        yield (
            f"paper: official weights on the paper's own data ({COMPARED} where it has no such "
            "data set); for orientation, not the same samples."
        )
    if any(cell.detector and DETECTORS.card(cell.detector).score_from == "area" for cell in cells):
        yield "† no image-level answer: called forged where over 2 % of the heatmap exceeds 0.5."
    if any(cell.launder for cell in cells):
        yield (
            "Laundering: what was done to the inpainted image before the detector saw it "
            "(jpeg:quality, resize:factor, noise:grey levels, blur:pixels)."
        )
    yield from retouch_notes(InpainterVariant(cell.inpainter, cell.retouch) for cell in cells)
    if any(cell.sees_hole and INPAINTERS.card(cell.inpainter).paints for cell in cells):
        yield (
            "‡ as its authors' program does, it looks at what the image shows inside the hole; "
            "with --hole-blind there is nothing to see."
        )
    yield from training_notes(cells)
    if any(METRICS.load(cell.metric).null_of for cell in cells):
        yield NULL_NOTE
    if any(map(is_below, distances.values())):
        yield MARK_NOTE
    yield from untested_notes(test.reason for test in distances.values())
    yield from metric_notes(cell.metric for cell in cells)
    yield from _gaps(cells)


def _gaps(cells: Iterable[ResultRow]) -> Iterable[str]:
    """Every reason for a gap once, with what it holds for."""
    reasons: dict[str, dict[str, None]] = {}
    for cell in cells:
        if cell.reason:
            whose = cell.inpainter if cell.reason == NO_WEIGHTS else cell.metric
            reasons.setdefault(cell.reason, {})[whose] = None
    for reason, names in reasons.items():
        yield f"- {', '.join(names)}: {reason}."
