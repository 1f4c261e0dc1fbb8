"""Rows of the store: one per stored output, each with a checksum.

A store may come from a stranger, and a checksum is no signature: keys and suffixes become paths, so
a row is valid only if its key is 32 hexadecimal digits and its file is of a known type.
"""

from __future__ import annotations

import re
import struct
from hashlib import blake2b
from typing import Any, NamedTuple

SUFFIXES = ("", ".png", ".npy")  # of the files of a store
MAX_ORIGIN = 200  # characters
_KEY = re.compile(r"[0-9a-f]{32}")
_FILE = re.compile(r"(?:\.(?:png|npy):[0-9a-f]{32})?")
_FLOAT = 8  # bytes


class StoredRow(NamedTuple):
    """A stored output without its file.

    Attributes:
        key: the job's key.
        score: a detector's score in [0, 1], or None.
        numbers: values of a metric, float64 little endian.
        file: suffix and digest of the file, such as ".png:3f9a..."; "" without a file, None in a
            row written by an older version, whose file has no digest yet.
        origin: the merged run that it was imported from; None if computed for this store.
    """

    key: str
    score: float | None
    numbers: bytes
    file: str | None
    origin: str | None = None

    @property
    def checksum(self) -> bytes:
        """64 bits over all fields, to detect a flipped bit in the row."""
        score = b"" if self.score is None else struct.pack("<d", self.score)
        file = "?" if self.file is None else self.file
        parts = [self.key.encode(), score, self.numbers, file.encode()]
        if self.origin is not None:
            parts.append(self.origin.encode())
        return blake2b(b"\x1f".join(parts), digest_size=8).digest()


def parse_row(key: Any, score: Any, numbers: Any, *rest: Any) -> StoredRow | None:  # noqa: ANN401 (damaged columns are of any type)
    """Return the row, or None if its checksum does not match or a field is not valid.

    Args:
        key: as stored in the database, like all others.
        score: as `StoredRow.score`.
        numbers: as `StoredRow.numbers`.
        rest: file, checksum and, except in an older version, origin.
    """
    try:
        file, checksum, origin = (*rest, None)[:3]
        row = StoredRow(
            key.decode(),
            score,
            numbers,
            None if file is None else file.decode(),
            None if origin is None else origin.decode(),
        )
        return row if row.checksum == checksum and _is_valid(row) else None
    except (AttributeError, TypeError, UnicodeError, struct.error):
        return None


def parse_old_row(key: Any, score: Any, numbers: Any) -> StoredRow | None:  # noqa: ANN401 (as above)
    """Return a row of an older version, which has no checksum; None if a field is not valid."""
    try:
        row = StoredRow(key.decode(), score, numbers, None)
        return row if row.checksum and _is_valid(row) else None
    except (AttributeError, TypeError, UnicodeError, struct.error):
        return None


def is_key(text: str) -> bool:
    """Return whether a text is a key: 32 hexadecimal digits."""
    return _KEY.fullmatch(text) is not None


def suffix_of(row: StoredRow) -> str:
    """Return the suffix of a row's file, one of `SUFFIXES`; "" without a file."""
    if row.file is not None:
        return row.file.partition(":")[0]
    if row.numbers:  # in an older version's row, a metric has numbers and a detector a score
        return ""
    return ".png" if row.score is None else ".npy"


def _is_valid(row: StoredRow) -> bool:
    """Return whether key and file are safe as a path, and numbers have whole float64 values."""
    file = _FILE.fullmatch(row.file or "")
    short = len(row.origin or "") <= MAX_ORIGIN
    return is_key(row.key) and file is not None and short and len(row.numbers) % _FLOAT == 0
