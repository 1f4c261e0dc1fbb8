"""Folders that one process has for itself, or several share, while they work there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_AGAIN = 0.05  # seconds between two tries


@contextmanager
def lock_folder(folder: Path, *, shared: bool = False, wait: float = 0.0) -> Iterator[bool | None]:
    """Hold a folder until the block ends; a process that is killed lets go of all it holds.

    It is a lock on the folder itself (flock), so no file is left behind.

    Args:
        folder: which; it is there.
        shared: whether others may hold it likewise.
        wait: seconds to wait for another process to let go.

    Yields:
        True while it is held, False if another process holds it, None where that cannot be told:
        on Windows, and on network drives that know no locks.
    """
    if sys.platform == "win32":
        yield None
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield _locked(handle, shared=shared, end=time.monotonic() + wait)
    finally:
        os.close(handle)  # which lets go


def _locked(handle: int, *, shared: bool, end: float) -> bool | None:
    import fcntl  # not on Windows

    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_AGAIN)
        except OSError:
            return None
        else:
            return True
