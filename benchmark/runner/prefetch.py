"""Working off chunks while the next one's images are decoded and its masks drawn beside it."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from benchmark.runner.inputs import Chunk, Inputs
from benchmark.runner.outcome import ChunkResult


class ChunkWorker(Protocol):
    """Decodes what a chunk needs, and answers it."""

    def load(self, chunk: Chunk) -> Inputs:
        """Decode what a chunk needs."""
        ...

    def __call__(self, chunk: Chunk, inputs: Inputs) -> ChunkResult:
        """Answer a chunk."""
        ...


def run_with_prefetch(worker: ChunkWorker, chunks: Iterable[Chunk]) -> Generator[ChunkResult]:
    """One outcome a chunk, in order; one chunk is decoded ahead, so that memory does not grow."""
    held: tuple[Chunk, Future[Inputs]] | None = None
    with ThreadPoolExecutor(1) as beside:
        for chunk in chunks:
            coming = chunk, beside.submit(worker.load, chunk)
            if held is not None:
                yield worker(held[0], held[1].result())
            held = coming
        if held is not None:
            yield worker(held[0], held[1].result())
