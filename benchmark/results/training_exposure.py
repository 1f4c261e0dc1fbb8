"""Which inpainters a detector met in training: marked in every table, and not ranked.

A detector finds what it learned from more easily, so the number of an inpainter that it met says
little beside those that it never saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmark.results.rows import ResultRow
from inpainters import INPAINTERS

MET = "¶"
TRAINING_NOTE = (
    f"{MET} met in training: the detector learned from forgeries of this inpainter; shown, neither "
    "best nor ranked."
)
NOT_RANKED = "met in training, not ranked"


def seen_in_training(row: ResultRow) -> bool:
    """Whether a number is of a detector that met the inpainter in training."""
    return row.met == "yes"


def training_mark(row: ResultRow) -> str:
    """¶ beside the inpainter's name, or ""."""
    return MET if seen_in_training(row) else ""


def training_notes(rows: Iterable[ResultRow]) -> Iterator[str]:
    """What a reader must know of the marks: what they mean, and where nothing is known.

    Args:
        rows: those of a table.
    """
    here = [row for row in rows if row.detector and INPAINTERS.card(row.inpainter).paints]
    if any(map(seen_in_training, here)):
        yield TRAINING_NOTE
    unknown: dict[str, list[str]] = {}  # detectors by the inpainters of which it is not known
    for detector in dict.fromkeys(row.detector for row in here):
        own = [row for row in here if row.detector == detector]
        names = dict.fromkeys(row.inpainter for row in own if not row.met)
        if names:
            which = ", ".join(names) if any(row.met for row in own) else "any inpainter"
            unknown.setdefault(which, []).append(detector)
    for which, detectors in unknown.items():
        yield f"Not known, so not marked: whether {', '.join(detectors)} met {which} in training."
