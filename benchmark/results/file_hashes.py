"""SHA-256 of a run's files, as record.json holds them: a changed or cut file is not read."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmark.core.checkpoints.resolve import sha256_of
from benchmark.core.errors import DataError
from benchmark.core.untrusted import read_json
from benchmark.results.files import RERUN

RECORD = "record.json"
MOST_BYTES = 256 << 20  # of it: a failure takes about 200
FILES = "files"  # the entry of record.json that holds the sums, its own included


def file_hash(path: Path) -> str:
    """The SHA-256 of a run's file; of record.json without the sums.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is a record.json that is no JSON, or too large.
    """
    if path.name == RECORD:
        found = read_json(path, MOST_BYTES)
        if not isinstance(found, dict):
            raise ValueError("it is no record")
        return record_hash(found)
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no file")
    return sha256_of(path)


def record_hash(document: Mapping[str, Any]) -> str:
    """The SHA-256 of a record without the sums."""
    own = {key: value for key, value in document.items() if key != FILES}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


def refuse_changed_files(folder: Path, sums: Mapping[str, str], names: Iterable[str]) -> None:
    """Refuse files that are not what the run wrote; those of older versions have no sums.

    Args:
        folder: the run's.
        sums: what its record holds.
        names: of the files that are about to be read.

    Raises:
        DataError: naming the first that is gone or changed.
    """
    for name in names:
        try:
            found = file_hash(folder / name) if name in sums else ""
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else str(error)
            raise DataError(f"{folder / name}: {said}; {RERUN}") from None
        if name in sums and found != sums[name]:
            raise DataError(
                f"{folder / name}: damaged (changed or cut since the run wrote it); {RERUN}"
            )
