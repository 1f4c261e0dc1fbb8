"""What a training tells while it runs: tables, sample pictures, TensorBoard, progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from PIL import Image
from torch import Tensor

from benchmark.core.paths import atomic
from benchmark.core.tensors import to_pixels
from benchmark.training.board import Board
from benchmark.training.log import Progress, Rows
from benchmark.training.options import Running
from benchmark.training.recipe import Recipe

LOSSES = "log.csv"  # step, seconds, rate, each loss term as it is weighted, their total
HELD_OUT = "held-out.csv"  # step, seconds, side of the pictures, and what is measured on them


class Journal:
    """The files and lines of one training; a context while it runs.

    Args:
        out: folder of the files.
        recipe: what is trained.
        columns: names of all loss terms, and of what is measured on held-out pictures.
        step: steps already done; rows of a resumed run are kept up to it.
        seconds: time spent in them.
        running: whether for TensorBoard and as JSON too.

    Raises:
        OutputError: if the files cannot be written.
        TrainingError: if TensorBoard is wanted and not installed.
    """

    def __init__(
        self,
        out: Path,
        recipe: Recipe,
        columns: tuple[Sequence[str], str],
        *,
        step: int,
        seconds: float,
        running: Running,
    ) -> None:
        terms, self._kind = columns
        self._out, self._as_json = out, running.as_json
        self._losses = Rows(out / LOSSES, ("step", "seconds", "rate", *terms, "total"), step=step)
        held_out = ("step", "seconds", "side", self._kind)
        self._held_out = Rows(out / HELD_OUT, held_out, step=step)
        self._board = Board(out / "tensorboard", step=step) if running.tensorboard else None
        self._progress = Progress(
            recipe.model, recipe.steps, step=step, seconds=seconds, bar=running.bar
        )
        self._measured: dict[str, float] = {}

    def __enter__(self) -> Journal:
        self._progress.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.__exit__(kind, error, trace)
        if self._board is not None:
            self._board.close()

    def losses(
        self, *, step: int, seconds: float, rates: Mapping[str, float], terms: Mapping[str, float]
    ) -> None:
        """A row of the log, and a line of progress.

        Args:
            step: steps done.
            seconds: time spent in them.
            rates: learning rate of each player; the first is the log's.
            terms: losses as they are weighted.

        Raises:
            OutputError: if the disk is full.
        """
        numbers = {"rate": next(iter(rates.values())), **terms, "total": sum(terms.values())}
        written = {name: f"{value:.6g}" for name, value in numbers.items()}
        self._losses.write({"step": step, "seconds": f"{seconds:.2f}", **written})
        if self._board is not None:
            tagged = {f"loss/{name}": value for name, value in terms.items()}
            tagged |= {f"rate/{name}": value for name, value in rates.items()}
            self._board.scalars(step, tagged | {"loss/total": numbers["total"]})
        if self._as_json:
            tell({"step": step, "seconds": round(seconds, 2), **numbers})
        self._progress.show(step=step, seconds=seconds, numbers={**terms, **self._measured})

    def measured(self, *, step: int, seconds: float, side: int, value: float) -> None:
        """A row of what was measured on held-out pictures of a side.

        Raises:
            OutputError: if the disk is full.
        """
        self._measured = {self._kind: value}
        row = {"step": step, "seconds": f"{seconds:.2f}", "side": side, self._kind: f"{value:.5g}"}
        self._held_out.write(row)
        if self._board is not None:
            self._board.scalars(step, {f"held_out/{self._kind}": value})
        if self._as_json:
            tell({"step": step, "side": side, self._kind: value})

    def sheet(self, step: int, sheet: Tensor) -> None:
        """Sample pictures, (3, H, W) in [0, 1], as a PNG.

        Raises:
            OutputError: if the disk is full.
        """
        with atomic(self._out / f"sample-{step:07d}.png") as draft:
            Image.fromarray(to_pixels(sheet[None])[0]).save(draft, format="PNG")
        if self._board is not None:
            self._board.picture(step, sheet)


def tell(facts: Mapping[str, object]) -> None:
    """A line of JSON on standard output, at once."""
    sys.stdout.write(json.dumps(facts, default=str) + "\n")
    sys.stdout.flush()
