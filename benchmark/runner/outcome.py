"""What comes back from a chunk of jobs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from benchmark.core.errors import BenchWarning
from benchmark.store.store import StoredOutput


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Failure:
    """One job that gave no answer.

    Attributes:
        kind: "skipped" where the image or mask cannot be used (no model is to blame, the sample
            leaves the tables), "failed" where a model answered nonsense (the cell becomes a gap).
        dataset: the data set's name.
        sample: the image's name.
        bucket: its hole's bucket.
        retouch: what was to be done to the hole, or was done before the model saw it, or "".
        launder: what was done to the inpainted image before the model saw it, or "".
        model: the model that failed, or "" for a skipped sample.
        reason: what was wrong, in a line.
        drift: how far the known pixels of a finished image moved, where that is what was wrong:
            largest and mean difference in grey levels.
    """

    kind: Literal["skipped", "failed"]
    dataset: str
    sample: str
    bucket: str
    retouch: str = ""
    launder: str = ""
    model: str
    reason: str
    drift: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkResult:
    """What a chunk of jobs came to.

    Attributes:
        answers: to be kept.
        inputs: images and masks of samples, to be kept as well; no jobs of their own.
        failures: jobs without an answer.
        jobs: how many jobs the chunk had.
        model_seconds: time inside models alone; the rest of the run is overhead.
        seconds: time that a worker elsewhere took, decoding included.
        warnings: what it has to say to the user.
    """

    answers: list[StoredOutput] = field(default_factory=list)
    inputs: list[StoredOutput] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    jobs: int = 0
    model_seconds: float = 0.0
    seconds: float = 0.0
    warnings: tuple[BenchWarning, ...] = ()


def merged(outcomes: Iterable[ChunkResult]) -> ChunkResult:
    """Several outcomes as one."""
    found = list(outcomes)
    return ChunkResult(
        answers=[answer for one in found for answer in one.answers],
        inputs=[answer for one in found for answer in one.inputs],
        failures=[failure for one in found for failure in one.failures],
        jobs=sum(one.jobs for one in found),
        model_seconds=sum(one.model_seconds for one in found),
        warnings=tuple(warning for one in found for warning in one.warnings),
    )
