"""Progress of a command on single images: steps, and tiles within a step, with the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from benchmark.core.filenames import printable
from benchmark.progress import EVERY, clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far a command is.

    Attributes:
        label: what is being done, such as "detect photo with trufor".
        number: of this step, from 1.
        count: of all steps.
        done: tiles of this step that are done.
        total: tiles of this step.
    """

    label: str
    number: int
    count: int
    done: int = 0
    total: int = 1

    @property
    def share(self) -> float:
        """The share of the whole command that is done, taking all steps as equal."""
        return (self.number - 1 + self.done / self.total) / self.count


Notify = Callable[[Step], None]


def ignore_progress(_: Step) -> None:
    """Report progress to nobody."""


class Lines:
    """Lines of progress on standard error, at most one every ten seconds; on a terminal one line
    that is replaced.

    Args:
        file: where to.
        now: a clock in seconds.
    """

    def __init__(
        self, file: TextIO | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._file = file or sys.stderr
        self._now = now
        self._terminal = self._file.isatty()
        self._start = self._last = now()
        self._width = 0

    def __call__(self, step: Step) -> None:
        """Report a step if the last report is old enough."""
        moment = self._now()
        if moment - self._last < (0.2 if self._terminal else EVERY):
            return
        self._last = moment
        text = printable(self.line(step, moment - self._start))
        if self._terminal:
            self._file.write("\r" + text.ljust(self._width))
            self._width = len(text)
        else:
            self._file.write(text + "\n")
        self._file.flush()

    def clear(self) -> None:
        """Remove the line from a terminal, so that another can be printed."""
        if self._terminal and self._width:
            self._file.write("\r" + " " * self._width + "\r")
            self._file.flush()
            self._width = 0

    @staticmethod
    def line(step: Step, spent: float) -> str:
        """The line of a step, such as "detect photo with trufor: tile 12/63, step 1/3, about 2:10
        left", after so many seconds.
        """
        tile = f"tile {step.done}/{step.total}, " if step.total > 1 else ""
        left = ""
        if step.share > 0:
            left = f", about {clock(spent * (1 - step.share) / step.share)} left"
        return f"{step.label}: {tile}step {step.number}/{step.count}{left}"
