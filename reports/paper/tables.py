"""The paper's Tables 1 to 6 with our numbers beside the paper's: structure, not yet text.

`reports.formats` writes them; `reports.findings` adds what statistics say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmark.core.errors import DataError
from benchmark.metrics import METRICS, under_convention
from benchmark.results.interval_notes import interval_note
from benchmark.results.nulls import (
    MARK,
    NO_NULL,
    NULL_ELSEWHERE,
    NULL_LINE,
    NULL_NOTE,
    RANKED,
)
from benchmark.results.rows import ResultRow, editions_of
from benchmark.results.run_folder import RunFolder
from benchmark.results.table import retouch_notes
from benchmark.results.training_exposure import MET, seen_in_training, training_notes
from benchmark.results.variants import InpainterVariant
from benchmark.runner.resolve import ORIGINAL
from detectors import DETECTORS
from reports.paper.bold import with_bold
from reports.paper.layouts import (
    DATASETS,
    Column,
    Group,
    Layout,
    Place,
    heading,
    layout_of,
    paper_numbers,
    percent,
    place,
)
from reports.paper.selection import View, views_of

SUBSTITUTE = "gmsd"  # perceptual, needs no network: shown where LPIPS cannot be had
ABSENT = "not in this run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One number of a table, the paper's and ours.

    Attributes:
        place: where it stands, in the paper's words; models the paper lacks under our names.
        paper: the paper's number, or None.
        ours: our row, or None where the run has none.
        paper_best: whether the paper's number is the best of its column.
        ours_best: whether ours is, among ours.
        below_null: whether ours is of an inpainter whose AUC here lies below the null.
    """

    place: Place
    paper: float | None
    ours: ResultRow | None = None
    paper_best: bool = False
    ours_best: bool = False
    below_null: bool = False

    @property
    def value(self) -> float | None:
        """Our number, or None for a gap."""
        return self.ours.value if self.ours else None

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's, or None where either is missing."""
        if self.value is None or self.paper is None:
            return None
        return self.value - self.paper

    @property
    def mark(self) -> str:
        """What stands beside our number: § where the inverted map finds the hole, or ""."""
        return MARK if self.below_null and self.ours and self.ours.metric == RANKED else ""

    @property
    def met(self) -> bool:
        """Whether our number is of a detector that met the inpainter in training."""
        return self.ours is not None and seen_in_training(self.ours)

    @property
    def decimals(self) -> int:
        """Digits after the point that the metric is printed with."""
        return METRICS.load(self.place.metric).decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The numbers of one model in one group.

    Attributes:
        group: the group's label, or "".
        name: the model's name, the paper's where it has one, with ‡ if it looks into the hole and ¶
            if the detector met it in training.
        model: our name of the model with its retouching, or "" where the run does not have it.
        edition: the weights behind its numbers, such as "mini"; "" where it has none.
        reported: whether the paper has this model.
        paints: False for `original`, which is never the best of a column: untouched, its ACC is
            the false-alarm rate; retouched, it is a control. False for the null too.
        entries: from the left, one a column.
    """

    group: str
    name: str
    model: str
    edition: str
    reported: bool
    paints: bool
    entries: tuple[Entry, ...]

    @property
    def measured(self) -> bool:
        """Whether the run has any number here."""
        return any(entry.value is not None for entry in self.entries)

    def reason(self, entry: Entry) -> str:
        """Why there is no number of ours at one of its places, or ""."""
        if entry.ours:
            return entry.ours.reason
        there = [one.place for one in self.entries if one.ours]
        spot = entry.place
        if self.name == NULL_LINE:
            return f"{spot.metric} has no null"
        if not self.model or (there and all(one.dataset != spot.dataset for one in there)):
            return ABSENT
        if any(one.metric == spot.metric for one in there):
            return f"no {percent(spot.bucket)} in this run"
        return f"no {spot.metric if there else spot.detector or spot.metric} in this run"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """One of the paper's tables, on one of the run's data sets and one laundering.

    Attributes:
        number: 1 to 6.
        title: the caption and whose data our numbers are on.
        dataset: our data set, or "" where the columns name it or there is no run.
        launder: what was done to the inpainted images before detection, or "".
        ours: whether there are numbers of ours.
        labels: headings of the columns that name the rows.
        columns: the columns of numbers.
        lines: the rows.
        notes: what a reader has to know, in lines.
        intervals: whether text and Markdown and LaTeX show the 95 % intervals of our numbers; HTML
            and CSV always have them.
    """

    number: int
    title: str
    dataset: str
    launder: str
    ours: bool
    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    intervals: bool = False

    @property
    def shown_notes(self) -> tuple[str, ...]:
        """The notes for a format that shows intervals only where they are asked for."""
        about = "Brackets: 95 %"
        return tuple(note for note in self.notes if self.intervals or not note.startswith(about))

    @property
    def entries(self) -> Iterator[Entry]:
        """Every number, row by row."""
        return (entry for line in self.lines for entry in line.entries)


def paper_table(number: int) -> PaperTable:
    """One of the paper's tables with its numbers alone.

    Raises:
        BadInput: if the paper has no such table.
    """
    layout = layout_of(number)
    nothing = View(sets={}, launder="", index={}, inpainters={}, detectors={}, scored={})
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
    """One of the paper's tables with a run's numbers, once per data set and laundering of the run.

    Table 1 has the paper's three data sets side by side; any other data set stands beside Places2,
    in a table of its own.

    Raises:
        BadInput: if the paper has no such table.
        DataError: if the run has none of its metrics or none of its buckets.
    """
    layout = layout_of(number)
    tables = [_filled(layout, view, run) for view in views_of(layout, run)]
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


def _filled(layout: Layout, view: View, run: RunFolder) -> PaperTable:
    groups = (*layout.groups, *_substitute(layout, view))
    lines = _lines(layout, groups, view)
    return PaperTable(
        number=layout.number,
        title=_title(layout, view, run),
        dataset=" ".join(view.sets.values()),
        launder=view.launder,
        ours=True,
        labels=layout.labels,
        columns=layout.columns,
        lines=lines,
        notes=tuple(_notes(lines, layout, view, run)),
    )


def _substitute(layout: Layout, view: View) -> Iterator[Group]:
    """Table 1 without LPIPS: a perceptual metric that the paper does not have, named as it is."""
    values = {row.metric for row in view.index.values() if row.value is not None}
    if layout.number == 1 and "lpips" not in values and SUBSTITUTE in values:
        yield Group(label=f"{heading(SUBSTITUTE)} (not in the paper)", metric=SUBSTITUTE)


def _title(layout: Layout, view: View, run: RunFolder) -> str:
    names = " and ".join(DATASETS.get(name, name) for name in view.sets.values())
    beside = "" if all(key == name for key, name in view.sets.items()) else " beside Places2"
    laundered = f", laundered by {view.launder}" if view.launder else ""
    unfinished = "" if run.complete else "; the run has not ended"
    scored = f", AUC and F1 as {run.plan.convention} scores them" if view.scored else ""
    where = f"ours on {names}{beside}{laundered}{scored}{unfinished}"
    return f"Table {layout.number}: {layout.caption.rstrip('.')} ({where})"


def _lines(layout: Layout, groups: Sequence[Group], view: View) -> tuple[Line, ...]:
    found: list[Line] = []
    for group in groups:
        names = [*layout.models, *_others(layout, group, view)]
        lines = [_line(layout, group, name, view) for name in names]
        found += with_bold([*lines, *_null_line(group, layout, view)], layout)
    return tuple(found)


def _others(layout: Layout, group: Group, view: View) -> list[str]:
    """Models of the run that the paper does not have, and `original` where its ACC can stand.

    Where other models cannot stand, the table's own can, retouched.
    """
    judged = group.detector in view.detectors
    own = {view.inpainters[name].inpainter for name in layout.models if name in view.inpainters}
    return [
        name
        for name, one in view.inpainters.items()
        if not one.reported
        and (layout.others or not one.card.paints or one.inpainter in own)
        and (judged if group.detector else one.card.paints)
    ]


def _line(layout: Layout, group: Group, name: str, view: View) -> Line:
    reported = paper_numbers(layout.number)
    spots = [place(group, name, column) for column in layout.columns]
    entries = [Entry(place=spot, paper=reported.get(spot), ours=view.row(spot)) for spot in spots]
    rows = [entry.ours for entry in entries if entry.ours]
    painter = view.inpainters.get(name)
    paints = painter is None or painter.card.paints
    alarms = painter is not None and painter.untouched
    sees = paints and any(row.sees_hole for row in rows)
    return Line(
        group=group.label,
        name=(f"{name} (false alarms)" if alarms else name)
        + ("‡" if sees else "")
        + (MET if any(map(seen_in_training, rows)) else ""),
        model=painter.name if painter else "",
        edition=next((row.edition(row.inpainter) for row in rows if row.value is not None), ""),
        reported=name in layout.models,
        paints=paints,
        entries=tuple(entries),
    )


def _null_line(group: Group, layout: Layout, view: View) -> Iterator[Line]:
    """The null of a group's detector, where the run has it and scores as the paper does."""
    spots = [place(group, ORIGINAL, column) for column in layout.columns]
    entries = tuple(Entry(place=spot, paper=None, ours=view.null(spot)) for spot in spots)
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


