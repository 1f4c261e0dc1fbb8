"""Several trainings side by side on one device, a process each."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import BenchError, TrainingError
from benchmark.training.shutdown import end_processes, stoppable

if TYPE_CHECKING:
    from benchmark.training.editions import Edition, Member

Train = Callable[["Edition", str], "Member"]


def side_by_side(
    train: Train, edition: Edition, names: Sequence[str], jobs: int
) -> Iterator[Member]:
    """Train models, each in a process of its own, so many at a time.

    Args:
        train: a function of a module.
        edition: what it gets.
        names: the models.
        jobs: processes at a time.

    Yields:
        What became of a model, in the order in which they end. Once one was stopped, no other is
        begun, and those that were not begun are left out.

    Raises:
        TrainingError: if the data cannot be used.
        KeyboardInterrupt: if it was stopped before anything could be saved.
    """
    workers = edition.running.workers or 0  # by default none: the trainings share the cores
    running = replace(edition.running, bar=False, workers=workers)  # bars would overlap
    lines = replace(edition, running=running)
    with stoppable(end_processes) as stop, ThreadPoolExecutor(jobs) as threads:
        waiting = [threads.submit(_one, train, lines, name, stop) for name in names]
        try:
            for done in as_completed(waiting):
                member = done.result()
                if member is not None:
                    yield member
        except BaseException:
            stop.set()
            end_processes()
            raise
    if stop.is_set():
        raise KeyboardInterrupt


def _one(train: Train, edition: Edition, name: str, stop: threading.Event) -> Member | None:
    """Train one in a process; None where it was stopped before it could say anything."""
    if stop.is_set():
        return None
    spawn = multiprocessing.get_context("spawn")
    told = spawn.SimpleQueue()
    process = spawn.Process(target=_in_process, args=(train, edition, name, told))
    process.start()
    process.join()
    if told.empty():
        if stop.is_set():
            return None
        raise TrainingError(f"{name}: its process ended with status {process.exitcode}")
    kind, answer = told.get()
    if kind == "error":
        raise TrainingError(answer)
    member: Member = answer
    return member


def _in_process(train: Train, edition: Edition, name: str, told: Any) -> None:  # noqa: ANN401 (a queue)
    try:
        told.put(("member", train(edition, name)))
    except BenchError as error:
        told.put(("error", str(error)))
