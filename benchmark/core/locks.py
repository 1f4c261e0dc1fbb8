"""Advisory locks on folders (flock), exclusive or shared."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_AGAIN = 0.05  # seconds between two attempts


@contextmanager
def lock_folder(folder: Path, *, shared: bool = False, wait: float = 0.0) -> Iterator[bool | None]:
    """Lock a folder until the block ends; the lock of a killed process is released.

    The lock is on the folder itself, so no lock file is left behind.

    Args:
        folder: an existing folder.
        shared: whether other processes may hold a shared lock at the same time.
        wait: seconds to wait for another process to release its lock.

    Yields:
        True if the lock is held, False if another process holds it, None if locks are not
        supported: on Windows and some network drives.
    """
    if sys.platform == "win32":
        yield None
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield _locked(handle, shared=shared, end=time.monotonic() + wait)
    finally:
        os.close(handle)  # releases the lock


def _locked(handle: int, *, shared: bool, end: float) -> bool | None:
    import fcntl  # not available on Windows

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
