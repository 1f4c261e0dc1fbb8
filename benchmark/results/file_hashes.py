"""SHA-256 of a run's files, as recorded in record.json, to detect changed or truncated files."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import DataError
from benchmark.core.untrusted import read_json
from benchmark.results.files import RERUN

RECORD = "record.json"
MOST_BYTES = 256 << 20  # of record.json, which has about 200 bytes per failure
FILES = "files"  # key of record.json that holds the hashes, including its own


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a run's file; for record.json without the hashes.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is a record.json that is not valid JSON, or too large.
    """
    if path.name == RECORD:
        found = read_json(path, MOST_BYTES)
        if not isinstance(found, dict):
            raise ValueError("not a record")
        return record_hash(found)
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file")
    return sha256_of(path)


def record_hash(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a record without the hashes."""
    own = {key: value for key, value in document.items() if key != FILES}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


def refuse_changed_files(folder: Path, sums: Mapping[str, str], names: Iterable[str]) -> None:
    """Raise DataError if a file is not the one that the run wrote; older versions have no hashes.

    Args:
        folder: folder of the run.
        sums: hashes by file name, from its record.
        names: names of the files that are about to be read.

    Raises:
        DataError: naming the first missing or changed file.
    """
    for name in names:
        try:
            found = file_hash(folder / name) if name in sums else ""
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else str(error)
            raise DataError(f"{folder / name}: {said}; {RERUN}") from None
        if name in sums and found != sums[name]:
            raise DataError(
                f"{folder / name}: damaged (changed or truncated since the run wrote it); {RERUN}"
            )
