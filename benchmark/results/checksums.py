"""Checks of a run's folder: missing, changed and inconsistent files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import BenchError, DataError, PlanError
from benchmark.core.inspecting import inspecting
from benchmark.results.file_hashes import FILES, RECORD, file_hash, record_hash
from benchmark.results.files import RERUN
from benchmark.results.record import Record, read_record
from benchmark.results.run_folder import read_plan, read_run
from benchmark.results.samples import read_samples
from benchmark.runner.forgeries import AS_PUBLISHED
from benchmark.runner.plan_file import read_values
from benchmark.runner.resolve import ORIGINAL
from benchmark.store.check import StoreFinding

PATHS = (  # hold paths
    "images", "data_root", "masks", "forgeries", "weights", "inpainters", "detectors",
)  # fmt: skip
TABLE = "table.md"
WRITTEN = ("plan.toml", "results.csv", "samples.csv", TABLE)


def with_file_hashes(folder: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with the SHA-256 of the run's files and of itself without them."""
    sums = {name: sha256_of(folder / name) for name in WRITTEN}
    return {**document, FILES: {**sums, RECORD: record_hash(document)}}


def check_run(folder: Path) -> Iterator[StoreFinding]:
    """Find missing and changed files in the folder of a finished run.

    Raises:
        DataError: if it is no run folder, or the run is unfinished and its store is missing.
    """
    with inspecting():
        yield from _check_run(folder)


def refuse_damaged(folder: Path) -> None:
    """Refuse a finished run for what `check_run` finds, but not for a missing table.md.

    The table has nothing that the other files lack, and no number is read from it.

    Args:
        folder: folder of the run.

    Raises:
        DataError: with the first finding.
    """
    found = next((one for one in check_run(folder) if not _is_missing_table(one)), None)
    if found is not None:
        raise DataError(f"{found.where}: {found.said}")


def _is_missing_table(finding: StoreFinding) -> bool:
    return finding.kind == "missing" and Path(finding.where).name == TABLE


def _check_run(folder: Path) -> Iterator[StoreFinding]:
    try:
        record = read_record(folder)
        sums = record.files if record else {}
        if not sums:  # unfinished, or of an older version: check that it can be read
            run = read_run(folder)
            len(run.samples) if run.complete else None
        plan = _plan_of(folder)
    except BenchError as error:
        if not (folder / RECORD).is_file():
            raise
        yield StoreFinding(kind="file", where=str(folder), said=str(error))
        return
    found = list(_check_sums(folder, sums))
    yield from found
    found = [one for one in found if not _is_missing_table(one)]
    if not found and record and (key := different_key(record.plan, plan)):
        said = f"of another plan than plan.toml: {key} differs; {RERUN}"
        yield StoreFinding(kind="file", where=str(folder / RECORD), said=said)
    elif not found and record and sums:
        yield from _check_samples(folder, record)


def _check_samples(folder: Path, record: Record) -> Iterator[StoreFinding]:
    """Check that samples are of the plan's models and data sets, and as many as recorded."""
    path = folder / "samples.csv"
    samples: set[tuple[str, str, str]] = set()
    try:
        plan = read_plan(folder, record)
        models = {*plan.inpainter_names, *plan.detector_names, ORIGINAL, ""}
        models |= {AS_PUBLISHED.name} if plan.forgeries is not None else set()
        for row in read_samples(path):
            samples.add((row.dataset, row.sample, row.bucket))
            of = row.inpainter, row.detector
            if not {*of} <= models or row.dataset not in plan.datasets:
                said = f"a row of {of[0]} and {of[1] or 'no detector'}, not in plan.toml"
                yield StoreFinding(kind="file", where=str(path), said=said)
                return
    except BenchError as error:
        yield StoreFinding(kind="file", where=str(path), said=str(error))
        return
    if len(samples) != record.samples:
        said = f"{len(samples)} samples, but {RECORD} says {record.samples}; {RERUN}"
        yield StoreFinding(kind="file", where=str(path), said=said)


def _check_sums(folder: Path, sums: Mapping[str, str]) -> Iterator[StoreFinding]:
    for name, known in sums.items():
        if name in (*WRITTEN, RECORD):
            yield from _check_file(folder / name, known)
        else:
            said = f"lists {name!r}, which no run writes; {RERUN}"
            yield StoreFinding(kind="file", where=str(folder / RECORD), said=said)


def _plan_of(folder: Path) -> dict[str, Any]:
    """Return the values of plan.toml; what it names need not exist."""
    try:
        return read_values(folder / "plan.toml")
    except PlanError:  # reported by its checksum
        return {}


def different_key(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Return the first key in which a record's plan differs from plan.toml, or "".

    Keys in only one of them are of another version: a default that was added later. Paths are
    skipped,
    as they are written relative to the file.
    """
    return next(
        (
            key
            for key in here
            if key in recorded and key not in PATHS and recorded[key] != here[key]
        ),
        "",
    )


def _check_file(path: Path, known: str) -> Iterator[StoreFinding]:
    if not path.is_file():
        yield StoreFinding(kind="missing", where=str(path), said=RERUN)
    elif _sum(path) != known:
        yield StoreFinding(kind="file", where=str(path), said=RERUN)


def _sum(path: Path) -> str:
    try:
        return file_hash(path)
    except (OSError, ValueError):  # not the file that was written
        return ""
