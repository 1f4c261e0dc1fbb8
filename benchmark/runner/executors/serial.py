"""One chunk after the other, in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmark.runner.executors import Work
from benchmark.runner.jobs import Job
from benchmark.runner.outcome import Outcome


class Serial:
    """Works off chunks in their order, in this process."""

    def map(self, work: Work, chunks: Iterable[Sequence[Job]]) -> Iterator[Outcome]:
        """Apply `work` to one chunk after the other."""
        return map(work, chunks)
