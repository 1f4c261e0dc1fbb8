"""Prefetching: decode the next chunk's images and masks while the current chunk runs."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from benchmark.runner.inputs import Chunk, Inputs
from benchmark.runner.outcome import ChunkResult


class ChunkWorker(Protocol):
    """Decode the inputs of a chunk, and run it."""

    def load(self, chunk: Chunk) -> Inputs:
        """Decode the inputs of a chunk."""
        ...

    def __call__(self, chunk: Chunk, inputs: Inputs) -> ChunkResult:
        """Run the jobs of a chunk."""
        ...


def run_with_prefetch(worker: ChunkWorker, chunks: Iterable[Chunk]) -> Generator[ChunkResult]:
    """Yield one result per chunk, in order; only one chunk is prefetched, to bound memory use."""
    previous: tuple[Chunk, Future[Inputs]] | None = None
    with ThreadPoolExecutor(1) as loader:
        for chunk in chunks:
            current = chunk, loader.submit(worker.load, chunk)
            if previous is not None:
                yield worker(previous[0], previous[1].result())
            previous = current
        if previous is not None:
            yield worker(previous[0], previous[1].result())
