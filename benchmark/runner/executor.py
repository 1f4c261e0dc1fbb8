"""The protocol of executors: what the scheduler asks of the place where jobs run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from benchmark.runner.inputs import Chunk
from benchmark.runner.outcome import ChunkResult
from benchmark.runner.worker_spec import WorkerSpec

RunChunks = Callable[[Iterable[Chunk]], Generator[ChunkResult]]


class Executor(Protocol):
    """Where chunks of jobs are worked off.

    Attributes:
        name: what record.json calls it.
        devices: torch devices of this machine that it uses.
        threads: of torch that networks get in each worker; None before a run that loads torch.
    """

    name: str
    devices: tuple[str, ...]
    threads: int | None

    def start(self, spec: WorkerSpec) -> AbstractContextManager[RunChunks]:
        """Make the workers; they are gone when the block ends.

        Returns:
            Within the block, what works off the chunks of one wave: each holds jobs of one model
            and one stage. Outcomes come as they are ready, in any order; one may be of several
            chunks.

        Raises:
            ExecutorError: if workers cannot be had.
            WeightsError: if a checkpoint is damaged, of another model or not trained.
        """
        ...
