"""A worker in another process or on another machine, which keeps its model loaded."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import replace

from benchmark.core.errors import BenchWarning
from benchmark.core.threads import threads_for_networks
from benchmark.runner.inputs import Chunk
from benchmark.runner.outcome import ChunkResult, merge_results
from benchmark.runner.prefetch import run_with_prefetch
from benchmark.runner.worker_spec import WorkerSpec


class RemoteWorker:
    """Run batches of chunks.

    Args:
        spec: what the worker is built from.
        device: a torch device of its machine.
        threads: torch threads of networks: this worker's share of the machine's cores.
    """

    def __init__(self, spec: WorkerSpec, device: str, *, threads: int) -> None:
        self._worker = spec.worker(device)
        self._threads = threads

    def run(self, chunks: Sequence[Chunk]) -> ChunkResult:
        """Return the merged result of some chunks, with their warnings and the time they took."""
        start = time.perf_counter()
        with (
            threads_for_networks(self._threads),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.simplefilter("always", BenchWarning)
            result = merge_results(run_with_prefetch(self._worker, chunks))
        messages = tuple(one.message for one in caught if isinstance(one.message, BenchWarning))
        return replace(result, warnings=messages, seconds=time.perf_counter() - start)
