"""The executor of worker processes on this machine, which share its cores; only this one writes."""

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
    """Run chunks in processes that keep their models loaded.

    Args:
        workers: number of processes.
        devices: torch devices, assigned to the processes in turn.

    Raises:
        BadInput: if there are fewer workers than devices.
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
        """Start the processes, and kill them at the end of the block: they write nothing.

        Raises:
            WeightsError: if a checkpoint is damaged, of another model or not trained.
        """
        spec.checked_worker("cpu")
        devices = [self.devices[slot % len(self.devices)] for slot in range(self._workers)]
        pool = _ProcessPool(spec, devices, threads=self.threads or 1)
        try:
            yield partial(dispatch, pool)
        finally:
            pool.close()


class _ProcessPool:
    """Processes in numbered slots, each with a pipe."""

    def __init__(self, spec: WorkerSpec, devices: Sequence[str], *, threads: int) -> None:
        self.ready: set[int] = set()
        self._spec = spec
        self._threads = threads
        self._devices = devices
        self._processes: dict[int, BaseProcess] = {}
        self._pipes: dict[int, Connection] = {}
        for slot in range(len(devices)):
            self._start(slot)

    def submit(self, slot: int, chunks: Sequence[Chunk]) -> None:
        with suppress(OSError):  # the worker has just died: `wait` reports it
            self._pipes[slot].send(chunks)

    def wait(self) -> list[WorkerEvent]:
        if not self._pipes:
            raise ExecutorError("all worker processes die at their start; try fewer --workers")
        slots = {id(pipe): slot for slot, pipe in self._pipes.items()}
        events = [self._receive(slots[id(pipe)]) for pipe in wait(self._pipes.values())]
        return [event for event in events if event is not None]

    def close(self) -> None:
        for pipe in self._pipes.values():
            pipe.close()  # the worker ends the external program that it waits for, and itself
        for slot, process in self._processes.items():
            if slot in self.ready:  # a worker that is still loading does not read its pipe
                process.join(2 * GRACE)
            process.kill()
        for process in self._processes.values():
            process.join()

    def _start(self, slot: int) -> None:
        ours, theirs = get_context("spawn").Pipe()
        process = get_context("spawn").Process(
            target=_serve,
            args=(theirs, self._spec, self._devices[slot], self._threads),
            daemon=True,
        )
        with _omp_threads(self._threads):
            process.start()
        theirs.close()  # so that reading fails when the process dies
        self._processes[slot], self._pipes[slot] = process, ours

    def _receive(self, slot: int) -> WorkerEvent | None:
        try:
            message = self._pipes[slot].recv()
        except (EOFError, OSError):
            return self._replace_dead(slot)
        if isinstance(message, ChunkResult):
            return WorkerEvent(slot=slot, result=message)
        if isinstance(message, BaseException):
            raise message
        self.ready.add(slot)
        return None

    def _replace_dead(self, slot: int) -> WorkerEvent:
        """Replace a dead worker, unless it died before it was ready: the next one would, too."""
        self._pipes.pop(slot).close()
        process = self._processes.pop(slot)
        process.join()
        if slot in self.ready:
            self.ready.discard(slot)
            self._start(slot)
        return WorkerEvent(slot=slot, reason=_exit_reason(process.exitcode or 0))


def _exit_reason(status: int) -> str:
    """Return how a process ended; a system without memory kills processes by signal 9."""
    if status >= 0:
        return f"exit status {status}"
    hint = ", perhaps out of memory" if -status == signal.SIGKILL else ""
    return f"killed by signal {-status}{hint}"


@contextmanager
def _omp_threads(threads: int) -> Iterator[None]:
    """Limit the threads of numerical libraries in processes that are started in the block."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


def _serve(pipe: Connection, spec: WorkerSpec, device: str, threads: int) -> None:
    """Run batches from the pipe and send results, until the parent kills the process or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent
    try:
        from benchmark.executors.remote_worker import RemoteWorker

        worker = RemoteWorker(spec, device, threads=threads)
        batches: SimpleQueue[Sequence[Chunk]] = SimpleQueue()
        Thread(target=_read_batches, args=(pipe, batches), daemon=True).start()
        pipe.send(READY)
        while True:
            pipe.send(worker.run(batches.get()))
    except BaseException as error:  # noqa: BLE001 (raised again in the parent)
        error.add_note(traceback.format_exc())
        with suppress(OSError):
            pipe.send(error)


def _read_batches(pipe: Connection, batches: SimpleQueue[Sequence[Chunk]]) -> None:
    """Read batches as they arrive, so that the parent never blocks; exit with the parent."""
    try:
        while True:
            batches.put(pipe.recv())
    except (EOFError, OSError):
        end_programs()
        os._exit(1)
