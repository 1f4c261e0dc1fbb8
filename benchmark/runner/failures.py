"""Failures of jobs, from the error that a model, a metric or a file raised."""

from __future__ import annotations

from typing import Literal

from benchmark.core.errors import KnownRegionChanged
from benchmark.runner.jobs import InpaintJob
from benchmark.runner.outcome import Failure


def failure_of(
    kind: Literal["skipped", "failed"],
    job: InpaintJob,
    model: str,
    error: Exception,
    *,
    treatment: str = "",
    launder: str = "",
) -> Failure:
    """Return the failure of a job on a sample.

    Args:
        kind: "skipped" if the sample cannot be used, "failed" if the model failed.
        job: the inpaint job of the sample.
        model: the model that failed, or "" for a skipped sample.
        error: the reason.
        treatment: the composite and the retouching after inpainting, or "".
        launder: the post-processing before detection, or "".
    """
    return Failure(
        kind=kind,
        dataset=job.sample.dataset,
        sample=job.sample.id,
        bucket=job.sample.bucket,
        retouch=treatment,
        launder=launder,
        model=model,
        reason=str(error),
        drift=error.drift if isinstance(error, KnownRegionChanged) else (),
    )
