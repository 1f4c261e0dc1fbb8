"""The Ray executor: actors on a cluster, each with a GPU, a share of one, or a core."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import current_thread
from types import ModuleType
from typing import Any, TextIO

from benchmark.core.errors import BadInput, BenchError, ExecutorError
from benchmark.core.external.optional import install_line
from benchmark.executors.dispatch import WorkerEvent, dispatch
from benchmark.executors.remote_worker import RemoteWorker
from benchmark.runner.executor import RunChunks
from benchmark.runner.inputs import Chunk
from benchmark.runner.outcome import ChunkResult
from benchmark.runner.worker_spec import WorkerSpec
from benchmark.store.store import rows_folder

TIMEOUT = 120.0  # seconds without any worker after which the run ends


class Ray:
    """Run chunks in actors that keep their models loaded.

    Args:
        workers: number of actors, or None for as many as the cluster has room for.
        device: "cpu", or "cuda" for a GPU or a share of one per actor.
        address: address of the cluster; "auto" looks for one, "local" starts one on this machine.
        gpu_share: share of a GPU per actor.

    Raises:
        BadInput: if Ray is not installed, or the device has a number, which Ray assigns itself.
    """

    devices: tuple[str, ...] = ()  # of the cluster, not of this machine
    threads: int | None = 1

    def __init__(
        self, workers: int | None, *, device: str, address: str = "auto", gpu_share: float = 1.0
    ) -> None:
        if device not in {"cpu", "cuda"}:
            raise BadInput(f"--device {device}: expected cpu or cuda with --executor ray")
        self._ray = _import_ray()
        self.name = f"ray:{workers}" if workers else "ray"
        self._workers = workers
        self._device = device
        self._address = address
        self._needs = {"num_gpus": gpu_share} if device == "cuda" else {"num_cpus": 1.0}

    @contextmanager
    def start(self, spec: WorkerSpec) -> Iterator[RunChunks]:
        """Connect to the cluster and start the actors; an existing connection stays open.

        Raises:
            ExecutorError: if there is no cluster, or it has no room for a worker.
            WeightsError: if a checkpoint is damaged, of another model or not trained.
        """
        spec.checked_worker("cpu")
        folder = rows_folder(spec.loader.store)
        with _joined(self._ray, self._address), _marker_file(folder) as marker:
            pool = _ActorPool(self._ray, spec, marker, device=self._device, needs=self._needs)
            try:
                pool.start(self._workers or self._capacity())
                yield partial(dispatch, pool)
            finally:
                pool.close()

    def _capacity(self) -> int:
        resources = self._ray.cluster_resources()
        ((resource, share),) = self._needs.items()
        kind = {"num_gpus": "GPU", "num_cpus": "CPU"}[resource]
        capacity = int(resources.get(kind, 0) / share + 1e-9)
        if capacity < 1:
            raise ExecutorError(f"the Ray cluster has no {kind} for a worker; see 'ray status'")
        return capacity


class _Actor:
    """A worker on another machine, which reports whether it can read this machine's files."""

    def __init__(self, spec: WorkerSpec, marker: Path, device: str) -> None:
        self._worker = RemoteWorker(spec, device, threads=1)  # Ray counts one core per actor
        self._has_files = marker.is_file() and all(
            map(os.path.exists, spec.loader.sources.folders.values())
        )

    def has_files(self) -> bool:
        return self._has_files

    def run(self, chunks: Sequence[Chunk]) -> ChunkResult:
        return self._worker.run(chunks)


