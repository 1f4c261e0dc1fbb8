"""What comes back from a chunk of jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from benchmark.runner.store import Answer


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Failure:
    """One job that gave no answer.

    Attributes:
        kind: "skipped" where the picture or mask cannot be used (no model is to blame, the sample
            leaves the tables), "failed" where a model answered nonsense (the cell becomes a gap).
        dataset: the data set's name.
        sample: the picture's name.
        bucket: its hole's bucket.
        launder: what was done to the painted picture before the model saw it, or "".
        model: the model that failed, or "" for a skipped sample.
        reason: what was wrong, in a line.
        drift: how far the known pixels of a finished picture moved, where that is what was wrong:
            largest and mean difference in grey levels.
    """

    kind: Literal["skipped", "failed"]
    dataset: str
    sample: str
    bucket: str
    launder: str = ""
    model: str
    reason: str
    drift: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a chunk of jobs came to.

    Attributes:
        answers: to be kept.
        failures: jobs without an answer.
        jobs: how many jobs the chunk had.
        model_seconds: time inside models alone; the rest of the run is overhead.
    """

    answers: list[Answer]
    failures: list[Failure] = field(default_factory=list)
    jobs: int
    model_seconds: float = 0.0
