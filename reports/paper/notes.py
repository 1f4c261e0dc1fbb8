"""Notes below the paper's tables: images, weights, marks, the null, reasons for gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmark.metrics import METRICS
from benchmark.results.interval_notes import interval_note
from benchmark.results.nulls import NO_NULL, NULL_ELSEWHERE, NULL_LINE, NULL_NOTE
from benchmark.results.rows import ResultRow, editions_of
from benchmark.results.run_folder import RunFolder
from benchmark.results.table import composite_notes, retouch_notes
from benchmark.results.training_exposure import training_notes
from benchmark.results.variants import InpainterVariant
from detectors import DETECTORS
from reports.paper.entries import ABSENT, Line
from reports.paper.layouts import DATASETS, TableLayout
from reports.paper.selection import RunSelection


def table_notes(
    lines: Sequence[Line], layout: TableLayout, selection: RunSelection, run: RunFolder
) -> Iterator[str]:
    """Yield the notes below a table with a run's numbers.

    Args:
        lines: rows of the table.
        layout: layout of the table.
        selection: numbers of the run that the table shows.
        run: the run.
    """
    rows = [entry.ours for line in lines for entry in line.entries if entry.ours]
    if rows:
        yield _samples(rows)
    editions = dict.fromkeys(
        part
        for row in rows
        if row.value is not None
        for part in editions_of(row.weights).items()
        if part[1] != "none"
    )
    weights = [f"{name} {edition.replace(', ', ' ')}" for name, edition in editions]
    if weights:
        yield f"Our weights: {', '.join(weights)}."
    if layout.bold:
        null = any(line.name == NULL_LINE for line in lines)
        by = "; of our AUC, the nearest to the null" if null else ""
        yield f"Bold: the best of its column, ours and the paper's apart{by}."
    yield from filter(None, [interval_note(rows, old=run.old_intervals)])
    if any(entry.difference is not None for line in lines for entry in line.entries):
        yield "Difference: ours minus the paper's, which uses official weights and its own images."
    if any(DETECTORS.card(row.detector).score_from == "area" for row in rows if row.detector):
        yield (
            "† ACC of IID-Net: it has no image-level score; an image is called forged if over 2 % "
            "of its heatmap exceeds 0.5."
        )
    variants = [InpainterVariant(row.inpainter, row.retouch, row.composite) for row in rows]
    yield from composite_notes(variants)
    yield from retouch_notes(variants)
    yield from training_notes(rows)
    yield from _null_notes(lines, run)
    if any("‡" in line.name for line in lines):
        yield (
            "‡ as in the authors' program, its output depends on what the image shows inside the "
            "hole; with --hole-blind it does not."
        )
    yield from filter(
        None, (METRICS.load(name).note for name in sorted({row.metric for row in rows}))
    )
    yield from _gaps(lines, selection)
    if not run.complete:
        yield "The run has not finished: these are its numbers so far."


def _null_notes(lines: Sequence[Line], run: RunFolder) -> Iterator[str]:
    if any(line.name == NULL_LINE for line in lines):
        yield NULL_NOTE
    elif any(entry.ours and entry.ours.detector for line in lines for entry in line.entries):
        yield NO_NULL if run.plan.convention == "paper" else NULL_ELSEWHERE


def _samples(rows: Iterable[ResultRow]) -> str:
    counts = {(row.dataset, row.bucket): row.expected for row in rows}
    parts = [
        f"{count} of {DATASETS.get(name, name)} at {bucket} %"
        for (name, bucket), count in counts.items()
    ]
    return f"Our images: {', '.join(parts)}."


def _gaps(lines: Sequence[Line], selection: RunSelection) -> Iterator[str]:
    """Yield each reason for a gap once, with the models or data sets concerned."""
    reasons: dict[str, dict[str, None]] = {}
    for line in lines:
        for entry in line.entries if line.paints else ():
            dataset = entry.place.dataset
            if entry.value is None and dataset in selection.sets:
                reasons.setdefault(line.reason(entry), {})[line.name] = None
            elif entry.value is None:
                reasons.setdefault(ABSENT, {})[DATASETS[dataset]] = None
    for reason, names in reasons.items():
        yield f"Gaps (-): {', '.join(names)}: {reason}."
