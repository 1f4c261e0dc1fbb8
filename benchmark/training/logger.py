"""Training logs: CSV tables, sample images, TensorBoard, JSON lines and terminal progress."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from torch import Tensor

from benchmark.core.errors import OutputError, TrainingError
from benchmark.core.external.optional import install_line
from benchmark.core.paths import atomic, write_text
from benchmark.core.tensors import to_pixels
from benchmark.training.options import TrainOptions
from benchmark.training.recipe import Recipe


class CSVLog:
    """A CSV log, whose first column is "step".

    Args:
        path: the file; when a run resumes, rows up to `step` are kept.
        columns: their names; missing values stay empty.
        step: completed steps.

    Raises:
        OutputError: if the file cannot be written.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, step: int) -> None:
        self._path, self._columns = path, tuple(columns)
        kept = [row for row in self._rows() if int(row.partition(",")[0]) <= step]
        write_text(path, "\n".join([",".join(self._columns), *kept]) + "\n")

    def _rows(self) -> list[str]:
        """The complete rows of an existing file, without a truncated last one."""
        if not self._path.is_file():
            return []
        rows = self._path.read_text(encoding="utf-8").splitlines()[1:]
        return [row for row in rows if row.count(",") == len(self._columns) - 1]

    def write(self, values: Mapping[str, object]) -> None:
        """Append a row.

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
    """Progress on stderr (steps, losses, speed, time left): a bar on a terminal, else plain lines.

    Args:
        title: name of the model.
        steps: all steps of the run.
        step: completed steps.
        seconds: time spent in them.
        bar: whether to show a bar on a terminal.
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
        """Show progress; `seconds` and `step` include the runs that were resumed."""
        values = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        note = f"{step}/{self._steps}  {self._pace(step, seconds)}  {values}"
        if self._bar is not None:
            self._bar.update(self._task, completed=step, note=note)
        else:
            print_status(f"{self._title}  {note}")

    def _pace(self, step: int, seconds: float) -> str:
        """Speed and time left, from the steps since the last update."""
        before, then = self._last
        self._last = (step, seconds)
        rate = (step - before) / max(seconds - then, 1e-9)
        left = int((self._steps - step) / max(rate, 1e-9))
        hours, minutes, rest = left // 3600, left // 60 % 60, left % 60
        clock = f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
        return f"{rate:.2f} steps/s  {clock} left"


def print_status(text: str) -> None:
    """Print a line on standard error and flush."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


class TensorBoardLogger:
    """Event files for `tensorboard --logdir`.

    Args:
        folder: the output folder; a resumed run adds a file.
        step: completed steps; events of later steps from an interrupted run are purged.

    Raises:
        TrainingError: if the package is not installed.
        OutputError: if the folder cannot be written.
    """

    def __init__(self, folder: Path, *, step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise TrainingError(
                f"--tensorboard needs its package: {install_line('train')}"
            ) from None
        self._folder = folder
        try:
            self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)
        except OSError as error:
            raise _unwritable(folder, error) from None

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Log numbers of a step; a name's part before the slash is its group.

        Raises:
            OutputError: if the disk is full.
        """
        try:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
        except OSError as error:
            raise _unwritable(self._folder, error) from None

    def image(self, step: int, sheet: Tensor) -> None:
        """Log a sample sheet, (3, H, W) in [0, 1].

        Raises:
            OutputError: if the disk is full.
        """
        try:
            self._writer.add_image("samples", sheet, step)
            self._writer.flush()
        except OSError as error:
            raise _unwritable(self._folder, error) from None

    def close(self) -> None:
        """Flush and close."""
        try:
            self._writer.close()
        except OSError as error:
            raise _unwritable(self._folder, error) from None


def _unwritable(folder: Path, error: OSError) -> OutputError:
    return OutputError(f"{folder}: cannot be written ({error.strerror or error})")


LOSSES = "log.csv"  # columns: step, seconds, rate, each weighted loss term, total
HELD_OUT = "held-out.csv"  # columns: step, seconds, side of the images, validation metric


