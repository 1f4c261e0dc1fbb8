"""The protocol of executors: where chunks of jobs run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from benchmark.runner.inputs import Chunk
from benchmark.runner.outcome import ChunkResult
from benchmark.runner.worker_spec import WorkerSpec

RunChunks = Callable[[Iterable[Chunk]], Generator[ChunkResult]]


class Executor(Protocol):
    """Run chunks of jobs on one or several workers.

    Attributes:
        name: its name in record.json.
        devices: torch devices of this machine that it uses.
        threads: torch threads of each worker; None before a run loads torch.
    """

    name: str
    devices: tuple[str, ...]
    threads: int | None

    def start(self, spec: WorkerSpec) -> AbstractContextManager[RunChunks]:
        """Start the workers, and stop them at the end of the block.

        Returns:
            A context manager that gives a function. The function runs the chunks of one wave, each
            with jobs of one model and one stage, and yields results as they are ready, in any
            order; a result may cover several chunks.

        Raises:
            ExecutorError: if no worker can be started.
            WeightsError: if a checkpoint is damaged, of another model or not trained.
        """
        ...
