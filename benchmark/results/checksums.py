"""Whether a run's folder still holds what the run wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmark.core.errors import BenchError
from benchmark.core.weights import sha256_of
from benchmark.results.files import AGAIN
from benchmark.results.record import RECORD
from benchmark.results.run_folder import read_run
from benchmark.runner.check import Finding
from benchmark.runner.plan import Plan

FILES = "files"  # the entry of record.json that holds the SHA-256 of every file, its own included
WRITTEN = ("plan.toml", "results.csv", "samples.csv", "table.md")


def with_sums(folder: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the SHA-256 of the run's files, and of itself without them."""
    sums = {name: sha256_of(folder / name) for name in WRITTEN}
    return {**document, FILES: {**sums, RECORD: _sum_of(document)}}


def check_run(folder: Path) -> Iterator[Finding]:
    """Find what is missing or changed in the folder of a run that has ended.

    Raises:
        DataError: if the folder is no run's, or the run has not ended and its store is not there.
    """
    try:
        run = read_run(folder)
        sums = run.record.files if run.record else {}
        if run.complete and not sums:
            len(run.samples)  # an older version's record has no sums: what can be read counts
    except BenchError as error:
        if not (folder / RECORD).is_file():
            raise
        yield Finding(kind="file", where=str(folder), said=str(error))
        return
    found = list(_check_sums(folder, sums))
    yield from found
    if not found and run.record and (key := _other_plan(run.record.plan, run.plan)):
        said = f"of another plan than plan.toml: {key} differs; {AGAIN}"
        yield Finding(kind="file", where=str(folder / RECORD), said=said)


def _check_sums(folder: Path, sums: Mapping[str, str]) -> Iterator[Finding]:
    for name, known in sums.items():
        if name in (*WRITTEN, RECORD):
            yield from _check_file(folder / name, known)
        else:
            said = f"names {name!r}, which no run writes; {AGAIN}"
            yield Finding(kind="file", where=str(folder / RECORD), said=said)


def _other_plan(recorded: Mapping[str, Any], plan: Plan) -> str:
    """The first key in which a record's plan is not that of plan.toml, or "".

    What only one of them has is another version's: a default that came later.
    """
    here = plan.model_dump(mode="json", exclude_none=True)
    return next((key for key in here if key in recorded and recorded[key] != here[key]), "")


def _check_file(path: Path, known: str) -> Iterator[Finding]:
    if not path.is_file():
        yield Finding(kind="missing", where=str(path), said=AGAIN)
        return
    if path.name == RECORD:
        found = _sum_of(json.loads(path.read_text(encoding="utf-8")))
    else:
        found = sha256_of(path)
    if found != known:
        yield Finding(kind="file", where=str(path), said=AGAIN)


def _sum_of(document: Mapping[str, Any]) -> str:
    own = {key: value for key, value in document.items() if key != FILES}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()