def _notes(lines: Sequence[Line], layout: Layout, view: View, run: RunFolder) -> Iterator[str]:
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
    said = [f"{name} {edition.replace(', ', ' ')}" for name, edition in editions]
    if said:
        yield f"Weights of ours: {', '.join(said)}."
    if layout.bold:
        null = any(line.name == NULL_LINE for line in lines)
        by = "; of our AUC the one nearest the null" if null else ""
        yield f"Bold: the best of its column, ours and the paper's apart{by}."
    yield from filter(None, [interval_note(rows, old=run.old_intervals)])
    yield ("Difference: ours minus the paper's, which has official weights and its own images.")
    if any(DETECTORS.card(row.detector).score_from == "area" for row in rows if row.detector):
        yield (
            "† ACC of IID-Net: it has no image-level answer; called forged where over 2 % of the "
            "heatmap exceeds 0.5."
        )
    yield from retouch_notes(InpainterVariant(row.inpainter, row.retouch) for row in rows)
    yield from training_notes(rows)
    yield from _about_null(lines, run)
    if any("‡" in line.name for line in lines):
        yield (
            "‡ as its authors' program does, it looks at what the image shows inside the hole; "
            "with --hole-blind there is nothing to see."
        )
    yield from filter(None, (METRICS.load(name).note for name in sorted(_measured(rows))))
    yield from _gaps(lines, view)
    if not run.complete:
        yield "The run has not ended: these are its numbers so far."


