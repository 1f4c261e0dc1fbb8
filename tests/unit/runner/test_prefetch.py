"""Prefetching: exactly one chunk is decoded while the model runs."""

from __future__ import annotations

import threading

import pytest

from benchmark.core.errors import DamagedOutput
from benchmark.runner.inputs import Chunk, Inputs
from benchmark.runner.outcome import ChunkResult
from benchmark.runner.prefetch import run_with_prefetch
from tests.unit.executors.specs import chunks


class Slow:
    """A worker that, on each chunk but the last, waits until the next one has been decoded."""

    def __init__(self, count: int) -> None:
        self.decoded = [threading.Event() for _ in range(count)]
        self.ahead: list[int] = []
        self.done = 0

    def load(self, chunk: Chunk) -> Inputs:
        name = chunk.jobs[0].sample.id
        if name == "damaged":
            raise DamagedOutput("a file", name)
        self.ahead.append(int(name) - self.done)
        self.decoded[int(name)].set()
        return Inputs(scores={name: 1.0})

    def __call__(self, chunk: Chunk, inputs: Inputs) -> ChunkResult:
        name = chunk.jobs[0].sample.id
        assert inputs.scores == {name: 1.0}
        if int(name) + 1 < len(self.decoded):
            assert self.decoded[int(name) + 1].wait(timeout=60)
        self.done += 1
        return ChunkResult(jobs=1)


def test_one_chunk_is_prefetched() -> None:
    worker = Slow(5)
    assert sum(one.jobs for one in run_with_prefetch(worker, chunks("0", "1", "2", "3", "4"))) == 5
    assert max(worker.ahead) == 1


def test_an_error_in_decoding_is_raised_at_its_chunk() -> None:
    worker = Slow(1)
    results = run_with_prefetch(worker, chunks("0", "damaged"))
    assert next(results).jobs == 1
    with pytest.raises(DamagedOutput, match="a file: missing or damaged"):
        next(results)
