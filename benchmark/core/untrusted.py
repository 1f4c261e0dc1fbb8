"""Read untrusted files with limits on size and, for JSON, nesting depth."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any, NoReturn

_ONCE = 1 << 20
_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # surrogates, except escaped non-UTF-8 bytes


def read_limited(path: Path, most: int) -> bytes:
    """Read a file of limited size.

    Args:
        path: the file; pipes and the like, which may never end, are refused.
        most: maximum size in bytes.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is larger, or not a regular file.
    """
    with open(path, "rb", opener=_opened) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("not a regular file")
        found = bytearray()
        while part := file.read(_ONCE):
            found += part
            if len(found) > most:
                raise ValueError(f"larger than {most:,} bytes")
    return bytes(found)


def read_json(path: Path, most: int) -> Any:  # noqa: ANN401 (any JSON value)
    """Read a JSON file as plain values; NaN and infinity are refused.

    Args:
        path: the file.
        most: maximum size in bytes.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is larger, not a regular file, not JSON, or nested too deeply.
    """
    content = read_limited(path, most)
    try:
        found = json.loads(content.decode("utf-8"), parse_constant=_refuse)
        halves = b"\\ud" in content.lower() and _HALF.search(json.dumps(found, ensure_ascii=False))
        if halves:
            raise ValueError("a lone surrogate in a string")
        return found
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


def _opened(path: str, flags: int) -> int:
    """Open without blocking, should the path be a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
