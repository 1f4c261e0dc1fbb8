"""What a bundle proves: a mark for each result, and everything that contradicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

Kind = Literal["recomputed", "scored again", "consistent", "claim"]
KINDS: tuple[Kind, ...] = ("recomputed", "scored again", "consistent", "claim")
MEANING: Mapping[Kind, str] = {
    "recomputed": "the detector ran again on the enclosed images, all of its samples",
    "scored again": "from the enclosed maps or images, all of its samples",
    "consistent": "follows from samples.csv, of which not every number was scored again",
    "claim": "nothing here confirms it",
}
_LONGEST = 80  # characters of a value that are printed
MOST = 10_000  # mismatches that are kept
SHOWN = 30  # mismatches that are printed


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a result is proved.

    Attributes:
        kind: the strongest of `KINDS` that holds for all samples of the result; "" for a gap,
            which has no number.
        samples: number of samples that the result is made from.
        scored: number of them whose number was scored again.
        recomputed: number of them whose detection ran again.
    """

    kind: Kind | Literal[""]
    samples: int = 0
    scored: int = 0
    recomputed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A contradiction.

    Attributes:
        file: the file of the bundle.
        row: number of the row, the header being 1; 0 if it is not of a row.
        column: the column, or the key of a document.
        stated: what the file says.
        computed: what it has to be.
        said: what is wrong, if that is not a value.
    """

    file: str
    row: int = 0
    column: str = ""
    stated: str = ""
    computed: str = ""
    said: str = ""

    @property
    def line(self) -> str:
        """The contradiction in one line."""
        where = [self.file, *([f"row {self.row}"] if self.row else [])]
        where += [f"column {self.column}"] if self.row and self.column else []
        where += [self.column] if self.column and not self.row else []
        if self.said:
            return f"{', '.join(where)}: {self.said}"
        said, found = (_cut(one) for one in (self.stated, self.computed))
        return f"{', '.join(where)}: says {said}, computed {found}"


def _cut(text: str) -> str:
    return f"{text[:_LONGEST]}..." if len(text) > _LONGEST else text or "nothing"


@dataclass(slots=True, kw_only=True)
class Findings:
    """Contradictions and notes, collected while a bundle is checked."""

    mismatches: list[Mismatch] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)

    def add(self, mismatch: Mismatch) -> None:
        """Add a contradiction; of more than `MOST` only the first ones are kept."""
        if len(self.mismatches) < MOST:
            self.mismatches.append(mismatch)
        else:
            self.note(f"there are more than {MOST:,} contradictions; the first ones are listed.")

    def differs(self, file: str, said: str, *, row: int = 0, column: str = "") -> None:
        """Add a contradiction in words."""
        self.add(Mismatch(file=file, row=row, column=column, said=said))

    def note(self, text: str) -> None:
        """Add a line about what was not compared, once."""
        self.notes[text] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The result of checking a bundle.

    Attributes:
        path: the bundle.
        name: name of the run's plan.
        marks: a mark for each row of results.csv, in its order.
        samples: number of samples of the run.
        enclosed: number of them whose maps are enclosed.
        numbers: numbers of samples that were scored again, of detections that ran again, and all.
        mismatches: everything that contradicts.
        notes: what was not compared and why, line by line.
        detections: detections that ran again, and those that agreed.
        images: images that were inpainted again, and those that agreed.
    """

    path: Path
    name: str
    marks: tuple[Mark, ...]
    samples: int
    enclosed: int
    numbers: Mapping[str, int]
    mismatches: Sequence[Mismatch]
    notes: Sequence[str]
    detections: Mapping[str, int]
    images: Mapping[str, int]

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts."""
        return not self.mismatches

    @property
    def kinds(self) -> dict[Kind, int]:
        """Number of results by kind."""
        found = Counter(one.kind for one in self.marks)
        return {kind: found[kind] for kind in KINDS}

    def document(self) -> dict[str, object]:
        """Return the proof as plain values for JSON."""
        return {
            "bundle": str(self.path),
            "run": self.name,
            "holds": self.holds,
            "results": self.kinds,
            "samples": {"of_the_run": self.samples, "enclosed": self.enclosed},
            "numbers": dict(self.numbers),
            "detections": dict(self.detections),
            "images": dict(self.images),
            "notes": list(self.notes),
            "mismatches": [asdict(one) for one in self.mismatches],
            "marks": [{"row": row, **asdict(one)} for row, one in enumerate(self.marks, 2)],
        }

    def lines(self) -> Iterator[str]:
        """Yield the proof as lines for the user."""
        yield (
            f"{self.path}: {len(self.marks):,} results of {self.samples:,} samples; the maps of "
            f"{self.enclosed:,} samples are enclosed."
        )
        for kind, count in self.kinds.items():
            yield f"{count:8,} {kind}: {MEANING[kind]}"
        if gaps := sum(not one.kind for one in self.marks):
            yield f"{gaps:8,} without a number"
        yield (
            f"Numbers of samples: {self.numbers['scored']:,} of {self.numbers['all']:,} scored "
            f"again. Detections run again: {self.detections['agreed']} of "
            f"{self.detections['tried']} agree. Images inpainted again: {self.images['agreed']} of "
            f"{self.images['tried']} agree."
        )
        yield from (f"Note: {note}" for note in self.notes)
        for one in self.mismatches[:SHOWN]:
            yield f"CONTRADICTS: {one.line}"
        if more := len(self.mismatches) - SHOWN:
            yield from [f"and {more:,} more contradictions (--json has all)"] * (more > 0)
        if self.holds:
            yield "Nothing contradicts."
