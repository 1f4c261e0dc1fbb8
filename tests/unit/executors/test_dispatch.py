"""Dispatch: batch sizes, number of chunks in flight, retries."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from benchmark.executors.dispatch import BATCHES_PER_WORKER, MAX_CHUNKS, WorkerEvent, dispatch
from benchmark.runner.inputs import Chunk
from benchmark.runner.outcome import ChunkResult
from benchmark.store.encoding import StoredOutput
from tests.unit.executors.specs import chunks


class WorkerPool:
    """Simulated workers that take `seconds` per job, and die of a sample named "deadly"."""

    def __init__(self, workers: int, seconds: float = 0.0) -> None:
        self.ready: set[int] = set()
        self.given: list[list[str]] = []
        self._waking = deque(range(workers))
        self._seconds = seconds
        self._held: dict[int, deque[Sequence[Chunk]]] = {}

    @property
    def out(self) -> int:
        return sum(len(chunk.jobs) for held in self._held.values() for one in held for chunk in one)

    def submit(self, slot: int, batch: Sequence[Chunk]) -> None:
        held = self._held.setdefault(slot, deque())
        held.append(batch)
        assert len(held) <= BATCHES_PER_WORKER
        self.given.append([job.sample.id for chunk in batch for job in chunk.jobs])

    def wait(self) -> list[WorkerEvent]:
        if self._waking:
            self.ready.add(self._waking.popleft())
            return []
        slot = max(self._held, key=lambda one: len(self._held[one]))
        jobs = [job for chunk in self._held[slot].popleft() for job in chunk.jobs]
        if any(job.sample.id.startswith("deadly") for job in jobs):
            self.ready.discard(slot)
            self._held[slot].clear()
            self._waking.append(slot)
            return [WorkerEvent(slot=slot, reason="killed by signal 9")]
        outputs = [StoredOutput(key=job.key) for job in jobs]
        seconds = self._seconds * len(jobs)
        result = ChunkResult(outputs=outputs, jobs=len(jobs), seconds=seconds)
        return [WorkerEvent(slot=slot, result=result)]


def keys(results: Sequence[ChunkResult]) -> list[str]:
    return sorted(output.key for result in results for output in result.outputs)


def test_every_chunk_runs_once_for_any_number_of_workers() -> None:
    names = [f"{number:03}" for number in range(100)]
    for workers in (1, 3):
        pool = WorkerPool(workers)
        assert keys(list(dispatch(pool, chunks(*names)))) == names
        assert keys(list(dispatch(pool, chunks(*names)))) == names  # the next wave
    assert list(dispatch(WorkerPool(2), chunks())) == []


def test_slow_models_get_a_chunk_at_a_time_and_quick_ones_many() -> None:
    names = [f"{number:03}" for number in range(400)]
    slow, quick = WorkerPool(2, seconds=5.0), WorkerPool(2)
    list(dispatch(slow, chunks(*names)))
    list(dispatch(quick, chunks(*names)))
    assert {len(given) for given in slow.given} == {1}
    assert max(len(given) for given in quick.given) == MAX_CHUNKS
    assert [len(given) for given in quick.given[:3]] == [
        1,
        1,
        1,
    ]  # until a chunk is timed


def test_the_number_of_chunks_in_flight_is_bounded() -> None:
    pool = WorkerPool(2)
    most = 0

    def watched() -> Iterator[Chunk]:
        nonlocal most
        for chunk in chunks(*(f"{number:05}" for number in range(5000))):
            most = max(most, pool.out)
            yield chunk

    for result in dispatch(pool, watched()):
        assert result.jobs <= MAX_CHUNKS
    assert most <= 2 * BATCHES_PER_WORKER * MAX_CHUNKS


def test_chunks_of_a_dead_worker_are_retried_and_only_the_one_that_kills_fails() -> None:
    names = [f"{number:03}" for number in range(60)]
    names[30] = "deadly"
    results = list(dispatch(WorkerPool(2), chunks(*names)))
    failures = [failure for result in results for failure in result.failures]
    assert [(one.kind, one.sample, one.model) for one in failures] == [("failed", "deadly", "fake")]
    assert failures[0].reason == "its worker died twice (killed by signal 9)"
    assert keys(results) == sorted(set(names) - {"deadly"})
    assert sum(result.jobs for result in results) == 60
