"""Results of chunks of jobs: outputs and failures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from benchmark.core.errors import BenchWarning
from benchmark.store.encoding import StoredOutput


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Failure:
    """A job without an output.

    Attributes:
        kind: "skipped" if the image or mask cannot be used (the sample is left out of all tables),
            "failed" if a model raised an error or its output is not valid (the cell becomes a gap).
        dataset: the data set's name.
        sample: the image's name.
        bucket: the mask-ratio bin of its hole.
        retouch: the treatment of the output: its composite, if that is not `splice`, and the change
            to the hole, such as "composite:none+grain:1.5", or "".
        launder: the post-processing before detection, or "".
        model: the model that failed, or "" for a skipped sample.
        reason: the reason, in one line.
        drift: change of the known pixels of a finished image, if that is the reason: largest and
            mean difference in gray levels.
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
    """The result of a chunk of jobs.

    Attributes:
        outputs: outputs to store.
        inputs: images and masks of samples to store as well; not outputs of jobs.
        failures: jobs without an output.
        jobs: number of jobs of the chunk.
        model_seconds: time inside models; the rest of the run is overhead.
        seconds: time of a worker in another process, decoding included.
        warnings: warnings to show to the user.
    """

    outputs: list[StoredOutput] = field(default_factory=list)
    inputs: list[StoredOutput] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    jobs: int = 0
    model_seconds: float = 0.0
    seconds: float = 0.0
    warnings: tuple[BenchWarning, ...] = ()


def merge_results(results: Iterable[ChunkResult]) -> ChunkResult:
    """Merge several results into one."""
    found = list(results)
    return ChunkResult(
        outputs=[output for one in found for output in one.outputs],
        inputs=[output for one in found for output in one.inputs],
        failures=[failure for one in found for failure in one.failures],
        jobs=sum(one.jobs for one in found),
        model_seconds=sum(one.model_seconds for one in found),
        warnings=tuple(warning for one in found for warning in one.warnings),
    )
