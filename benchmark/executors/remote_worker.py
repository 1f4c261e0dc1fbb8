"""What sits in another process or on another machine: a worker that keeps its model loaded."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import replace

from benchmark.core.errors import BenchWarning
from benchmark.core.threads import threads_for_networks
from benchmark.runner.inputs import Chunk
from benchmark.runner.outcome import ChunkResult, merged
from benchmark.runner.prefetch import run_with_prefetch
from benchmark.runner.worker_spec import WorkerSpec


class RemoteWorker:
    """Answers parcels of chunks.

    Args:
        kit: what its worker is made of.
        device: a torch device of its machine.
        threads: that networks get: this worker's share of the machine's cores.
    """

    def __init__(self, spec: WorkerSpec, device: str, *, threads: int) -> None:
        self._worker = spec.worker(device)
        self._threads = threads

    def answer(self, chunks: Sequence[Chunk]) -> ChunkResult:
        """All outcomes of a parcel as one, with what there is to warn of and the time it took."""
        start = time.perf_counter()
        with (
            threads_for_networks(self._threads),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.simplefilter("always", BenchWarning)
            outcome = merged(run_with_prefetch(self._worker, chunks))
        said = tuple(one.message for one in caught if isinstance(one.message, BenchWarning))
        return replace(outcome, warnings=said, seconds=time.perf_counter() - start)
