"""SIGINT and SIGTERM ask a training to stop; they do not break it off."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stoppable(then: Callable[[], None] | None = None) -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that a step ends and is saved; main thread only.

    Args:
        then: what else is done, in the signal's handler.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        if then is not None:
            then()

    kept = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def end_processes() -> None:
    """Ask the processes that this one started to end; one that trains ends its step and saves."""
    for process in multiprocessing.active_children():
        process.terminate()