def _about_null(lines: Sequence[Line], run: RunFolder) -> Iterator[str]:
    if any(line.name == NULL_LINE for line in lines):
        yield NULL_NOTE
    elif any(entry.ours and entry.ours.detector for line in lines for entry in line.entries):
        yield NO_NULL if run.plan.convention == "paper" else NULL_ELSEWHERE


def _measured(rows: Iterable[ResultRow]) -> set[str]:
    """The metrics of some rows, by the names of the registry."""
    return {row.metric for row in rows}


def _samples(rows: Iterable[ResultRow]) -> str:
    counts = {(row.dataset, row.bucket): row.expected for row in rows}
    said = [
        f"{count} of {DATASETS.get(name, name)} at {bucket} %"
        for (name, bucket), count in counts.items()
    ]
    return f"Images of ours: {', '.join(said)}."


def _gaps(lines: Sequence[Line], view: View) -> Iterator[str]:
    """Every reason for a gap once, with the models and metrics it holds for."""
    reasons: dict[str, dict[str, None]] = {}
    for line in lines:
        for entry in line.entries if line.paints else ():
            dataset = entry.place.dataset
            if entry.value is None and dataset in view.sets:
                reasons.setdefault(line.reason(entry), {})[line.name] = None
            elif entry.value is None:
                reasons.setdefault(ABSENT, {})[DATASETS[dataset]] = None
    for reason, names in reasons.items():
        yield f"Gaps (-): {', '.join(names)}: {reason}."
