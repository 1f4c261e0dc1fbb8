"""Marks of inpainters in a detector's training set: shown in every table, and not ranked.

A detector finds forgeries like those in its training set more easily, so such an inpainter's
numbers are not comparable with those of unseen inpainters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmark.results.rows import ResultRow
from inpainters import INPAINTERS

MET = "¶"
TRAINING_NOTE = (
    f"{MET} seen in training: the detector was trained on images of this inpainter; shown, neither "
    "best nor ranked."
)
NOT_RANKED = "seen in training, not ranked"


def seen_in_training(row: ResultRow) -> bool:
    """Return whether the inpainter was in the training set of the row's detector."""
    return row.met == "yes"


def training_mark(row: ResultRow) -> str:
    """Return the mark after the inpainter's name, ¶ or ""."""
    return MET if seen_in_training(row) else ""


def training_notes(rows: Iterable[ResultRow]) -> Iterator[str]:
    """Yield table notes: the meaning of the mark, and detectors with unknown training sets.

    Args:
        rows: rows of the table.
    """
    here = [row for row in rows if row.detector and INPAINTERS.card(row.inpainter).paints]
    if any(map(seen_in_training, here)):
        yield TRAINING_NOTE
    unknown: dict[str, list[str]] = {}  # detectors by inpainters
    for detector in dict.fromkeys(row.detector for row in here):
        own = [row for row in here if row.detector == detector]
        names = dict.fromkeys(row.inpainter for row in own if not row.met)
        if names:
            which = ", ".join(names) if any(row.met for row in own) else "any inpainter"
            unknown.setdefault(which, []).append(detector)
    for which, detectors in unknown.items():
        yield f"Unknown, so not marked: training of {', '.join(detectors)} on images of {which}."
