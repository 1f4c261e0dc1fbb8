"""Markdown and HTML table of a run: one column per mask-ratio bin, the paper's numbers beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from html import escape

from benchmark.composite import FEATHER, NONE
from benchmark.core.card import Card
from benchmark.metrics import METRICS, NULLS
from benchmark.results.gaps import NO_PACKAGE, NO_WEIGHTS
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
POSTPROCESSING = "post-processing"  # title of its column


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of texts with notes below.

    Attributes:
        title: title.
        columns: column headers.
        rows: one text per column.
        notes: lines below the table.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    def markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [f"## {self.title}", ""]
        lines += [_line(self.columns), "|" + " --- |" * len(self.columns)]
        lines += [_line(row) for row in self.rows]
        lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines) + "\n"

    def html(self) -> str:
        """Return the table as an HTML fragment."""
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
    """Return the table of a run; data sets and post-processing get columns if there are several.

    Args:
        cells: rows in the plan's order.
        distances: tests of every AUC against the null, from `stored_distances`.
    """
    distances = distances or {}
    cells = shown(cells)
    buckets = tuple(dict.fromkeys(cell.bucket for cell in cells))
    heads = [text for bucket in buckets for text in (f"{bucket} %", "paper")]
    datasets = tuple(dict.fromkeys(cell.dataset for cell in cells))
    extra: tuple[str, ...] = ("data set",) if len(datasets) > 1 else ()
    extra += (POSTPROCESSING,) if any(cell.launder for cell in cells) else ()
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


def table_title(cells: Sequence[ResultRow]) -> str:
    """Return the title of a run's table."""
    datasets = dict.fromkeys(cell.dataset for cell in cells)
    if not any(cell.detector for cell in cells):
        return f"{', '.join(datasets)}: quality of the inpainted images"
    return f"{', '.join(datasets)}: can the detector find what was inpainted?"


def shown(cells: Sequence[ResultRow]) -> list[ResultRow]:
    """Return the displayed cells: nulls only of AUC, F1 and metrics of the run."""
    there = {cell.metric for cell in cells}
    of = {name: METRICS.load(name).null_of for name in there}
    return [
        cell for cell in cells if of[cell.metric] in ("", "auc", "f1") or of[cell.metric] in there
    ]


def rows_by_bucket(cells: Iterable[ResultRow]) -> Iterable[dict[str, ResultRow]]:
    """Return the cells of each table row by bin, in the plan's order."""
    grid: dict[tuple[str, ...], dict[str, ResultRow]] = {}
    for cell in cells:
        row = (cell.dataset, cell.launder, cell.painter, cell.detector, cell.metric)
        grid.setdefault(row, {})[cell.bucket] = cell
    return grid.values()


def _about(row: dict[str, ResultRow], extra: Iterable[str]) -> tuple[str, ...]:
    """Return the first columns of a row: data set and post-processing if shown, models, metric."""
    cell = next(iter(row.values()))
    said = {"data set": cell.dataset, POSTPROCESSING: cell.launder or "-"}
    return (
        *(said[column] for column in extra),
        inpainter_label(row),
        detector_label(cell.detector, row),
        metric_label(cell.metric),
    )


def metric_notes(names: Iterable[str]) -> tuple[str, ...]:
    """Return the notes of metrics, each sentence once, in order.

    Args:
        names: names of metrics.
    """
    notes = dict.fromkeys(METRICS.load(name).note for name in dict.fromkeys(names))
    return tuple(note for note in notes if note)


def composite_notes(variants: Iterable[InpainterVariant]) -> Iterator[str]:
    """Yield the notes on images that were not spliced, if any."""
    kinds = {one.composite.partition(":")[0] for one in variants}
    if NONE in kinds:
        yield (
            "composite:none: the image as the inpainter returned it, known pixels included; in all "
            "other rows these are the original's. Ground truth is the hole, so a detector that "
            "marks changed known pixels is charged with false positives; neither best nor ranked."
        )
    if FEATHER in kinds:
        yield (
            "feather:pixels: spliced, and blended with the original over so many pixels inside the "
            "hole, from its border on."
        )


