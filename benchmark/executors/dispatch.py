"""Dealing chunks out to workers that may die: two parcels each, and a second try for what is lost.

A parcel is as many chunks as take a worker about a second, so that every worker is busy whatever
the batch, messages are few, and a stop or a death costs little. Workers hold two, one to work on
and one to go on with; so memory does not grow with the run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from benchmark.core.errors import WorkerWarning
from benchmark.runner.inputs import Chunk
from benchmark.runner.jobs import DetectJob, InpaintJob, Job
from benchmark.runner.outcome import ChunkResult, Failure

HELD = 2  # parcels a worker has at once
SECONDS = 1.0  # what a parcel should take
MOST = 64  # chunks in a parcel


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEvent:
    """What became of a worker's oldest parcel.

    Attributes:
        place: the worker's.
        outcome: its answer, or None if the worker died.
        reason: how it died.
    """

    place: int
    outcome: ChunkResult | None = None
    reason: str = ""


class WorkerPool(Protocol):
    """Workers in numbered places; a worker that died is replaced in its place.

    Attributes:
        ready: places whose worker can be given parcels.
    """

    ready: set[int]

    def give(self, place: int, chunks: Sequence[Chunk]) -> None:
        """Give a worker a parcel; it works its parcels off in their order."""
        ...

    def news(self) -> Sequence[WorkerEvent]:
        """Wait until a worker has answered, died or become ready.

        Raises:
            BenchError: what a worker raised.
            ExecutorError: if no worker is left.
        """
        ...


@dataclass(slots=True)
class _TaskBatch:
    chunks: list[Chunk]
    again: bool = False


class _Dispatcher:
    """Who holds what, and what is still to be given out."""

    def __init__(self, crew: WorkerPool, chunks: Iterator[Chunk]) -> None:
        self._crew = crew
        self._chunks = chunks
        self._held: dict[int, deque[_TaskBatch]] = {}
        self._lost: deque[_TaskBatch] = deque()
        self._more = True
        self._size = 1

    def give_out(self) -> bool:
        """Give every worker what it can hold; whether anything is still to come back."""
        for _ in range(HELD):  # one each before a second one
            for place in sorted(self._crew.ready):
                held = self._held.setdefault(place, deque())
                parcel = self._next(held) if len(held) < HELD else None
                if parcel is not None:
                    held.append(parcel)
                    self._crew.give(place, parcel.chunks)
        return self._more or bool(self._lost) or any(self._held.values())

    def take(self, news: WorkerEvent) -> Iterator[ChunkResult]:
        """The outcomes that come of some news."""
        if news.outcome is not None:
            parcel = self._held[news.place].popleft()
            self._learn(news.outcome.seconds / len(parcel.chunks))
            yield news.outcome
            return
        lost = self._held.pop(news.place, ())
        said = f"worker {news.place + 1} died ({news.reason}); what it held is tried once more"
        yield ChunkResult(warnings=(WorkerWarning(said),))
        for parcel in lost:
            if parcel.again:
                yield _failed(parcel.chunks[0].jobs, news.reason)
            else:
                self._lost.extend(_TaskBatch([chunk], again=True) for chunk in parcel.chunks)

    def _next(self, held: deque[_TaskBatch]) -> _TaskBatch | None:
        """A lost chunk goes alone to a worker without another: so only what kills is given up."""
        if self._lost:
            return None if held else self._lost.popleft()
        if held and held[0].again:
            return None
        chunks = list(islice(self._chunks, self._size))
        self._more = bool(chunks)
        return _TaskBatch(chunks) if chunks else None

    def _learn(self, seconds: float) -> None:
        wanted = int(SECONDS / seconds) if seconds > 0 else MOST
        self._size = max(1, min(wanted, 2 * self._size, MOST))


def dispatch(crew: WorkerPool, chunks: Iterable[Chunk]) -> Generator[ChunkResult]:
    """Have chunks worked off; outcomes come as they are ready, each of one parcel."""
    desk = _Dispatcher(crew, iter(chunks))
    while desk.give_out():
        for news in crew.news():
            yield from desk.take(news)


def _failed(jobs: Sequence[Job], reason: str) -> ChunkResult:
    return ChunkResult(failures=[_failure(job, reason) for job in jobs], jobs=len(jobs))


def _failure(job: Job, reason: str) -> Failure:
    fill = job if isinstance(job, InpaintJob) else job.inpaint_job
    judge = job if isinstance(job, DetectJob) else None
    return Failure(
        kind="failed",
        dataset=fill.sample.dataset,
        sample=fill.sample.id,
        bucket=fill.sample.bucket,
        retouch=fill.retouch,
        launder=judge.launder if judge else "",
        model=judge.detector.name if judge else fill.inpainter.name,
        reason=f"its worker died twice ({reason})",
    )
