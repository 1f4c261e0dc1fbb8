"""Actors of a Ray cluster: on other machines, one a GPU, a share of one, or a core."""

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

PATIENCE = 120.0  # seconds without any worker after which the run ends


class Ray:
    """Works off chunks in actors that keep their models loaded.

    Args:
        workers: how many actors, or None for all that the cluster has room for.
        device: "cpu", or "cuda" for one GPU or share of one an actor.
        address: of the cluster; "auto" looks for one, "local" starts one on this machine.
        gpu_share: of a GPU that an actor takes.

    Raises:
        BadInput: if Ray is not installed, or the device is numbered: Ray gives the numbers out.
    """

    devices: tuple[str, ...] = ()  # none here: the cluster's
    threads: int | None = 1

    def __init__(
        self, workers: int | None, *, device: str, address: str = "auto", gpu_share: float = 1.0
    ) -> None:
        if device not in {"cpu", "cuda"}:
            raise BadInput(f"--device {device}: with --executor ray it is cpu or cuda")
        self._ray = _import_ray()
        self.name = f"ray:{workers}" if workers else "ray"
        self._workers = workers
        self._device = device
        self._address = address
        self._needs = {"num_gpus": gpu_share} if device == "cuda" else {"num_cpus": 1.0}

    @contextmanager
    def start(self, spec: WorkerSpec) -> Iterator[RunChunks]:
        """Join the cluster and ask for the actors; a cluster joined before stays joined.

        Raises:
            ExecutorError: if there is no cluster, or it has no room for a worker.
            WeightsError: if a checkpoint is damaged, of another model or not trained.
        """
        spec.checked_worker("cpu")
        with _joined(self._ray, self._address), _mark(rows_folder(spec.loader.store)) as mark:
            crew = _Crew(self._ray, spec, mark, device=self._device, needs=self._needs)
            try:
                crew.hire(self._workers or self._room())
                yield partial(dispatch, crew)
            finally:
                crew.close()

    def _room(self) -> int:
        has = self._ray.cluster_resources()
        ((resource, share),) = self._needs.items()
        wanted = {"num_gpus": "GPU", "num_cpus": "CPU"}[resource]
        room = int(has.get(wanted, 0) / share + 1e-9)
        if room < 1:
            raise ExecutorError(f"the Ray cluster has no {wanted} for a worker; see 'ray status'")
        return room


class _Actor:
    """A seat on another machine, which knows whether it sees our files."""

    def __init__(self, spec: WorkerSpec, mark: Path, device: str) -> None:
        self._seat = RemoteWorker(spec, device, threads=1)  # Ray counts one core an actor
        self._sees = mark.is_file() and all(
            map(os.path.exists, spec.loader.sources.folders.values())
        )

    def sees(self) -> bool:
        return self._sees

    def answer(self, chunks: Sequence[Chunk]) -> ChunkResult:
        return self._seat.answer(chunks)


class _Crew:
    """Actors in numbered places; what they are asked is answered in its order."""

    def __init__(
        self, ray: ModuleType, spec: WorkerSpec, mark: Path, *, device: str, needs: dict[str, float]
    ) -> None:
        self.ready: set[int] = set()
        self._ray = ray
        self._shelf = spec.loader
        remote: Any = ray.remote(_Actor).options(**needs)
        kept = ray.put(spec)  # sent to each machine once
        self._make: Callable[[], Any] = lambda: remote.remote(kept, mark, device)
        self._actors: dict[int, Any] = {}
        self._asked: dict[int, list[Any]] = {}
        self._blind: set[int] = set()
        self._last = time.monotonic()  # when a worker was last there

    def hire(self, workers: int) -> None:
        for place in range(workers):
            self._start(place)

    def give(self, place: int, chunks: Sequence[Chunk]) -> None:
        if place in self._blind:  # it cannot read our files: their content travels
            chunks = [replace(chunk, inputs=self._shelf.load(chunk)) for chunk in chunks]
        self._asked[place].append(self._actors[place].answer.remote(chunks))

    def news(self) -> list[WorkerEvent]:
        self._check_patience()
        places = {asked[0]: place for place, asked in self._asked.items() if asked}
        done, _ = self._ray.wait(list(places), timeout=1.0)
        heard = [self._hear(places[one]) for one in done]
        return [news for news in heard if news is not None]

    def close(self) -> None:
        for actor in self._actors.values():
            self._ray.kill(actor)

    def _start(self, place: int) -> None:
        self._actors[place] = self._make()
        self._asked[place] = [self._actors[place].sees.remote()]

    def _hear(self, place: int) -> WorkerEvent | None:
        asked = self._asked[place].pop(0)
        try:
            said = self._ray.get(asked)
        except self._ray.exceptions.RayTaskError as error:  # a worker's own error
            raise (error.cause if isinstance(error.cause, BenchError) else error) from None
        except self._ray.exceptions.RayError as error:
            if getattr(error, "actor_init_failed", False):
                raise ExecutorError(f"a Ray worker cannot start: {_last_line(error)}") from None
            self.ready.discard(place)
            self._start(place)  # Ray places it where there is room, now or later
            return WorkerEvent(place=place, reason=_first_line(error))
        if place in self.ready:
            return WorkerEvent(place=place, outcome=said)
        self.ready.add(place)
        (self._blind.discard if said else self._blind.add)(place)
        return None

    def _check_patience(self) -> None:
        now = time.monotonic()
        if self.ready:
            self._last = now
        elif now - self._last > PATIENCE:
            raise ExecutorError(
                f"no Ray worker came up in {PATIENCE:.0f} s; see 'ray status'. What is done is "
                "kept: the same command goes on from here"
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
    """Within a cluster; one that was joined before is left as it was."""
    if ray.is_initialized():
        yield
        return
    stop = signal.getsignal(signal.SIGTERM)
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError, RuntimeError) as error:  # ConnectionError is an OSError
        raise ExecutorError(
            f"--address {address}: no Ray cluster there ({_first_line(error)}); start one with "
            "'ray start --head', or say --address local"
        ) from None
    signal.signal(signal.SIGTERM, stop)  # Ray put its own, which ends us without a word
    try:
        with redirect_stdout(_Quiet(sys.stdout)):
            yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Fail at once where nobody listens: Ray itself would try for many minutes.

    Raises:
        OSError: if there is no answer.
    """
    host, _, port = address.rpartition(":")
    if host and "/" not in host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


class _Quiet:
    """Standard output without what Ray's own threads print: a page for each node that is gone."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        ours = not current_thread().name.startswith("ray_")
        return self._out.write(text) if ours else len(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever the stream has)
        return getattr(self._out, name)


@contextmanager
def _mark(store: Path) -> Iterator[Path]:
    """A file beside the store's rows by which a worker knows that it sees our files."""
    mark = store / f".seen-{secrets.token_hex(8)}"
    mark.touch()
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)


def _last_line(error: Exception) -> str:
    return str(error).strip().rpartition("\n")[2][:200]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200]
