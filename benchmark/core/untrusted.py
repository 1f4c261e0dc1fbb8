"""Files that a stranger may have written: read up to a size, as JSON up to a depth."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any, NoReturn

_ONCE = 1 << 20
_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # all but bytes of names that are no UTF-8


def read_limited(path: Path, most: int) -> bytes:
    """The bytes of a file.

    Args:
        path: which; a pipe, which may never end, is refused.
        most: bytes that it may have.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is larger, or no file.
    """
    with open(path, "rb", opener=_opened) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is no file")
        found = bytearray()
        while part := file.read(_ONCE):
            found += part
            if len(found) > most:
                raise ValueError(f"larger than {most:,} bytes")
    return bytes(found)


def read_json(path: Path, most: int) -> Any:  # noqa: ANN401 (whatever stands there)
    """A file of JSON as plain values; NaN and infinity are no JSON.

    Args:
        path: which.
        most: bytes that it may have.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is larger, no file, no JSON, or nested too deeply.
    """
    content = read_limited(path, most)
    try:
        found = json.loads(content.decode("utf-8"), parse_constant=_refuse)
        halves = b"\\ud" in content.lower() and _HALF.search(json.dumps(found, ensure_ascii=False))
        if halves:
            raise ValueError("half a character in a text")
        return found
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _opened(path: str, flags: int) -> int:
    """Opening a pipe waits for nobody."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
