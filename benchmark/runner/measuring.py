"""Measuring: metrics of inpainted images and detections, one sample at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np

from benchmark.core.errors import BadOutput, DataError, FileChanged
from benchmark.core.types import Case, Verdict
from benchmark.metrics import METRICS, Metric
from benchmark.runner.failures import failure_of
from benchmark.runner.inputs import Inputs
from benchmark.runner.jobs import DetectJob, MeasureJob
from benchmark.runner.outcome import Failure
from benchmark.runner.per_sample import call_per_sample
from benchmark.store.encoding import StoredOutput, metric_output


class Measurer:
    """Run measurements, with metrics loaded once.

    Args:
        logs: folder for tracebacks of metrics, or None.

    Attributes:
        metrics: the loaded metrics by name.
    """

    def __init__(self, logs: Path | None = None) -> None:
        self.metrics: dict[str, Metric] = {}
        self._logs = logs

    def run(self, jobs: Sequence[MeasureJob], inputs: Inputs) -> Iterator[StoredOutput | Failure]:
        """Yield the values of each job, or the failure; consecutive jobs share their arrays."""
        for _, group in groupby(jobs, key=_case_key):
            same_case = list(group)
            try:
                case = _case(same_case[0], inputs)
            except (DataError, BadOutput) as error:  # such as an image that changed since
                unusable = isinstance(error, DataError) and not isinstance(error, FileChanged)
                if same_case[0].inpaint_job.sample.forgery and unusable:
                    yield failure_of("skipped", same_case[0].inpaint_job, "", error)
                    continue
                yield from (_failure(job, error) for job in same_case)
                continue
            for job in same_case:
                if job.metric not in self.metrics:
                    self.metrics[job.metric] = METRICS.load(job.metric)()
                yield self._measure(job, case)

    def _measure(self, job: MeasureJob, case: Case) -> StoredOutput | Failure:
        metric = self.metrics[job.metric]
        (row,) = call_per_sample(
            lambda cases: [metric.measure(_copied(one))[0] for one in cases],
            [case],
            model=job.metric,
            logs=self._logs,
        )
        return _failure(job, row) if isinstance(row, BadOutput) else metric_output(job.key, row)


def _case(job: MeasureJob, inputs: Inputs) -> Case:
    """Return the arrays of a measurement, each with a leading dimension of 1."""
    sample = inputs.sample(job.inpaint_job.sample)
    image, mask = sample.image, sample.mask
    forged = job.inpaint_job.sample.forgery is not None  # then the image is the sample's own
    filled = image if forged else inputs.images[job.inpaint_job.key]
    step = job.detect_job.step if job.detect_job else None
    if step:  # all at the heatmap's size; image quality is measured without post-processing
        image, filled, mask = step.resized(image), step.resized(filled), step.truth(mask)
        if step.crops and sample.mask.any() and not mask.any():  # the same samples for all
            region = "forged region" if forged else "hole"
            raise BadOutput(f"{step.name} leaves nothing of the {region}")
    return Case(
        image=image[None],
        mask=mask[None],
        truth=(mask & job.inpaint_job.changes_image)[None],
        filled=filled[None],
        verdict=_verdict(job.detect_job, inputs) if job.detect_job else None,
    )


def _verdict(job: DetectJob, inputs: Inputs) -> Verdict:
    return Verdict(
        logits=inputs.heatmaps[job.key][None],
        score=np.asarray([inputs.scores[job.key]], dtype=np.float32),
        threshold=job.detector.card.threshold,
    )


def _copied(case: Case) -> Case:
    """Return a copy that a metric may modify: the sample is cached for others."""
    verdict = case.verdict
    placeholder = case.image.strides[1:] == (0, 0, 0)  # of a forgery, whose image is not needed
    return Case(
        image=case.image if placeholder else case.image.copy(),
        mask=case.mask.copy(),
        truth=case.truth.copy(),
        filled=case.filled if placeholder else case.filled.copy(),
        verdict=verdict and replace(verdict, logits=verdict.logits.copy()),
    )


def _case_key(job: MeasureJob) -> tuple[str, str]:
    return job.inpaint_job.key, job.detect_job.key if job.detect_job else ""


def _failure(job: MeasureJob, error: Exception) -> Failure:
    return failure_of(
        "failed",
        job.inpaint_job,
        job.metric,
        error,
        treatment=job.inpaint_job.treatment,
        launder=job.detect_job.launder if job.detect_job else "",
    )
