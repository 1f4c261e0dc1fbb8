"""The models that a run is about, each with its numbers and the conditions of every number.

A run of inpainters is about inpainters: a detector is a condition of a number. A run of forgeries
is about detectors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path

from benchmark.core.card import Card
from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import DataError
from benchmark.metrics import NULLS, OF_FORGERIES, OF_UNTOUCHED
from benchmark.results.checksums import refuse_damaged
from benchmark.results.record import Record
from benchmark.results.rounding import kind_of
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import RunFolder, read_run
from detectors import DETECTORS
from inpainters import INPAINTERS

LEVEL = 0.95
ORIGINAL = "original"
UNKNOWN = "unknown"
NOT_HERE = "not in this run"
_UNDIRECTED = frozenset({"area"})  # of a detector, more is neither better nor worse

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote.

    Attributes:
        files: the files.
        notes: one line for everything that is left out.
    """

    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRun:
    """A finished run that is exported.

    Attributes:
        run: the run.
        record: its record.
        digest: SHA-256 of its results.csv.
    """

    run: RunFolder
    record: Record
    digest: str

    @property
    def version(self) -> str:
        """Version of this program that computed the run, or "unknown"."""
        return self.record.versions.get("safepaint-bench", "unknown")

    def revision_of(self, metric: str) -> str | None:
        """Return the revision of a metric, or of that whose rows it is computed from; or None."""
        measured = {**_inverse(OF_UNTOUCHED), **_inverse(OF_FORGERIES)}.get(metric, metric)
        return self.record.metrics.get(metric, self.record.metrics.get(measured))

    def weights_of(self, row: ResultRow, model: str) -> str:
        """Return the weights of one model of a number, with the SHA-256 if there is a file."""
        edition = row.edition(model)
        known = self.record.checkpoints.get(model)
        return f"{edition} sha256:{known.sha256}" if known and known.sha256 else edition


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model that a run is about.

    Attributes:
        name: its name.
        kind: "inpainter" or "detector".
        rows: its numbers, in the run's order; composites and retouchings are conditions of them.
        left_out: how many of its numbers are left out, by reason.
    """

    name: str
    kind: str
    rows: list[ResultRow] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def card(self) -> Card:
        """Its card."""
        return (INPAINTERS if self.kind == "inpainter" else DETECTORS).card(self.name)

    @property
    def notes(self) -> Iterator[str]:
        """Yield a line for each reason for which cells have no number."""
        for reason, count in self.left_out.items():
            yield f"{self.name}: {count} of its numbers left out ({reason})."


def _inverse(names: Mapping[str, str]) -> dict[str, str]:
    return {computed: measured for measured, computed in names.items()}


def exported_run(folder: str | Path) -> ExportedRun:
    """Read a run that is exported.

    Args:
        folder: folder of the run.

    Raises:
        DataError: if it has not ended, is a shard, or one of its files is missing or changed.
    """
    run = read_run(folder)
    if run.record is None:
        raise DataError(f"{run.path}: the run has not ended; only finished runs are exported")
    if run.record.shard:
        raise DataError(
            f"{run.path}: shard {run.record.shard} of a run, whose numbers are of a part of its "
            "images; merge all shards with 'bench merge', and export the result"
        )
    refuse_damaged(run.path)
    path = run.path / "results.csv"
    return ExportedRun(run=run, record=run.record, digest=sha256_of(path))


def write_each(exported: ExportedRun, write: Callable[[Subject], Path]) -> Exported:
    """Write a file for every model of a run that has numbers.

    Args:
        exported: the run.
        write: writes the file of one model and returns it.

    Raises:
        DataError: if the run has no number of any model.
        OutputError: if a file cannot be written.
    """
    subjects = subjects_of(exported)
    measured = [one for one in subjects if one.rows]
    if not measured:
        raise DataError(f"{exported.run.path}: no number of any model, so nothing can be exported")
    notes = tuple(note for one in subjects for note in one.notes)
    return Exported(tuple(write(one) for one in measured), notes)


def subjects_of(exported: ExportedRun) -> list[Subject]:
    """Return the models that a run is about, in its order.

    Authentic images are no model: their numbers, nulls and false-positive rates, are conditions of
    the others.
    """
    found: dict[str, Subject] = {}
    for row in exported.run.results:
        subject = _subject(row)
        if subject is None:
            continue
        one = found.setdefault(subject.name, subject)
        if row.value is None:
            one.left_out[row.reason or "no reason is recorded"] += 1
        elif not all(isfinite(one) for one in (row.value, row.low or 0.0, row.high or 0.0)):
            one.left_out["infinite, which JSON has no number for"] += 1
        elif subject.kind == "detector" and row.metric in _UNDIRECTED:
            one.left_out[f"{row.metric} has no better direction"] += 1
        else:
            one.rows.append(row)
    return list(found.values())


def _subject(row: ResultRow) -> Subject | None:
    if row.of_forgeries:
        return Subject(name=row.detector, kind="detector")
    if not INPAINTERS.card(row.inpainter).paints or kind_of(row.metric).of_untouched_images():
        return None
    return Subject(name=row.inpainter, kind="inpainter")


def lower_is_better(row: ResultRow, kind: str) -> bool:
    """Return whether a lower number is better for an inpainter, or for a detector."""
    metric = kind_of(row.metric)
    lower = metric.better == "lower"
    return lower if kind == "inpainter" or metric.of_untouched else not lower


def conditions(exported: ExportedRun, row: ResultRow) -> dict[str, Value]:
    """Return everything that a number depends on or must be read with, besides its interval.

    Args:
        exported: the run.
        row: the number.

    Returns:
        Values by name; what does not apply is missing.
    """
    plan = exported.run.plan
    found: dict[str, Value | None] = {
        ("originals" if row.of_forgeries else "samples"): row.n,
        ("expected_originals" if row.of_forgeries else "expected_samples"): row.expected,
        "images": row.images,
        ("subset" if row.of_forgeries else "mask_ratio_percent"): row.bucket,
        "method": row.inpainter if row.of_forgeries else None,
        "detector": row.detector or None,
        "detector_weights": exported.weights_of(row, row.detector) if row.detector else None,
        "inpainter_weights": None if row.of_forgeries else exported.weights_of(row, row.inpainter),
        "post_processing": row.launder or None,
        "composite": row.composite or None,
        "retouch": row.retouch or None,
        "null": _beside(exported, row, NULLS.get(row.metric)),
        "false_positive_rate": _beside(exported, row, OF_UNTOUCHED.get(row.metric)),
        "metric_revision": exported.revision_of(row.metric) or UNKNOWN,
        "image_size": str(plan.size),
        "seed": plan.seed,
        "seen_in_training": (row.met or UNKNOWN) if row.detector else None,
        "sees_hole": True if row.sees_hole else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _beside(exported: ExportedRun, row: ResultRow, metric: str | None) -> float | str | None:
    """Return a number of authentic images that belongs beside another number; None if none does."""
    if metric is None or row.of_forgeries:
        return None
    wanted = replace(row, metric=metric)
    found = next(
        (
            one.value
            for one in exported.run.results
            if one.inpainter == ORIGINAL and not one.retouch and _same_cell(one, wanted)
        ),
        None,
    )
    return NOT_HERE if found is None or not isfinite(found) else found


def _same_cell(one: ResultRow, other: ResultRow) -> bool:
    names = ("dataset", "launder", "detector", "bucket", "metric")
    return all(getattr(one, name) == getattr(other, name) for name in names)
