"""Dispatch chunks to workers that may die, and retry what a dead worker held.

Chunks are sent in batches that take a worker about a second: every worker is busy whatever the
batch size of the models, messages are few, and a stop or a death loses little. Each worker holds
two batches, one that it runs and the next, so memory use does not grow with the run.
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

BATCHES_PER_WORKER = 2
SECONDS = 1.0  # target duration of a batch
MAX_CHUNKS = 64  # in a batch


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEvent:
    """The end of a worker's oldest batch: its result, or the worker's death.

    Attributes:
        slot: the worker's slot.
        result: the batch's result, or None if the worker died.
        reason: the reason of its death.
    """

    slot: int
    result: ChunkResult | None = None
    reason: str = ""


class WorkerPool(Protocol):
    """Workers in numbered slots; a worker that dies is replaced in its slot.

    Attributes:
        ready: slots whose worker accepts batches.
    """

    ready: set[int]

    def submit(self, slot: int, chunks: Sequence[Chunk]) -> None:
        """Send a batch to a worker, which runs its batches in order."""
        ...

    def wait(self) -> Sequence[WorkerEvent]:
        """Wait until a worker has finished a batch, died or become ready.

        Raises:
            BenchError: what a worker raised.
            ExecutorError: if no worker is left.
        """
        ...


@dataclass(slots=True)
class _TaskBatch:
    """Chunks that are sent to a worker together.

    Attributes:
        chunks: the chunks.
        retry: whether the batch is the second attempt of a chunk whose worker died.
    """

    chunks: list[Chunk]
    retry: bool = False


class _Dispatcher:
    """Keep account of the batches that workers hold, and of the chunks to send."""

    def __init__(self, pool: WorkerPool, chunks: Iterator[Chunk]) -> None:
        self._pool = pool
        self._chunks = chunks
        self._held: dict[int, deque[_TaskBatch]] = {}
        self._lost: deque[_TaskBatch] = deque()
        self._more = True
        self._size = 1

    def submit_all(self) -> bool:
        """Send each worker as much as it can hold; return whether results are outstanding."""
        for _ in range(BATCHES_PER_WORKER):  # one for each worker before a second one
            for slot in sorted(self._pool.ready):
                held = self._held.setdefault(slot, deque())
                batch = self._next(held) if len(held) < BATCHES_PER_WORKER else None
                if batch is not None:
                    held.append(batch)
                    self._pool.submit(slot, batch.chunks)
        return self._more or bool(self._lost) or any(self._held.values())

    def handle(self, event: WorkerEvent) -> Iterator[ChunkResult]:
        """Yield the results of an event; after a worker's death, queue its batches for a retry."""
        if event.result is not None:
            batch = self._held[event.slot].popleft()
            self._adjust_size(event.result.seconds / len(batch.chunks))
            yield event.result
            return
        lost = self._held.pop(event.slot, ())
        message = f"worker {event.slot + 1} died ({event.reason}); its chunks are retried once"
        yield ChunkResult(warnings=(WorkerWarning(message),))
        for batch in lost:
            if batch.retry:
                yield _failed(batch.chunks[0].jobs, event.reason)
            else:
                self._lost.extend(_TaskBatch([chunk], retry=True) for chunk in batch.chunks)

    def _next(self, held: deque[_TaskBatch]) -> _TaskBatch | None:
        """Return a worker's next batch.

        Retry a lost chunk alone, on a worker without another batch, so that only the chunk that
        crashes workers is marked as failed.
        """
        if self._lost:
            return None if held else self._lost.popleft()
        if held and held[0].retry:
            return None
        chunks = list(islice(self._chunks, self._size))
        self._more = bool(chunks)
        return _TaskBatch(chunks) if chunks else None

    def _adjust_size(self, seconds: float) -> None:
        """Set the batch size from the time of one chunk; at most double it."""
        target = int(SECONDS / seconds) if seconds > 0 else MAX_CHUNKS
        self._size = max(1, min(target, 2 * self._size, MAX_CHUNKS))


def dispatch(pool: WorkerPool, chunks: Iterable[Chunk]) -> Generator[ChunkResult]:
    """Run chunks on a pool of workers; yield results as they are ready, one per batch."""
    dispatcher = _Dispatcher(pool, iter(chunks))
    while dispatcher.submit_all():
        for event in pool.wait():
            yield from dispatcher.handle(event)


def _failed(jobs: Sequence[Job], reason: str) -> ChunkResult:
    return ChunkResult(failures=[_failure(job, reason) for job in jobs], jobs=len(jobs))


def _failure(job: Job, reason: str) -> Failure:
    inpaint = job if isinstance(job, InpaintJob) else job.inpaint_job
    detect = job if isinstance(job, DetectJob) else None
    return Failure(
        kind="failed",
        dataset=inpaint.sample.dataset,
        sample=inpaint.sample.id,
        bucket=inpaint.sample.bucket,
        retouch=inpaint.treatment,
        launder=detect.launder if detect else "",
        model=detect.detector.name if detect else inpaint.inpainter.name,
        reason=f"its worker died twice ({reason})",
    )