def retouch_notes(variants: Iterable[InpainterVariant]) -> Iterator[str]:
    """Yield the notes on inpainters whose holes were retouched, if any."""
    retouched = dict.fromkeys(one for one in variants if one.retouch)
    if not retouched:
        return
    yield (
        "Retouching: post-processing of the hole alone, after the inpainter and before rounding "
        "(grain:gray levels, or match for the known region's; blur:pixels, sharpen:share of the "
        "detail, median:pixels)."
    )
    late = dict.fromkeys(one.inpainter for one in retouched if one.card.eight_bits)
    if late:
        yield f"{', '.join(late)}: 8-bit outputs, so retouching is applied after rounding."
    shown = dict.fromkeys(one.inpainter for one in retouched if not one.card.paints)
    if shown:
        yield (
            f"{', '.join(shown)} retouched: the hole is the original's, so this shows the effect "
            "of retouching alone; it counts as changed, and its ACC is not a false-positive rate."
        )


def _line(texts: Iterable[str]) -> str:
    return "| " + " | ".join(_escaped(text) for text in texts) + " |"


def inpainter_label(row: Mapping[str, ResultRow]) -> str:
    """Return an inpainter's name with treatment, marks and weights: "safepaint (mini)"."""
    cell = next(iter(row.values()))
    return _named(INPAINTERS.card(cell.inpainter), row, cell.treatment)


def _named(card: Card, row: Mapping[str, ResultRow], treatment: str = "") -> str:
    cell = next(iter(row.values()))
    edition = _edition(card.name, cell)
    mark = "‡" if cell.sees_hole and card.name == cell.inpainter and card.paints else ""
    mark += training_mark(cell) if card.name == cell.inpainter else ""
    name = retouched_name(card.name, treatment) + mark
    return name + (f" ({edition})" if edition != "none" else "")


def detector_label(name: str, row: Mapping[str, ResultRow]) -> str:
    """Return a detector's name with weights, † if its score uses the area rule; "-" for none."""
    if not name:
        return "-"
    card = DETECTORS.card(name)
    return _named(card, row) + ("†" if card.score_from == "area" else "")


def _edition(name: str, cell: ResultRow) -> str:
    return editions_of(cell.weights)[name]


def metric_label(name: str) -> str:
    """Return a metric's title with an arrow in the better direction."""
    kind = METRICS.load(name)
    return kind.title if kind.of_untouched_images() else f"{kind.title} {ARROWS[kind.better]}"


def mark(cell: ResultRow, distances: Distances) -> str:
    """Return the mark of an AUC below the null, § or ""."""
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
    """Yield the notes on arrows and on ACC, which has another meaning in forensics."""
    down = "; AUC only down to its null" if NULLS[RANKED] in metrics else ""
    yield (
        "Arrows: the better direction for an inpainter (harder to detect, closer to the "
        "authentic image)"
        f"{down}."
    )
    if "acc" in metrics:
        yield "ACC: share of inpainted images that the detector calls forged, as in the paper."


def table_notes(cells: Sequence[ResultRow], distances: Distances) -> Iterable[str]:
    """Yield the notes of a table, one line each, only on what it contains."""
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
            f"paper: official weights on the paper's own data ({COMPARED} if it lacks the data "
            "set); for orientation, not the same samples."
        )
    if any(cell.detector and DETECTORS.card(cell.detector).score_from == "area" for cell in cells):
        yield "† no image-level score: called forged if over 2 % of the heatmap exceeds 0.5."
    if any(cell.launder for cell in cells):
        yield (
            "Post-processing: between inpainting and detection (--launder), such as jpeg:quality, "
            "resize:factor, noise:gray levels, blur:pixels; + joins steps (docs/protocol.md)."
        )
    variants = [InpainterVariant(one.inpainter, one.retouch, one.composite) for one in cells]
    yield from composite_notes(variants)
    yield from retouch_notes(variants)
    if any(cell.sees_hole and INPAINTERS.card(cell.inpainter).paints for cell in cells):
        yield (
            "‡ like its authors' program, the model reads the image's content inside the hole; "
            "--hole-blind removes it."
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
    """Yield every reason of gaps once, with the metrics or inpainters concerned."""
    reasons: dict[str, dict[str, None]] = {}
    for cell in cells:
        if cell.reason:
            whose = cell.inpainter if cell.reason in (NO_WEIGHTS, NO_PACKAGE) else cell.metric
            reasons.setdefault(cell.reason, {})[whose] = None
    for reason, names in reasons.items():
        yield f"- {', '.join(names)}: {reason}."


def _escaped(text: str) -> str:
    """Return text for a Markdown cell: no column of its own, no HTML."""
    return text.replace("|", "\\|").replace("<", "\\<")
