"""Executors: where chunks of jobs are worked off. Each is a file; a plan never names one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from benchmark.runner.jobs import Job
from benchmark.runner.outcome import Outcome

Work = Callable[[Sequence[Job]], Outcome]


class Executor(Protocol):
    """Works off chunks of jobs and hands their outcomes back, in any order, as they come."""

    def map(self, work: Work, chunks: Iterable[Sequence[Job]]) -> Iterator[Outcome]:
        """Apply `work` to every chunk; each chunk holds jobs of one model and one stage."""
        ...
