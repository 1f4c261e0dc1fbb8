"""Worker processes on this machine, which share its cores out; only this process writes."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from threading import Thread

from benchmark.core.errors import BadInput, ExecutorError
from benchmark.core.external.program import GRACE, end_programs
from benchmark.core.processor import available_cores
from benchmark.executors.dispatch import WorkerEvent, dispatch
from benchmark.runner.executor import RunChunks
from benchmark.runner.inputs import Chunk
from benchmark.runner.outcome import ChunkResult
from benchmark.runner.worker_spec import WorkerSpec

READY = "ready"


class Processes:
    """Works off chunks in processes that keep their models loaded.

    Args:
        workers: how many processes.
        devices: torch devices, shared out among them in turn.

    Raises:
        BadInput: if there are fewer workers than one a device.
    """

    def __init__(self, workers: int, devices: Sequence[str] = ("cpu",)) -> None:
        if workers < len(devices):
            raise BadInput(f"--workers {workers}: fewer than the {len(devices)} devices")
        self.name = f"processes:{workers}"
        self.devices = tuple(devices)
        self.threads: int | None = max(1, available_cores() // workers)
        self._workers = workers

    @contextmanager
    def start(self, spec: WorkerSpec) -> Iterator[RunChunks]:
        """Start the processes; they are killed when the block ends, for they write nothing.

        Raises:
            WeightsError: if a checkpoint is damaged, of another model or not trained.
        """
        spec.checked_worker("cpu")
        homes = [self.devices[place % len(self.devices)] for place in range(self._workers)]
        crew = _Crew(spec, homes, threads=self.threads or 1)
        try:
            yield partial(dispatch, crew)
        finally:
            crew.close()


class _Crew:
    """Processes in numbered places, each with a pipe."""

    def __init__(self, spec: WorkerSpec, devices: Sequence[str], *, threads: int) -> None:
        self.ready: set[int] = set()
        self._kit = spec
        self._threads = threads
        self._devices = devices
        self._processes: dict[int, BaseProcess] = {}
        self._pipes: dict[int, Connection] = {}
        for place in range(len(devices)):
            self._start(place)

    def give(self, place: int, chunks: Sequence[Chunk]) -> None:
        with suppress(OSError):  # it has just died: `news` will tell
            self._pipes[place].send(chunks)

    def news(self) -> list[WorkerEvent]:
        if not self._pipes:
            raise ExecutorError("no worker process can be kept alive; try fewer --workers")
        places = {id(pipe): place for place, pipe in self._pipes.items()}
        heard = [self._hear(places[id(pipe)]) for pipe in wait(self._pipes.values())]
        return [news for news in heard if news is not None]

    def close(self) -> None:
        for pipe in self._pipes.values():
            pipe.close()  # a worker that hears it ends the program it waits for, and itself
        for place, process in self._processes.items():
            if place in self.ready:  # else it is still loading, and listens to nobody
                process.join(2 * GRACE)
            process.kill()
        for process in self._processes.values():
            process.join()

    def _start(self, place: int) -> None:
        ours, theirs = get_context("spawn").Pipe()
        process = get_context("spawn").Process(
            target=_serve,
            args=(theirs, self._kit, self._devices[place], self._threads),
            daemon=True,
        )
        with _pools_of(self._threads):
            process.start()
        theirs.close()  # so that its end is heard when it dies
        self._processes[place], self._pipes[place] = process, ours

    def _hear(self, place: int) -> WorkerEvent | None:
        try:
            said = self._pipes[place].recv()
        except (EOFError, OSError):
            return self._bury(place)
        if isinstance(said, ChunkResult):
            return WorkerEvent(place=place, outcome=said)
        if isinstance(said, BaseException):
            raise said
        self.ready.add(place)
        return None

    def _bury(self, place: int) -> WorkerEvent:
        """Replace a dead worker, unless it died before it was ready: then so would the next."""
        self._pipes.pop(place).close()
        process = self._processes.pop(place)
        process.join()
        if place in self.ready:
            self.ready.discard(place)
            self._start(place)
        return WorkerEvent(place=place, reason=_how(process.exitcode or 0))


def _how(status: int) -> str:
    """How a process ended; the system kills with signal 9 whom it has no memory for."""
    if status >= 0:
        return f"exit status {status}"
    hint = ", perhaps out of memory" if -status == signal.SIGKILL else ""
    return f"killed by signal {-status}{hint}"


@contextmanager
def _pools_of(threads: int) -> Iterator[None]:
    """Numerical libraries of a process started in the block have at most so many threads."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


def _serve(pipe: Connection, spec: WorkerSpec, device: str, threads: int) -> None:
    """A worker process: parcels in, outcomes out, until it is killed or its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which ends us
    try:
        from benchmark.executors.remote_worker import RemoteWorker

        seat = RemoteWorker(spec, device, threads=threads)
        parcels: SimpleQueue[Sequence[Chunk]] = SimpleQueue()
        Thread(target=_receive, args=(pipe, parcels), daemon=True).start()
        pipe.send(READY)
        while True:
            pipe.send(seat.answer(parcels.get()))
    except BaseException as error:  # noqa: BLE001 (raised again in the parent)
        error.add_note(traceback.format_exc())
        with suppress(OSError):
            pipe.send(error)


def _receive(pipe: Connection, parcels: SimpleQueue[Sequence[Chunk]]) -> None:
    """Take parcels as they come, so that the parent never waits, and end with the parent."""
    try:
        while True:
            parcels.put(pipe.recv())
    except (EOFError, OSError):
        end_programs()
        os._exit(1)
