"""Supervisor process: run a program and end all its processes when it, or the bench, ends.

This file is a script, started by `core.external.program` as "python supervise.py WORD ...", and
needs only the standard library. It ends as the program ended: with its exit status, or by its
signal. On Linux it is the subreaper of the program's descendants and ends them even if they left
the process group. Elsewhere the process group is ended.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path

GRACE = 5.0  # seconds between SIGTERM and SIGKILL
REST = 1.0  # the same for processes that remain after the program ended
_LOOK = 0.5  # seconds between two checks whether the bench is alive
_SET_DEATH_SIGNAL, _SET_ADOPTING = 1, 36  # of Linux's prctl
_CANNOT_START = 127


def main(words: list[str]) -> int:
    """Run a command and return its status as from `os.waitpid`."""
    parent = os.getppid()
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake)
    signals: list[int] = []
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, lambda number, _: signals.append(number))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _prctl(_SET_ADOPTING, 1)
    program = _start(words)
    status = None
    while status is None and not signals and os.getppid() == parent:
        select.select([woken], [], [], _LOOK)
        with contextlib.suppress(BlockingIOError):
            os.read(woken, 4096)
        status = _reap().get(program)
    stopped = status is None
    _end_all(program, GRACE if signals else REST)
    return signal.SIGTERM if stopped or status is None else status


def _start(words: list[str]) -> int:
    program = os.fork()
    if program:
        with contextlib.suppress(OSError):
            os.setpgid(program, program)
        return program
    try:
        os.setpgid(0, 0)
        _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
        for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(one, signal.SIG_DFL)
        os.execvp(words[0], words)  # noqa: S606 (the user's own program, without a shell)
    except OSError as error:
        os.write(2, f"cannot be started ({error.strerror})\n".encode())
    finally:
        os._exit(_CANNOT_START)


def _reap() -> dict[int, int]:
    """Reap ended children; return their statuses by process id."""
    found = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                break
            found[process] = status
    return found


def _end_all(program: int, grace: float) -> None:
    """Terminate the remaining processes, wait up to `grace` seconds, then kill them."""
    end = time.monotonic() + grace
    _signal(program, signal.SIGTERM)
    while _left(program) and time.monotonic() < end:
        time.sleep(0.02)
    end = time.monotonic() + grace
    while _left(program) and time.monotonic() < end:
        _signal(program, signal.SIGKILL)
        time.sleep(0.02)


def _left(program: int) -> bool:
    _reap()
    if _children():
        return True
    try:
        os.killpg(program, 0)
    except OSError:
        return False
    return True


def _signal(program: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(program, number)
    for process in _children():
        with contextlib.suppress(OSError):
            os.kill(process, number)


def _children() -> list[int]:
    """Return the ids of this process's children, including adopted ones; empty except on Linux."""
    found = []
    for place in Path("/proc").iterdir() if sys.platform == "linux" else ():
        if place.name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):
                state, parent = (place / "stat").read_bytes().rpartition(b")")[2].split()[:2]
                if int(parent) == os.getpid() and state != b"Z":
                    found.append(int(place.name))
    return found


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _end_as(status: int) -> None:
    """End this process as the program ended."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)


if __name__ == "__main__":
    _end_as(main(sys.argv[1:]))
