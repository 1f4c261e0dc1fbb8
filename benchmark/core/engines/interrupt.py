"""Ctrl-C while an engine converts a network, which its code may swallow."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def keep_interruptions() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end of a block in which Ctrl-C was pressed, but swallowed.

    Converters call Python from compiled code, which may drop the exception, or report it as an
    error of the network. Does nothing where Ctrl-C is ignored, and outside of the main thread.

    Raises:
        KeyboardInterrupt: if Ctrl-C was pressed.
    """
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if pressed:
            raise KeyboardInterrupt
