"""Watches a reader: no code is run, nothing hangs, and nothing but one line comes out."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from types import FrameType
from typing import Literal, NoReturn

from benchmark.core.errors import BenchError
from tests.fuzz.targets import Target

HANGS = 20  # seconds for one input
_HARMFUL = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen",
            "socket.connect", "pty.spawn", "shutil.rmtree", "ctypes.dlopen")  # fmt: skip
_OWN = str(Path(gettempdir()) / "bench-bundle-")  # where a bundle was unpacked
_watching = False


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    own = event == "shutil.rmtree" and str(arguments[0]).startswith(_OWN)
    if _watching and event in _HARMFUL and not own:
        raise AssertionError(f"a file made its reader do {event}")


sys.addaudithook(_hook)  # stays as long as the process; idle outside `watching`


@contextmanager
def watching() -> Iterator[None]:
    """Nothing that is read within may start a program or connect, nor take long."""
    global _watching  # noqa: PLW0603 (an audit hook cannot be taken back)
    before = signal.signal(signal.SIGALRM, _hung)
    _watching = True
    signal.setitimer(signal.ITIMER_REAL, HANGS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _watching = False
        signal.signal(signal.SIGALRM, before)


def read(target: Target, content: bytes, folder: Path) -> Literal["read", "refused"]:
    """Let a target read a file of this content in an own folder.

    Raises:
        AssertionError: if it does not refuse in a line what it does not read.
    """
    path = folder / target.file
    path.write_bytes(content)
    with watching():
        try:
            target.read(path)
        except BenchError as error:
            said = str(error)
            assert said, target.name
            assert len(said) < 2000, said
            return "refused"
    return "read"


def _hung(number: int, frame: FrameType | None) -> NoReturn:
    raise AssertionError("a reader hung")
