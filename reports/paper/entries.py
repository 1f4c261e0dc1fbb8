"""Data of the paper's tables: entries with the paper's number and ours, lines, tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmark.metrics import METRICS
from benchmark.results.nulls import MARK, NULL_LINE, RANKED
from benchmark.results.rows import ResultRow
from benchmark.results.training_exposure import seen_in_training
from reports.paper.layouts import Place, TableColumn, percent

ABSENT = "not in this run"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableEntry:
    """One position of a table: the paper's number and ours.

    Attributes:
        place: position in the paper's names; models that the paper lacks have our names.
        paper: the paper's number, or None.
        ours: our row, or None where the run has none.
        paper_best: whether the paper's number is the best of its column.
        ours_best: whether our number is the best of ours in the column.
        below_null: whether the AUC of our inpainter lies below the null here.
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
        """Mark beside our number: § where the inverted heatmap finds the hole, or ""."""
        return MARK if self.below_null and self.ours and self.ours.metric == RANKED else ""

    @property
    def met(self) -> bool:
        """Whether the detector of our number met the inpainter in training."""
        return self.ours is not None and seen_in_training(self.ours)

    @property
    def decimals(self) -> int:
        """Printed digits after the decimal point."""
        return METRICS.load(self.place.metric).decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The numbers of one model in one group.

    Attributes:
        group: label of the group, or "".
        name: name of the model, the paper's if it has one, with ‡ if its output depends on the
            masked pixels and ¶ if the detector met it in training.
        model: our name of the model with its retouching, or "" where the run lacks it.
        edition: weights variant of its numbers, such as "mini"; "" where it has none.
        reported: whether the paper has this model.
        paints: False for `original`, which is never the best of a column: its ACC is the
            false-positive rate, and retouched it is a control. False for the null, too, and for
            images without the original's known pixels.
        entries: one per column, from left to right.
    """

    group: str
    name: str
    model: str
    edition: str
    reported: bool
    paints: bool
    entries: tuple[TableEntry, ...]

    @property
    def measured(self) -> bool:
        """Whether the run has any number here."""
        return any(entry.value is not None for entry in self.entries)

    def reason(self, entry: TableEntry) -> str:
        """Return why our number is missing at one of its positions, or ""."""
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
    """One of the paper's tables, for one data set of the run and one post-processing.

    Attributes:
        number: 1 to 6.
        title: caption, with the data of our numbers.
        dataset: our data set, or "" where the columns name it or there is no run.
        launder: post-processing of the inpainted images before detection, or "".
        ours: whether the table has numbers of a run.
        labels: headings of the columns that name the rows.
        columns: columns of numbers.
        lines: rows.
        notes: notes below the table, one per line.
        intervals: whether text, Markdown and LaTeX show the 95 % intervals of our numbers; HTML and
            CSV always do.
    """

    number: int
    title: str
    dataset: str
    launder: str
    ours: bool
    labels: tuple[str, ...]
    columns: tuple[TableColumn, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    intervals: bool = False

    @property
    def shown_notes(self) -> tuple[str, ...]:
        """Notes for a format that shows intervals on request only."""
        about = "Brackets: 95 %"
        return tuple(note for note in self.notes if self.intervals or not note.startswith(about))

    @property
    def entries(self) -> Iterator[TableEntry]:
        """All entries, row by row."""
        return (entry for line in self.lines for entry in line.entries)
