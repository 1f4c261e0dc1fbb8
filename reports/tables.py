"""A run's numbers as a table: buckets across, metrics down, the paper's number beside ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark.core.card import Card
from benchmark.metrics import METRICS
from benchmark.runner.cells import Cell
from detectors import DETECTORS
from inpainters import INPAINTERS
from reports.reported import COMPARED
from reports.results import paper_value

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


def run_table(cells: Sequence[Cell]) -> Table:
    """All cells of a run of one data set.

    Args:
        cells: in the plan's order.
    """
    buckets = tuple(dict.fromkeys(cell.bucket for cell in cells))
    grid: dict[tuple[str, str, str], dict[str, Cell]] = {}
    for cell in cells:
        grid.setdefault((cell.inpainter, cell.detector, cell.metric), {})[cell.bucket] = cell
    heads = [text for bucket in buckets for text in (f"{bucket} %", "paper")]
    return Table(
        title=f"{cells[0].dataset}: can the detector find what was painted?",
        columns=("inpainter", "detector", "metric", *heads),
        rows=tuple(
            (
                _named(INPAINTERS.card(painter), row),
                _detector(detector, row),
                _metric(metric),
                *(text for bucket in buckets for text in _texts(row[bucket])),
            )
            for (painter, detector, metric), row in grid.items()
        ),
        notes=tuple(_notes(cells)),
    )


def _line(texts: Iterable[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def _named(card: Card, row: dict[str, Cell]) -> str:
    edition = _edition(card.name, next(iter(row.values())))
    return f"{card.name} ({edition})" if edition != "none" else card.name


def _detector(name: str, row: dict[str, Cell]) -> str:
    if not name:
        return "-"
    card = DETECTORS.card(name)
    return _named(card, row) + ("†" if card.score_from == "area" else "")


def _edition(name: str, cell: Cell) -> str:
    return dict(part.split("=", 1) for part in cell.weights.split())[name]


def _metric(name: str) -> str:
    if name == "false_alarm":
        return "false alarms"
    kind = METRICS.load(name)
    return f"{kind.title} {ARROWS[kind.better]}"


def _texts(cell: Cell) -> tuple[str, str]:
    kind = METRICS.load("acc" if cell.metric == "false_alarm" else cell.metric)
    paper = paper_value(cell)
    theirs = "" if paper is None else f"{paper:.{kind.decimals}f}"
    if cell.value is None:
        return f"- ({cell.n}/{cell.expected})", theirs
    ours = f"{cell.value:.{kind.decimals}f}"
    if cell.low is not None and cell.high is not None:
        ours += f" [{cell.low:.{kind.decimals}f}, {cell.high:.{kind.decimals}f}]"
    return ours, theirs


def _notes(cells: Sequence[Cell]) -> Iterable[str]:
    counts = {cell.bucket: cell.expected for cell in cells}
    yield (
        "Samples: " + ", ".join(f"{count} at {bucket} %" for bucket, count in counts.items()) + "."
    )
    yield (
        "Brackets: 95 % bootstrap interval over samples. "
        "Arrows: the direction in which an inpainter hides or paints better."
    )
    if any(paper_value(cell) is not None for cell in cells):
        yield (
            f"paper: official weights on the paper's own data ({COMPARED} where it has no such "
            "data set); for orientation, not the same samples."
        )
    if any(cell.detector and DETECTORS.card(cell.detector).score_from == "area" for cell in cells):
        yield "† no image-level answer: called forged where over 2 % of the heatmap exceeds 0.5."
    reasons = {(cell.metric, cell.reason): None for cell in cells if cell.reason}
    for metric, reason in reasons:
        yield f"- {metric}: {reason}."
