"""Waves of a run: the jobs of one stage with one model, in the order in which they run.

A wave holds columns of keys, not jobs; jobs are made for a block of samples at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any

from benchmark.runner.conditions import detector_conditions
from benchmark.runner.forgeries import AS_PUBLISHED
from benchmark.runner.jobs import Job, ResolvedModel, SampleRef
from benchmark.runner.planning import JobColumn, PlanJobs
from benchmark.runner.stages import Stage
from benchmark.store.store import Store

BLOCK = 256  # samples whose jobs are in memory at once
_NO_TREATMENT = ""  # the null is measured without any


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """The jobs of one stage with one model.

    Attributes:
        stage: the stage.
        model: name of the model, for the progress.
        columns: the jobs, each column one job per sample.
        order: indexes of the plan's samples, in the order in which they run.
        chunk: samples that the model processes best together.
        block: samples whose jobs are in memory at once.
    """

    stage: Stage
    model: str
    columns: Sequence[JobColumn[Any]]
    order: Sequence[int]
    chunk: int = 1
    block: int = BLOCK

    @property
    def total(self) -> int:
        """Number of jobs."""
        return len(self.columns) * len(self.order)

    def blocks(self) -> Iterator[Sequence[int]]:
        """Yield the samples' indexes, a block at a time."""
        for start in range(0, len(self.order), self.block):
            yield self.order[start : start + self.block]

    def keys(self, block: Sequence[int]) -> list[str]:
        """Return the keys of all jobs on some samples, in no particular order."""
        return [key for column in self.columns for key in column.keys.at(block)]

    def missing_jobs(self, block: Sequence[int], known: Set[str]) -> list[Job]:
        """Return the jobs on some samples, sample by sample, whose key is not in `known`.

        Measurements with equal keys are made once, such as those of one model under two labels.
        Inpainters and detectors run for each sample nevertheless, since each failure is reported.
        """
        done = set(known)
        found: list[Job] = []
        for index in block:
            for column in self.columns:
                key = column.keys[index]
                if key not in done:
                    found.append(column.job(index))
                    if self.stage == "measure":
                        done.add(key)
        return found

    def count_missing(self, store: Store) -> int:
        """Return the number of jobs whose output a store lacks."""
        count = 0
        for block in self.blocks():
            keys: Collection[str] = self.keys(block)
            if self.stage == "measure":
                keys = set(keys)
            known = store.known(list(keys))
            count += sum(key not in known for key in keys)
        return count


def waves_of(jobs: PlanJobs) -> Iterator[Wave]:
    """Yield the waves of a plan: each inpainter, each detector per condition, all metrics."""
    resolved = jobs.resolved
    if resolved.plan.forgeries is not None:
        yield from _forgery_waves(jobs)
        return
    order = range(len(resolved.samples))
    by_image = _by_image(resolved.samples)
    inpainters = [(one, resolved.treatments_of(one)) for one in resolved.inpainters]
    if resolved.extra_null_inpainter is not None:
        inpainters.append((resolved.extra_null_inpainter, (_NO_TREATMENT,)))
    for inpainter, treatments in inpainters:
        yield Wave(
            stage="fill",
            model=inpainter.name,
            columns=[jobs.inpaint_jobs(inpainter, step) for step in treatments],
            order=order,
            chunk=inpainter.card.chunk,
        )
    for detector in resolved.detectors:
        for condition in detector_conditions(resolved, detector):
            changed, launder = condition.changes_images, condition.launder
            after = f" after {launder}" if launder else ""
            column = jobs.detect_jobs(detector, condition.inpainter, condition.treatment, launder)
            yield Wave(
                stage="judge",
                model=f"{detector.name} on {condition.inpainter_label}{after}",
                columns=[column],
                order=order if changed else by_image,
                chunk=max(detector.card.chunk, 1 if changed else len(resolved.plan.buckets)),
            )
    yield _measure_wave(jobs, inpainters, by_image)


def _forgery_waves(jobs: PlanJobs) -> Iterator[Wave]:
    """Yield the waves of forgeries: each detector, then metrics of images with and without truth.

    Nothing is inpainted: workers decode the images of the set.
    """
    samples = jobs.resolved.samples
    for detector in jobs.resolved.detectors:
        for condition in detector_conditions(jobs.resolved, detector):
            after = f" after {condition.launder}" if condition.launder else ""
            yield Wave(
                stage="judge",
                model=f"{detector.name} on forgeries{after}",
                columns=[jobs.detect_jobs(detector, AS_PUBLISHED, launder=condition.launder)],
                order=range(len(samples)),
                chunk=detector.card.chunk,
            )
    for truth in (True, False):
        order = [
            index
            for index, one in enumerate(samples)
            if (one.forgery is not None and one.forgery.kind != "unknown") is truth
        ]
        columns = jobs.measure_jobs(AS_PUBLISHED, truth=truth) if order else []
        if columns:
            yield Wave(stage="measure", model="forgeries", columns=columns, order=order)


def count_missing(jobs: PlanJobs, store: Store) -> int:
    """Return the number of a plan's outputs that a store lacks."""
    return sum(wave.count_missing(store) for wave in waves_of(jobs))


def _measure_wave(
    jobs: PlanJobs,
    inpainters: Sequence[tuple[ResolvedModel, Sequence[str]]],
    order: Sequence[int],
) -> Wave:
    """Return the measurements of all inpainters, image by image.

    So an image is decoded, its masks are made and its features are computed once for all of them.
    """
    return Wave(
        stage="measure",
        model=inpainters[0][0].name if len(inpainters) == 1 else f"{len(inpainters)} inpainters",
        columns=[
            column
            for inpainter, treatments in inpainters
            for step in treatments
            for column in jobs.measure_jobs(inpainter, step)
        ],
        order=order,
        block=max(1, BLOCK // max(1, len(inpainters))),
    )


def _by_image(samples: Sequence[SampleRef]) -> Sequence[int]:
    """Return the samples' indexes, those of one image side by side.

    Without inpainting they are equal to a detector, and the worker runs a detector once on equal
    images that follow each other.
    """
    return sorted(
        range(len(samples)), key=lambda index: (samples[index].dataset, samples[index].id)
    )
