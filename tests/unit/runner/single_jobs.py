"""Single jobs, equal to those of `PlanJobs`."""

from __future__ import annotations

from dataclasses import replace

from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import Weights
from benchmark.runner.jobs import (
    DetectJob,
    InpaintJob,
    MeasureJob,
    ResolvedModel,
    SampleRef,
    make_inpaint_job,
)
from benchmark.runner.keys import detect_key, measure_key, post_processed_key
from benchmark.runner.planning import PlanJobs

CARD = Card(name="model", title="a model", sizes="any", revision=3)
SAMPLE = SampleRef("folder", "a", "10-20", "generated", "5a")


def resolved(card: Card = CARD, *, sha256: str = "11", **changes: object) -> ResolvedModel:
    weights = Weights(edition="mini", sha256=sha256)
    return replace(ResolvedModel(name=card.name, card=card, weights=weights), **changes)


def inpaint_job(model: ResolvedModel, sample: SampleRef = SAMPLE, **changes: object) -> InpaintJob:
    return make_inpaint_job(model, sample, **{"seed": 0, "rounding": "even", **changes})


def detect_job(detector: ResolvedModel, inpaint: InpaintJob, launder: str = "") -> DetectJob:
    job = DetectJob(detector, inpaint, launder, detect_key(detector, inpaint.key))
    if job.step is None:
        return job
    random = job.seed if job.step.is_random else None
    return replace(job, key=post_processed_key(job.key, job.step.key, random))


def measure_job(
    metric: str, revision: str, inpaint: InpaintJob, detect: DetectJob | None
) -> MeasureJob:
    key = measure_key(metric, revision, inpaint.key, detect.key if detect else "")
    return MeasureJob(metric, inpaint, detect, key)


def inpaint_jobs(jobs: PlanJobs, inpainter: ResolvedModel) -> list[InpaintJob]:
    """Return all jobs of one inpainter, sample by sample."""
    columns = [jobs.inpaint_jobs(inpainter, one) for one in jobs.resolved.treatments_of(inpainter)]
    return [one.job(place) for place in range(len(jobs.resolved.samples)) for one in columns]