class _ActorPool:
    """Actors in numbered slots, each with a queue of calls that it runs in order."""

    def __init__(
        self,
        ray: ModuleType,
        spec: WorkerSpec,
        marker: Path,
        *,
        device: str,
        needs: dict[str, float],
    ) -> None:
        self.ready: set[int] = set()
        self._ray = ray
        self._loader = spec.loader
        remote: Any = ray.remote(_Actor).options(**needs)
        shared_spec = ray.put(spec)  # sent to each machine once
        self._make: Callable[[], Any] = lambda: remote.remote(shared_spec, marker, device)
        self._actors: dict[int, Any] = {}
        self._calls: dict[int, list[Any]] = {}
        self._without_files: set[int] = set()
        self._last_ready = time.monotonic()  # when a worker was last ready

    def start(self, workers: int) -> None:
        for slot in range(workers):
            self._start(slot)

    def submit(self, slot: int, chunks: Sequence[Chunk]) -> None:
        if slot in self._without_files:  # send the files' content with the chunks
            chunks = [replace(chunk, inputs=self._loader.load(chunk)) for chunk in chunks]
        self._calls[slot].append(self._actors[slot].run.remote(chunks))

    def wait(self) -> list[WorkerEvent]:
        self._check_timeout()
        slots = {calls[0]: slot for slot, calls in self._calls.items() if calls}
        done, _ = self._ray.wait(list(slots), timeout=1.0)
        events = [self._receive(slots[one]) for one in done]
        return [event for event in events if event is not None]

    def close(self) -> None:
        for actor in self._actors.values():
            self._ray.kill(actor)

    def _start(self, slot: int) -> None:
        self._actors[slot] = self._make()
        self._calls[slot] = [self._actors[slot].has_files.remote()]

    def _receive(self, slot: int) -> WorkerEvent | None:
        call = self._calls[slot].pop(0)
        try:
            value = self._ray.get(call)
        except self._ray.exceptions.RayTaskError as error:  # raised by the worker's code
            raise (error.cause if isinstance(error.cause, BenchError) else error) from None
        except self._ray.exceptions.RayError as error:
            if getattr(error, "actor_init_failed", False):
                raise ExecutorError(f"a Ray worker cannot start: {_last_line(error)}") from None
            self.ready.discard(slot)
            self._start(slot)  # Ray places it where there is room, now or later
            return WorkerEvent(slot=slot, reason=_first_line(error))
        if slot in self.ready:
            return WorkerEvent(slot=slot, result=value)
        self.ready.add(slot)
        (self._without_files.discard if value else self._without_files.add)(slot)
        return None

    def _check_timeout(self) -> None:
        now = time.monotonic()
        if self.ready:
            self._last_ready = now
        elif now - self._last_ready > TIMEOUT:
            raise ExecutorError(
                f"no Ray worker started within {TIMEOUT:.0f} s; see 'ray status'. Finished work is "
                "saved; rerun the same command to resume"
            )


def _import_ray() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise BadInput(f"--executor ray needs the extra 'ray': {install_line('ray')}") from None
    module: ModuleType = ray
    return module


@contextmanager
def _joined(ray: ModuleType, address: str) -> Iterator[None]:
    """Connect to a cluster for the block; an existing connection is left as it was."""
    if ray.is_initialized():
        yield
        return
    stop = signal.getsignal(signal.SIGTERM)
    try:
        _check_reachable(address)
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError, RuntimeError) as error:  # ConnectionError is an OSError
        raise ExecutorError(
            f"--address {address}: no Ray cluster there ({_first_line(error)}); start one with "
            "'ray start --head', or use --address local"
        ) from None
    signal.signal(signal.SIGTERM, stop)  # replace Ray's handler, which ends the process silently
    try:
        with redirect_stdout(_WithoutRayThreads(sys.stdout)):
            yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Fail at once if nothing listens at an address: Ray itself would try for many minutes.

    Raises:
        OSError: if there is no connection.
    """
    host, _, port = address.rpartition(":")
    if host and "/" not in host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


class _WithoutRayThreads:
    """Standard output without the output of Ray's own threads: a page for each lost node."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        ours = not current_thread().name.startswith("ray_")
        return self._out.write(text) if ours else len(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (any attribute of the stream)
        return getattr(self._out, name)


@contextmanager
def _marker_file(store: Path) -> Iterator[Path]:
    """Create a file beside the store's rows that shows a worker that it can read our files."""
    marker = store / f".seen-{secrets.token_hex(8)}"
    marker.touch()
    try:
        yield marker
    finally:
        marker.unlink(missing_ok=True)


def _last_line(error: Exception) -> str:
    return str(error).strip().rpartition("\n")[2][:200]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
