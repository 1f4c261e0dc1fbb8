"""Fill the layouts of the paper's Tables 1 to 6 with the paper's numbers and a run's.

`reports.formats` renders the tables; `reports.findings` adds notes from the statistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.core.errors import DataError
from benchmark.metrics import under_convention
from benchmark.results.nulls import NULL_LINE
from benchmark.results.run_folder import RunFolder
from benchmark.results.training_exposure import MET, seen_in_training
from benchmark.runner.resolve import ORIGINAL
from reports.paper.bold import with_bold
from reports.paper.entries import Line, PaperTable, TableEntry
from reports.paper.layouts import (
    DATASETS,
    RowGroup,
    TableLayout,
    heading,
    layout_of,
    paper_numbers,
    place,
)
from reports.paper.notes import table_notes
from reports.paper.selection import RunSelection, run_selections

SUBSTITUTE = "gmsd"  # perceptual and without a network: shown where LPIPS is not available


def paper_table(number: int) -> PaperTable:
    """Return one of the paper's tables with the paper's numbers alone.

    Raises:
        BadInput: if the paper has no such table.
    """
    layout = layout_of(number)
    nothing = RunSelection(sets={}, launder="", index={}, inpainters={}, detectors={}, scored={})
    return PaperTable(
        number=number,
        title=f"Table {number}: {layout.caption.rstrip('.')} (the paper's numbers)",
        dataset="",
        launder="",
        ours=False,
        labels=layout.labels,
        columns=layout.columns,
        lines=_lines(layout, layout.groups, nothing),
        notes=("Bold: the best of its column.",) if layout.bold else (),
    )


def paper_tables(number: int, run: RunFolder) -> tuple[PaperTable, ...]:
    """Return one of the paper's tables with a run's numbers, per data set and post-processing.

    Table 1 has the paper's three data sets side by side; any other data set is shown beside
    Places2, in a separate table.

    Raises:
        BadInput: if the paper has no such table.
        DataError: if the run has none of its metrics or none of its mask-ratio bins.
    """
    layout = layout_of(number)
    tables = [_filled(layout, selection, run) for selection in run_selections(layout, run)]
    found = tuple(table for table in tables if any(entry.ours for entry in table.entries))
    if found:
        return found
    metrics = tuple(dict.fromkeys(spot.metric for spot in paper_numbers(number)))
    buckets = tuple(dict.fromkeys(column.bucket for column in layout.columns))
    metrics = under_convention(run.plan.convention, metrics)
    if set(metrics).isdisjoint(run.plan.metrics) or set(buckets).isdisjoint(run.plan.buckets):
        raise DataError(
            f"{run.path}: has no cell of Table {number}, {_what(metrics, buckets)}; "
            f"it has {_what(run.plan.metrics, run.plan.buckets)}"
        )
    return tuple(table for table in tables if not table.launder)  # no detector of the table's


def _what(metrics: Sequence[str], buckets: Sequence[str]) -> str:
    return f"{', '.join(metrics)} at {', '.join(buckets)} %"


def _filled(layout: TableLayout, selection: RunSelection, run: RunFolder) -> PaperTable:
    groups = (*layout.groups, *_substitute(layout, selection))
    lines = _lines(layout, groups, selection)
    return PaperTable(
        number=layout.number,
        title=_title(layout, selection, run),
        dataset=" ".join(selection.sets.values()),
        launder=selection.launder,
        ours=True,
        labels=layout.labels,
        columns=layout.columns,
        lines=lines,
        notes=tuple(table_notes(lines, layout, selection, run)),
    )


def _substitute(layout: TableLayout, selection: RunSelection) -> Iterator[RowGroup]:
    """Yield the perceptual metric shown in Table 1 if LPIPS is missing; the paper lacks it."""
    values = {row.metric for row in selection.index.values() if row.value is not None}
    if layout.number == 1 and "lpips" not in values and SUBSTITUTE in values:
        yield RowGroup(label=f"{heading(SUBSTITUTE)} (not in the paper)", metric=SUBSTITUTE)


def _title(layout: TableLayout, selection: RunSelection, run: RunFolder) -> str:
    names = " and ".join(DATASETS.get(name, name) for name in selection.sets.values())
    beside = "" if all(key == name for key, name in selection.sets.items()) else " beside Places2"
    after = f", after {selection.launder}" if selection.launder else ""
    unfinished = "" if run.complete else "; the run has not finished"
    scored = f", AUC and F1 as {run.plan.convention} scores them" if selection.scored else ""
    where = f"ours on {names}{beside}{after}{scored}{unfinished}"
    return f"Table {layout.number}: {layout.caption.rstrip('.')} ({where})"


def _lines(
    layout: TableLayout, groups: Sequence[RowGroup], selection: RunSelection
) -> tuple[Line, ...]:
    found: list[Line] = []
    for group in groups:
        names = [*layout.models, *_others(layout, group, selection)]
        lines = [_line(layout, group, name, selection) for name in names]
        found += with_bold([*lines, *_null_line(group, layout, selection)], layout)
    return tuple(found)


def _others(layout: TableLayout, group: RowGroup, selection: RunSelection) -> list[str]:
    """Return models of the run that the paper lacks, and `original` where its ACC can be shown.

    A table without other models still shows its own models retouched.
    """
    has_detector = group.detector in selection.detectors
    own = {
        selection.inpainters[name].inpainter
        for name in layout.models
        if name in selection.inpainters
    }
    return [
        name
        for name, one in selection.inpainters.items()
        if not one.reported
        and (layout.others or not one.card.paints or one.inpainter in own)
        and (has_detector if group.detector else one.card.paints)
    ]


def _line(layout: TableLayout, group: RowGroup, name: str, selection: RunSelection) -> Line:
    reported = paper_numbers(layout.number)
    spots = [place(group, name, column) for column in layout.columns]
    entries = [
        TableEntry(place=spot, paper=reported.get(spot), ours=selection.row(spot)) for spot in spots
    ]
    rows = [entry.ours for entry in entries if entry.ours]
    painter = selection.inpainters.get(name)
    paints = painter is None or painter.card.paints
    authentic = painter is not None and painter.untouched
    sees = paints and any(row.sees_hole for row in rows)
    return Line(
        group=group.label,
        name=(f"{name} (false positives)" if authentic else name)
        + ("‡" if sees else "")
        + (MET if any(map(seen_in_training, rows)) else ""),
        model=painter.name if painter else "",
        edition=next((row.edition(row.inpainter) for row in rows if row.value is not None), ""),
        reported=name in layout.models,
        paints=paints and (painter is None or painter.keeps_known),
        entries=tuple(entries),
    )


def _null_line(group: RowGroup, layout: TableLayout, selection: RunSelection) -> Iterator[Line]:
    """Yield the null of a group's detector, if the run has it under the paper's convention."""
    spots = [place(group, ORIGINAL, column) for column in layout.columns]
    entries = tuple(TableEntry(place=spot, paper=None, ours=selection.null(spot)) for spot in spots)
    if any(entry.ours for entry in entries):
        yield Line(
            group=group.label,
            name=NULL_LINE,
            model=ORIGINAL,
            edition="",
            reported=False,
            paints=False,
            entries=entries,
        )
