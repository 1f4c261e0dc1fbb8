"""What `bench run` says: progress and warnings on standard error, the table on standard output."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Drawn

from benchmark.api import RunRecord
from benchmark.core.names import printable
from benchmark.core.paths import claim_new
from benchmark.results.csv import result_rows
from benchmark.results.nulls import distance_rows
from benchmark.results.table import Table, run_table
from benchmark.runner.execute import Notify
from benchmark.runner.execute import Progress as Step
from benchmark.runner.plan import Plan
from benchmark.runner.setup import choose
from benchmark.runner.shard import Shard
from detectors import DETECTORS
from inpainters import INPAINTERS

EVERY = 10.0  # seconds between lines where there is no terminal
SHOWN = 10  # unused files named on the console; record.json has them all
VERBS = {"fill": "paint", "judge": "detect", "measure": "measure"}


@contextmanager
def default_folder(shard: Shard | None = None) -> Iterator[Path]:
    """A new folder for a run, named by the local time and, for a shard, by its number.

    It is made at once, so that no other run takes it; if the run leaves nothing in it, it goes.

    Raises:
        OutputError: if it cannot be made.
    """
    stamp = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    stamp += f"-shard-{shard.index}-of-{shard.count}" if shard else ""
    folder, count = Path("runs") / stamp, 1
    while not claim_new(folder):
        count += 1
        folder = Path("runs") / f"{stamp}-{count}"
    try:
        yield folder
    finally:
        with suppress(OSError):  # it holds a run
            folder.rmdir()


def announce(plan: Plan) -> None:
    """Say in one line which weights the run uses, and in one each which models have none.

    Raises:
        WeightsError: if no inpainter, or none of the detectors wanted, has weights.
    """
    models = choose(INPAINTERS, plan.inpainters, plan) + choose(DETECTORS, plan.detectors, plan)
    for model in models:
        if model.absent:
            _say(f"Left out: {model.absent}")
    editions = {model.name: model.weights.edition for model in models if not model.absent}
    said = ", ".join(f"{name} {edition}" for name, edition in editions.items() if edition != "none")
    if said:
        mini = " (mini = trained by this project, small)" if "mini" in editions.values() else ""
        _say(f"Weights: {said}{mini}.")


@contextmanager
def watch() -> Iterator[Notify]:
    """Show progress with rate and time left: a bar on a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Bars(bars)


def show_record(record: RunRecord, *, as_json: bool) -> None:
    """Print the table and what went wrong, or one JSON document."""
    if as_json:
        document = {
            **record.document,
            "results": result_rows(record.cells),
            "against_null": distance_rows(record.distances),
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        _show_table(run_table(record.cells, record.distances))
    for failure in record.failures:
        where = f"{failure.dataset} " if len(record.plan.datasets) > 1 else ""
        what = f"{where}{failure.sample} at {failure.bucket} %"
        after = f" with {failure.retouch}" if failure.retouch else ""
        after += f" after {failure.launder}" if failure.launder else ""
        model = f" ({failure.model}{after})" if failure.model else ""
        _say(f"{failure.kind}: {what}{model}: {failure.reason}")
    for name, known in record.document["known_pixels"].items():
        _say(known_line(name, known, pasted=record.plan.recomposite))
    for unused in record.document["unused"][:SHOWN]:
        _say(f"unused: {unused['file']}: {unused['reason']}")
    _say(f"Results: {record.folder}")


def known_line(name: str, known: Mapping[str, float], *, pasted: bool) -> str:
    """How far the known pixels of finished pictures moved, for a reader.

    Args:
        name: the inpainter's.
        known: as `known_pixels` has it.
        pasted: whether the known region was pasted back.
    """
    count = f"{known['pictures']:.0f}"
    if not known["moved"]:
        return f"{name}: known pixels are the original's in all {count} pictures"
    return (
        f"{name}: known pixels moved by up to {known['max']:.0f} grey levels "
        f"({known['mean']:.4g} on average) in {known['moved']:.0f} of {count} pictures; "
        + ("pasted back" if pasted else "counted as failures; --recomposite pastes them back")
    )


class _Lines:
    """Plain lines: when a stage begins and ends, and now and then between."""

    def __init__(self) -> None:
        self._start = self._last = 0.0

    def __call__(self, step: Step) -> None:
        now = time.monotonic()
        if step.done == 0:
            self._start = self._last = now
            return
        if step.done < step.total and now - self._last < EVERY:
            return
        self._last = now
        spent = max(now - self._start, 1e-9)
        left = spent / step.done * (step.total - step.done)
        rate = step.done / spent
        _say(
            f"{VERBS[step.stage]} {step.model}: {step.done}/{step.total}, "
            f"{rate:.3g}/s, {left:.0f} s left"
        )


class _Bars:
    """One bar per stage and model."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._start = 0.0

    def __call__(self, step: Step) -> None:
        if step.done == 0:
            for task in self._bars.task_ids:
                self._bars.remove_task(task)
            self._start = time.monotonic()
            name = f"{VERBS[step.stage]} {step.model}"
            self._bars.add_task(name, total=step.total, rate="")
            return
        rate = step.done / max(time.monotonic() - self._start, 1e-9)
        for task in self._bars.task_ids:
            self._bars.update(task, completed=step.done, rate=f"{rate:.3g}/s")


def _show_table(table: Table) -> None:
    if not sys.stdout.isatty():
        sys.stdout.write(table.markdown())
        return
    drawn = Drawn(title=table.title)
    for column in table.columns:
        drawn.add_column(column)
    for row in table.rows:
        drawn.add_row(*row)
    console = Console()
    console.print(drawn)
    for note in table.notes:
        console.print(note, style="dim", markup=False, highlight=False)


def _say(text: str) -> None:
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()
