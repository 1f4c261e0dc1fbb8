"""Single jobs, as `PlanJobs` makes them column by column."""

from __future__ import annotations

from dataclasses import replace

from benchmark.runner.jobs import (
    DetectJob,
    InpaintJob,
    MeasureJob,
    ResolvedModel,
    detect_key,
    measure_key,
    post_processed_key,
)
from benchmark.runner.planning import PlanJobs


def judge_job(detector: ResolvedModel, fill: InpaintJob, launder: str = "") -> DetectJob:
    judge = DetectJob(detector, fill, launder, detect_key(detector, fill.key))
    return (
        replace(judge, key=post_processed_key(judge.key, launder, judge.seed)) if launder else judge
    )


def measure_job(
    metric: str, revision: str, fill: InpaintJob, judge: DetectJob | None
) -> MeasureJob:
    key = measure_key(metric, revision, fill.key, judge.key if judge else "")
    return MeasureJob(metric, fill, judge, key)


def fills(jobs: PlanJobs, inpainter: ResolvedModel) -> list[InpaintJob]:
    """Every fill of one inpainter, sample by sample."""
    columns = [jobs.inpaint_jobs(inpainter, step) for step in jobs.resolved.retouches]
    return [one.job(place) for place in range(len(jobs.resolved.samples)) for one in columns]
