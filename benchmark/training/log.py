"""A training's tables, as CSV, and its progress, on a terminal or as plain lines."""

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


class Rows:
    """A CSV file with a row for some steps; its first column is "step".

    Args:
        path: the file; rows of a run that is resumed are kept up to `step`.
        columns: their names; what a row has not stays empty.
        step: steps already done.

    Raises:
        OutputError: if the file cannot be written.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, step: int) -> None:
        self._path, self._columns = path, tuple(columns)
        kept = [row for row in self._rows() if int(row.partition(",")[0]) <= step]
        write_text(path, "\n".join([",".join(self._columns), *kept]) + "\n")

    def _rows(self) -> list[str]:
        """Whole rows that are there already; a row that was cut off by a kill is left out."""
        if not self._path.is_file():
            return []
        rows = self._path.read_text(encoding="utf-8").splitlines()[1:]
        return [row for row in rows if row.count(",") == len(self._columns) - 1]

    def write(self, values: Mapping[str, object]) -> None:
        """Add a row.

        Raises:
            OutputError: if the disk is full.
        """
        line = io.StringIO()
        row = [values.get(column, "") for column in self._columns]
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
        step: those done before.
        seconds: time spent in them.
        bar: whether a bar is wanted where there is a terminal.
    """

    def __init__(
        self, title: str, steps: int, *, step: int, seconds: float, bar: bool = True
    ) -> None:
        self._title, self._steps, self._last = title, steps, (step, seconds)
        console = Console(file=sys.stderr)
        shown = (
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._bar = Bar(*shown, console=console) if bar and console.is_terminal else None

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

    def show(self, *, step: int, seconds: float, numbers: Mapping[str, float]) -> None:
        """Show where the run is; `seconds` and `step` count from its first start."""
        said = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        note = f"{step}/{self._steps}  {self._pace(step, seconds)}  {said}"
        if self._bar is not None:
            self._bar.update(self._task, completed=step, note=note)
        else:
            say(f"{self._title}  {note}")

    def _pace(self, step: int, seconds: float) -> str:
        """Rate and time left, from the steps since the last note."""
        before, then = self._last
        self._last = (step, seconds)
        rate = (step - before) / max(seconds - then, 1e-9)
        left = int((self._steps - step) / max(rate, 1e-9))
        hours, minutes, rest = left // 3600, left // 60 % 60, left % 60
        clock = f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
        return f"{rate:.2f} steps/s  {clock} left"


def say(text: str) -> None:
    """A line on standard error, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
