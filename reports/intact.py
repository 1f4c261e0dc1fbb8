"""Whether a run's folder still holds what the run wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmark.core.errors import BenchError
from benchmark.core.weights import sha256_of
from benchmark.runner.check import Finding
from reports.folder import read_run

FILES = "files"  # the entry of record.json that holds the SHA-256 of every file, its own included
RECORD = "record.json"
WRITTEN = ("plan.toml", "results.csv", "samples.csv", "table.md")
_AGAIN = "run the plan again to mend it"


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
        sums = (run.record or {}).get(FILES, {})
        if run.complete and not sums:
            len(run.samples)  # an older version's record has no sums: what can be read counts
    except BenchError as error:
        if not (folder / RECORD).is_file():
            raise
        yield Finding(kind="file", where=str(folder), said=str(error))
        return
    for name, known in sums.items():
        yield from _check_file(folder / name, known, run.record or {})


def _check_file(path: Path, known: str, record: dict[str, Any]) -> Iterator[Finding]:
    if not path.is_file():
        yield Finding(kind="missing", where=str(path), said=_AGAIN)
        return
    found = _sum_of(record) if path.name == RECORD else sha256_of(path)
    if found != known:
        yield Finding(kind="file", where=str(path), said=_AGAIN)


def _sum_of(document: Mapping[str, Any]) -> str:
    own = {key: value for key, value in document.items() if key != FILES}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()
