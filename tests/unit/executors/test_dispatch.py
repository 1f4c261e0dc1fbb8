"""Dealing chunks out: who gets what, how much is out at once, what is tried again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from benchmark.executors.dispatch import HELD, MOST, WorkerEvent, dispatch
from benchmark.runner.inputs import Chunk
from benchmark.runner.outcome import ChunkResult
from benchmark.store.store import StoredOutput
from tests.unit.executors.kits import chunks


class WorkerPool:
    """Workers in this process that take so long, and die of a sample called "deadly"."""

    def __init__(self, workers: int, seconds: float = 0.0) -> None:
        self.ready: set[int] = set()
        self.given: list[list[str]] = []
        self._waking = deque(range(workers))
        self._seconds = seconds
        self._held: dict[int, deque[Sequence[Chunk]]] = {}

    @property
    def out(self) -> int:
        return sum(len(chunk.jobs) for held in self._held.values() for one in held for chunk in one)

    def give(self, place: int, parcel: Sequence[Chunk]) -> None:
        held = self._held.setdefault(place, deque())
        held.append(parcel)
        assert len(held) <= HELD
        self.given.append([job.sample.id for chunk in parcel for job in chunk.jobs])

    def news(self) -> list[WorkerEvent]:
        if self._waking:
            self.ready.add(self._waking.popleft())
            return []
        place = max(self._held, key=lambda one: len(self._held[one]))
        jobs = [job for chunk in self._held[place].popleft() for job in chunk.jobs]
        if any(job.sample.id.startswith("deadly") for job in jobs):
            self.ready.discard(place)
            self._held[place].clear()
            self._waking.append(place)
            return [WorkerEvent(place=place, reason="killed by signal 9")]
        answers = [StoredOutput(key=job.key) for job in jobs]
        seconds = self._seconds * len(jobs)
        return [
            WorkerEvent(
                place=place, outcome=ChunkResult(answers=answers, jobs=len(jobs), seconds=seconds)
            )
        ]


def keys(outcomes: Sequence[ChunkResult]) -> list[str]:
    return sorted(answer.key for outcome in outcomes for answer in outcome.answers)


def test_every_chunk_is_answered_once_whoever_is_there() -> None:
    names = [f"{number:03}" for number in range(100)]
    for workers in (1, 3):
        crew = WorkerPool(workers)
        assert keys(list(dispatch(crew, chunks(*names)))) == names
        assert keys(list(dispatch(crew, chunks(*names)))) == names  # the next wave, same workers
    assert list(dispatch(WorkerPool(2), chunks())) == []


def test_slow_models_get_a_chunk_at_a_time_and_quick_ones_many() -> None:
    names = [f"{number:03}" for number in range(400)]
    slow, quick = WorkerPool(2, seconds=5.0), WorkerPool(2)
    list(dispatch(slow, chunks(*names)))
    list(dispatch(quick, chunks(*names)))
    assert {len(given) for given in slow.given} == {1}
    assert max(len(given) for given in quick.given) == MOST
    assert [len(given) for given in quick.given[:3]] == [1, 1, 1]  # until one has been timed


def test_what_is_out_at_once_does_not_grow_with_the_run() -> None:
    crew = WorkerPool(2)
    most = 0

    def watched() -> Iterator[Chunk]:
        nonlocal most
        for chunk in chunks(*(f"{number:05}" for number in range(5000))):
            most = max(most, crew.out)
            yield chunk

    for outcome in dispatch(crew, watched()):
        assert outcome.jobs <= MOST
    assert most <= 2 * HELD * MOST


def test_what_a_worker_held_when_it_died_is_tried_again_and_only_what_kills_fails() -> None:
    names = [f"{number:03}" for number in range(60)]
    names[30] = "deadly"
    outcomes = list(dispatch(WorkerPool(2), chunks(*names)))
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    assert [(one.kind, one.sample, one.model) for one in failures] == [("failed", "deadly", "fake")]
    assert failures[0].reason == "its worker died twice (killed by signal 9)"
    assert keys(outcomes) == sorted(set(names) - {"deadly"})
    assert sum(outcome.jobs for outcome in outcomes) == 60
