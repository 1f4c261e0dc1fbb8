"""Progress display of a run: bars on a terminal and in a notebook, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmark.core.filenames import printable
from benchmark.runner.stages import Notify, Stage
from benchmark.runner.stages import Progress as Step

EVERY = 10.0  # seconds between lines where there is no terminal
VERBS = {"fill": "inpaint", "judge": "detect", "measure": "measure"}


@contextmanager
def watch() -> Iterator[Notify]:
    """Show rate and remaining time, of the current stage and of the whole run."""
    if in_notebook():
        console = Console()
    elif sys.stderr.isatty():
        console = Console(stderr=True)
    else:
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[whole]}"),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield _Bars(bars)


def in_notebook() -> bool:
    """Return whether this runs in a notebook; IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"


class TimeLeft:
    """Estimate of the remaining time of a run, from the time per job of each stage so far."""

    def __init__(self) -> None:
        self._start = 0.0
        self._jobs: dict[Stage, int] = {}
        self._seconds: dict[Stage, float] = {}
        self._now: tuple[Stage, int, float] | None = None

    def __call__(self, step: Step, now: float) -> str:
        """Return the estimate, such as "about 1:05 left in total", or "" if there is none yet.

        Args:
            step: progress of the run; the first one of a stage and model has `done` = 0.
            now: the time in seconds.
        """
        if step.done == 0:
            self._close()
            self._start = now
            return ""
        self._now = (step.stage, step.done, now - self._start)
        each = self._each()
        left = (step.total - step.done) * each[step.stage]
        left += sum(count * each.get(stage, 0.0) for stage, count in step.later.items())
        if not step.later or left < 1:
            return ""
        about = "about" if step.later.keys() <= each.keys() else "at least"
        return f"{about} {clock(left)} left in total"

    def _close(self) -> None:
        """Add the jobs of the last stage and model to those of its stage."""
        if self._now:
            stage, jobs, seconds = self._now
            self._jobs[stage] = self._jobs.get(stage, 0) + jobs
            self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds
            self._now = None

    def _each(self) -> dict[Stage, float]:
        """Return seconds per job by stage; for the current stage, of the current model."""
        each = {stage: self._seconds[stage] / jobs for stage, jobs in self._jobs.items() if jobs}
        if self._now:
            stage, jobs, seconds = self._now
            each[stage] = seconds / jobs
        return each


def clock(seconds: float) -> str:
    """Format seconds as 0:05, 12:30 or 3:04:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _without_output(step: Step) -> str:
    return f"{step.without_output} skipped or failed, " if step.without_output else ""


def _rate(step: Step, seconds: float) -> str:
    """Return outputs per second."""
    return f"{(step.done - step.without_output) / max(seconds, 1e-9):.3g}/s"


class _Lines:
    """Plain lines: at the end of each stage and model, and every `EVERY` seconds."""

    def __init__(self) -> None:
        self._start = self._last = 0.0
        self._left = TimeLeft()

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        whole = self._left(step, now)
        if step.done == 0:
            self._start = self._last = now
            return
        if step.done < step.total and now - self._last < EVERY:
            return
        self._last = now
        spent = max(now - self._start, 1e-9)
        left = spent / step.done * (step.total - step.done)
        line = f"{VERBS[step.stage]} {step.model}: {step.done}/{step.total}, "
        line += f"{_without_output(step)}{_rate(step, spent)}, {left:.0f} s left"
        sys.stderr.write(printable(line + (f", {whole}" if whole else "")) + "\n")
        sys.stderr.flush()


class _Bars:
    """A progress bar for the current stage and model."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._start = 0.0
        self._left = TimeLeft()

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        whole = self._left(step, now)
        if step.done == 0:
            for task in self._bars.task_ids:
                self._bars.remove_task(task)
            self._start = now
            name = f"{VERBS[step.stage]} {step.model}"
            self._bars.add_task(name, total=step.total, rate="", whole=whole)
            return
        rate = _without_output(step) + _rate(step, now - self._start)
        for task in self._bars.task_ids:
            self._bars.update(task, completed=step.done, rate=rate, whole=whole)