@dataclass(frozen=True, slots=True)
class LogColumns:
    """The values that a training logs.

    Attributes:
        terms: names of all loss terms.
        metric: name of the validation metric.
    """

    terms: Sequence[str]
    metric: str


class TrainingLogger:
    """All logs of one training; a context manager.

    Args:
        out: the output folder.
        recipe: the recipe.
        columns: the loss terms and the validation metric.
        step: completed steps; when a run resumes, rows up to this step are kept.
        seconds: time spent in them.
        running: whether to log to TensorBoard and as JSON too.

    Raises:
        OutputError: if the files cannot be written.
        TrainingError: if TensorBoard is requested but not installed.
    """

    def __init__(
        self,
        out: Path,
        recipe: Recipe,
        columns: LogColumns,
        *,
        step: int,
        seconds: float,
        running: TrainOptions,
    ) -> None:
        terms, self._metric = columns.terms, columns.metric
        self._out, self._as_json = out, running.as_json
        self._losses = CSVLog(out / LOSSES, ("step", "seconds", "rate", *terms, "total"), step=step)
        held_out = ("step", "seconds", "side", self._metric)
        self._held_out = CSVLog(out / HELD_OUT, held_out, step=step)
        self._tensorboard = (
            TensorBoardLogger(out / "tensorboard", step=step) if running.tensorboard else None
        )
        self._progress = Progress(
            recipe.model, recipe.steps, step=step, seconds=seconds, bar=running.bar
        )
        self._measured: dict[str, float] = {}

    def __enter__(self) -> TrainingLogger:
        self._progress.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.__exit__(kind, error, trace)
        if self._tensorboard is not None:
            self._tensorboard.close()

    def losses(
        self, *, step: int, seconds: float, rates: Mapping[str, float], terms: Mapping[str, float]
    ) -> None:
        """Log the losses of a step.

        Args:
            step: completed steps.
            seconds: time spent in them.
            rates: learning rate of each optimizer role; the first is written to the CSV log.
            terms: weighted losses.

        Raises:
            OutputError: if the disk is full.
        """
        numbers = {"rate": next(iter(rates.values())), **terms, "total": sum(terms.values())}
        written = {name: f"{value:.6g}" for name, value in numbers.items()}
        self._losses.write({"step": step, "seconds": f"{seconds:.2f}", **written})
        if self._tensorboard is not None:
            tagged = {f"loss/{name}": value for name, value in terms.items()}
            tagged |= {f"rate/{name}": value for name, value in rates.items()}
            self._tensorboard.scalars(step, tagged | {"loss/total": numbers["total"]})
        if self._as_json:
            tell({"step": step, "seconds": round(seconds, 2), **numbers})
        self._progress.show(step=step, seconds=seconds, numbers={**terms, **self._measured})

    def measured(self, *, step: int, seconds: float, side: int, value: float) -> None:
        """Log the validation metric on held-out images of a side, in pixels.

        Raises:
            OutputError: if the disk is full.
        """
        self._measured = {self._metric: value}
        row = {
            "step": step,
            "seconds": f"{seconds:.2f}",
            "side": side,
            self._metric: f"{value:.5g}",
        }
        self._held_out.write(row)
        if self._tensorboard is not None:
            self._tensorboard.scalars(step, {f"held_out/{self._metric}": value})
        if self._as_json:
            tell({"step": step, "side": side, self._metric: value})

    def sheet(self, step: int, sheet: Tensor) -> None:
        """Write a sample sheet, (3, H, W) in [0, 1], as a PNG.

        Raises:
            OutputError: if the disk is full.
        """
        with atomic(self._out / f"sample-{step:07d}.png") as draft:
            Image.fromarray(to_pixels(sheet[None])[0]).save(draft, format="PNG")
        if self._tensorboard is not None:
            self._tensorboard.image(step, sheet)


def tell(facts: Mapping[str, object]) -> None:
    """Print a line of JSON on standard output and flush."""
    sys.stdout.write(json.dumps(facts, default=str) + "\n")
    sys.stdout.flush()
