"""Graceful shutdown on SIGINT and SIGTERM: finish the step, save a checkpoint, exit."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def graceful_shutdown(then: Callable[[], None] | None = None) -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set; outside the main thread it is never set.

    Args:
        then: a callback, run in the signal handler.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        if then is not None:
            then()

    kept = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def terminate_children() -> None:
    """Send SIGTERM to all child processes; a training finishes its step and saves."""
    for process in multiprocessing.active_children():
        process.terminate()
