"""Score the enclosed maps and images again, and compare with the numbers of the samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmark.bundle.proof import Findings, Mismatch
from benchmark.bundle.tables import SAMPLES, close
from benchmark.core.errors import BenchError
from benchmark.core.types import Mask, Sample
from benchmark.metrics import METRICS
from benchmark.metrics.detection import ACC
from benchmark.results.samples import sample_conditions
from benchmark.runner.inputs import Inputs
from benchmark.runner.jobs import InpaintJob, MeasureJob
from benchmark.runner.measuring import Measurer
from benchmark.runner.outcome import Failure
from benchmark.runner.planning import JobColumn, PlanJobs
from benchmark.store.store import Store

NUMBER = 1e-9  # relative difference that is rounding of the same computation
SIX_DECIMALS = 1e-6
DEEP = 1e-3  # of metrics computed by networks, on another processor
_NETWORKS = ("lpips", "lpips_vgg")
MANY = 50  # samples, of which progress is told
NOT_ENCLOSED = "images not enclosed"
Outputs = frozenset[tuple[str, str]]
Spot = tuple[str, str, str, str, str]  # inpainter, treatment, detector, post-processing, metric


def is_of_score(metric: str) -> bool:
    """Return whether a metric is computed from the image-level score alone, not from a map."""
    return issubclass(METRICS.load(metric), ACC)


def spot_of(job: MeasureJob) -> Spot:
    """Return what a measurement is of, without the sample."""
    detect = job.detect_job
    return (
        job.inpaint_job.inpainter.name,
        job.inpaint_job.treatment,
        detect.detector.name if detect else "",
        detect.launder if detect else "",
        job.metric,
    )


@dataclass(slots=True)
class Scores:
    """Which numbers of samples were scored again.

    Attributes:
        samples: number of samples of the run.
        done: (N,) whether the number of each sample was scored again and agrees, by spot.
        left: numbers that were not scored, by the reason.
    """

    samples: int
    done: dict[Spot, NDArray[np.bool_]] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)

    def add(self, spot: Spot, place: int) -> None:
        """Note that a number agrees."""
        self.done.setdefault(spot, np.zeros(self.samples, np.bool_))[place] = True

    @property
    def count(self) -> int:
        """Number of numbers that were scored again."""
        return sum(int(one.sum()) for one in self.done.values())


def measurements(jobs: PlanJobs) -> Iterator[JobColumn[MeasureJob]]:
    """Yield the measurements of a run, a column for each metric of each view."""
    views = sample_conditions(jobs.resolved)
    for inpainter, treatment in dict.fromkeys((one.inpainter, one.treatment) for one in views):
        yield from jobs.measure_jobs(inpainter, treatment)


class Scorer:
    """Score a run's enclosed outputs again.

    Args:
        jobs: jobs of the run.
        store: store of the enclosed outputs and of all numbers.
        outputs: keys and suffixes of the enclosed outputs.
        metrics: metrics that are measured as by this version.
        exact: whether numbers have all their digits, instead of six decimals.
        findings: where contradictions are added.
    """

    def __init__(
        self,
        jobs: PlanJobs,
        store: Store,
        outputs: Outputs,
        metrics: Container[str],
        findings: Findings,
        *,
        exact: bool,
    ) -> None:
        self._jobs, self._store, self._outputs = jobs, store, outputs
        self._metrics, self._findings = metrics, findings
        self._within = NUMBER if exact else SIX_DECIMALS
        self._measurer = Measurer()
        self._columns = list(measurements(jobs))
        self._rows = self._first_rows()
        self.scores = Scores(len(jobs.resolved.samples))

    def stated(self) -> int:
        """Return how many numbers the run has, over all samples."""
        keys = (self._store.known(list(column.keys)) for column in self._columns)
        return sum(map(len, keys))

    def run(self, places: Sequence[int], progress: Callable[[str], object]) -> None:
        """Score the numbers of some samples.

        Args:
            places: indexes of the samples.
            progress: called with a line after every tenth of many samples.
        """
        for done, place in enumerate(places):
            if done and len(places) >= MANY and done % (len(places) // 10) == 0:
                progress(f"Scored {done} of {len(places)} samples again.")
            mask = self._store.mask(self._jobs.mask_keys()[place])
            jobs = [column.job(place) for column in self._columns]
            wanted = [job for job in jobs if self._is_wanted(job, place)]
            for start, same in _by_image(wanted):
                try:
                    self._score(same, place, self._inputs(start, same, mask, place))
                except BenchError as error:
                    self._findings.differs(SAMPLES, str(error), row=self._row(same[0], place))

    def _first_rows(self) -> dict[tuple[str, ...], int]:
        """Return the first row of each view in samples.csv."""
        found: dict[tuple[str, ...], int] = {}
        count = len(self._jobs.resolved.samples)
        for number, view in enumerate(sample_conditions(self._jobs.resolved)):
            start = 2 + number * count
            detector = view.detector.name if view.detector else ""
            found[view.inpainter.name, view.treatment, detector, view.launder] = start
            found.setdefault((view.inpainter.name, view.treatment, "", ""), start)
        return found

    def _row(self, job: MeasureJob, place: int) -> int:
        return self._rows.get(spot_of(job)[:4], 2) + place

    def _is_wanted(self, job: MeasureJob, place: int) -> bool:
        """Return whether a number can be scored again; count the others by reason."""
        if reason := self._skip_reason(job, place):
            self.scores.left[reason] += 1
        return not reason

    def _skip_reason(self, job: MeasureJob, place: int) -> str:
        base = METRICS.load(job.metric).of_untouched or job.metric
        if base not in self._metrics:
            return f"{base}: of another version, or not of this project"
        if reason := METRICS.load(job.metric).unavailable():
            return reason
        if job.detect_job is not None:
            enclosed = (job.detect_job.key, ".npy") in self._outputs
            return "" if enclosed else "heatmaps not enclosed"
        images = (self._jobs.image_keys()[place], ".png"), (job.inpaint_job.key, ".png")
        return "" if set(images) <= self._outputs else NOT_ENCLOSED

    def _inputs(
        self, start: InpaintJob, jobs: Sequence[MeasureJob], mask: Mask, place: int
    ) -> Inputs:
        """Return the enclosed inputs of some measurements of one image.

        Images that are not enclosed are all zero: metrics of detections do not read them.
        """
        blank = np.broadcast_to(np.uint8(0), (*mask.shape, 3))
        original, own = self._jobs.image_keys()[place], start.key
        alone = any(job.detect_job is None for job in jobs)
        inputs = Inputs()
        inputs.samples[start.sample.key] = Sample(
            id=start.sample.id,
            image=self._store.image(original) if alone else blank,
            mask=mask,
            bucket=start.sample.bucket,
        )
        inputs.images[own] = self._store.image(own) if alone else blank
        for job in jobs:
            if job.detect_job and job.detect_job.key not in inputs.heatmaps:
                key = job.detect_job.key
                inputs.heatmaps[key] = self._store.heatmap(key)
                (score,) = self._store.scores([key])
                inputs.scores[key] = score or 0.0
        return inputs

    def _score(self, jobs: Sequence[MeasureJob], place: int, inputs: Inputs) -> None:
        stated = self._store.measurements([job.key for job in jobs])
        for job, old, new in zip(jobs, stated, self._measurer.run(jobs, inputs), strict=True):
            if isinstance(new, Failure):
                if old is not None:
                    self._findings.differs(
                        SAMPLES, f"{job.metric}: {new.reason}", row=self._row(job, place)
                    )
                continue
            computed = np.asarray(new.numbers)
            if self._agrees(job, old, computed):
                if not is_of_score(job.metric) and old is not None:
                    self.scores.add(spot_of(job), place)
                continue
            self._findings.add(
                Mismatch(
                    file=SAMPLES,
                    row=self._row(job, place),
                    column=job.metric,
                    stated=row_text(old),
                    computed=row_text(computed),
                )
            )

    def _agrees(
        self, job: MeasureJob, old: NDArray[np.float64] | None, new: NDArray[np.float64]
    ) -> bool:
        within = DEEP if job.metric in _NETWORKS else self._within
        if old is None:  # a gap
            return bool(np.isnan(new).all())
        return len(old) == len(new) and all(
            close(one, other, within) for one, other in zip(old, new, strict=True)
        )


def _by_image(jobs: Sequence[MeasureJob]) -> Iterator[tuple[InpaintJob, list[MeasureJob]]]:
    """Yield the measurements of each inpainted image and detection together."""
    found: dict[tuple[str, str], list[MeasureJob]] = {}
    for job in jobs:
        spot = job.inpaint_job.key, job.detect_job.key if job.detect_job else ""
        found.setdefault(spot, []).append(job)
    yield from ((same[0].inpaint_job, same) for same in found.values())


def row_text(row: NDArray[np.float64] | None) -> str:
    """Return the first numbers of a metric's row, (K,), as text; "" for a gap."""
    if row is None:
        return ""
    return " ".join(f"{number:.9g}" for number in row[:6]) + (" ..." if len(row) > 6 else "")
