"""The log of a training run, as CSV, and its progress, on a terminal or as plain lines."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from benchmark.core.errors import OutputError
from benchmark.core.paths import write_text


class Log:
    """A CSV file: step, seconds, rate, each loss term as it is weighted, and their total.

    Args:
        path: the file; rows of a run that is resumed are kept up to `step`.
        terms: names of all loss terms; a term that a phase has not stays empty.
        step: steps already done.

    Raises:
        OutputError: if the file cannot be written.
    """

    def __init__(self, path: Path, terms: Sequence[str], *, step: int) -> None:
        self._path, self._terms = path, tuple(terms)
        head = ",".join(("step", "seconds", "rate", *self._terms, "total"))
        kept = [row for row in self._rows() if int(row.partition(",")[0]) <= step]
        write_text(path, "\n".join([head, *kept]) + "\n")

    def _rows(self) -> list[str]:
        """Whole rows that are there already; a row that was cut off by a kill is left out."""
        if not self._path.is_file():
            return []
        rows = self._path.read_text(encoding="utf-8").splitlines()[1:]
        return [row for row in rows if row.count(",") == len(self._terms) + 3]

    def write(self, *, step: int, seconds: float, rate: float, losses: Mapping[str, float]) -> None:
        """Add a row.

        Raises:
            OutputError: if the disk is full.
        """
        line = io.StringIO()
        values = [f"{losses[term]:.6g}" if term in losses else "" for term in self._terms]
        row = [step, f"{seconds:.2f}", f"{rate:.6g}", *values, f"{sum(losses.values()):.6g}"]
        csv.writer(line, lineterminator="\n").writerow(row)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line.getvalue())
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written ({error.strerror})") from None


class Progress:
    """Steps, losses, rate and time left: a bar on a terminal, plain lines elsewhere; on stderr.

    Args:
        title: what is trained.
        steps: all steps of the run.
    """

    def __init__(self, title: str, steps: int) -> None:
        self._title, self._steps, self._first = title, steps, (-1, 0.0)
        console = Console(file=sys.stderr)
        shown = (
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._bar = Bar(*shown, console=console) if console.is_terminal else None

    def __enter__(self) -> Progress:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=self._steps, note="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, *, step: int, seconds: float, losses: Mapping[str, float]) -> None:
        """Show where the run is; `seconds` and `step` count from its first start."""
        note = f"{step}/{self._steps}  {self._pace(step, seconds)}  {_losses(losses)}"
        if self._bar is not None:
            self._bar.update(self._task, completed=step, note=note)
        else:
            sys.stderr.write(f"{self._title}  {note}\n")
            sys.stderr.flush()

    def _pace(self, step: int, seconds: float) -> str:
        """Rate and time left, from the steps since the last note."""
        before, then = self._first if self._first[0] >= 0 else (0, 0.0)
        self._first = (step, seconds)
        rate = (step - before) / max(seconds - then, 1e-9)
        left = (self._steps - step) / max(rate, 1e-9)
        return f"{rate:.2f} steps/s  {int(left) // 60}:{int(left) % 60:02d} left"


def _losses(losses: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in losses.items())
