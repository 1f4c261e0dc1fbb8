"""Recompute a random sample of a store's outputs and compare: a checksum is no signature.

Images and masks are those of the store. Models are the registry's own, with the weights that the
run names; other code runs only with `allow_plugins`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import BenchError, DataError
from benchmark.core.inspecting import inspecting
from benchmark.core.types import Sample
from benchmark.metrics import METRICS
from benchmark.recomputable import Recomputable
from benchmark.recomputed import (
    Comparison,
    Recomputed,
    compare_detections,
    compare_images,
    compare_numbers,
    differ,
)
from benchmark.results.record import BEGUN, read_record
from benchmark.results.recorded_jobs import RecordedJobs
from benchmark.results.run_folder import jobs_from_files, read_plan
from benchmark.results.samples import BEGUN_SAMPLES
from benchmark.runner.conditions import Condition, conditions_of, null_conditions
from benchmark.runner.inputs import Chunk, InputLoader, Inputs
from benchmark.runner.jobs import DetectJob, InpaintJob, Job, MeasureJob
from benchmark.runner.measuring import Measurer
from benchmark.runner.outcome import Failure
from benchmark.runner.planning import JobColumn
from benchmark.runner.worker import Worker
from benchmark.store.check import StoreFinding
from benchmark.store.encoding import StoredOutput, decode_heatmap
from benchmark.store.store import Store


def recompute(
    runs: Sequence[Path],
    store: str | Path,
    count: int,
    *,
    seed: int,
    allow_plugins: bool = False,
    among: Container[str] | None = None,
) -> Recomputed:
    """Recompute some of the outputs that runs take from a store.

    Args:
        runs: folders of runs.
        store: the store of their outputs; it is only read.
        count: number of outputs to recompute.
        seed: seed of the random choice.
        allow_plugins: whether models and metrics that are not of this project run, too.
        among: keys of the outputs to choose from, or None for all.

    Raises:
        DataError: if there is no run, or the files of one are damaged or of an older version.
        WeightsError: if a checkpoint cannot be used.
    """
    if not runs:
        raise DataError("no outputs to recompute: name the folder of a run")
    with Store(store, read_only=True) as opened:
        all_runs = [_Run(folder, opened, allow_plugins=allow_plugins) for folder in runs]
        left: Counter[str] = Counter()
        chosen = _choose(all_runs, count, seed, left, among)
        found = [one for run, jobs in chosen for one in run.compare(jobs, left)]
    return Recomputed(
        tried=len(found),
        same=sum(one.state == "same" for one in found),
        near=sum(one.state == "near" for one in found),
        findings=tuple(one.finding for one in found if one.finding),
        left=dict(left),
        agreed=frozenset(one.key for one in found if one.state != "other"),
    )


def _choose(
    runs: Sequence[_Run],
    count: int,
    seed: int,
    left: Counter[str],
    among: Container[str] | None,
) -> list[tuple[_Run, list[Job]]]:
    """Return random jobs, `count` of those that can be recomputed, with their run."""
    columns = [(run, column) for run in runs for column in run.columns]
    ends = np.cumsum([len(column.keys) for _, column in columns])
    total = int(ends[-1]) if len(ends) else 0
    chosen: dict[int, list[Job]] = {}
    keys: set[str] = set()
    for place in np.random.default_rng(seed).permutation(total):
        if len(keys) >= count:
            break
        at = int(np.searchsorted(ends, place, side="right"))
        run, column = columns[at]
        index = int(place) - int(ends[at] - len(column.keys))
        if among is not None and column.keys[index] not in among:
            continue
        job = column.job(index)
        reason = run.recomputable.skip_reason(job)
        if reason:
            left[reason] += 1
        elif job.key not in keys:
            keys.add(job.key)
            chosen.setdefault(id(run), []).append(job)
    return [(run, chosen.get(id(run), [])) for run in runs]


class _Run:
    """A run whose outputs are recomputed."""

    def __init__(self, folder: Path, store: Store, *, allow_plugins: bool) -> None:
        self._store = store
        with inspecting():
            record = read_record(folder)
            name = "samples.csv" if record else BEGUN_SAMPLES
            record = record or read_record(folder, BEGUN)
            if record is None:
                raise DataError(f"{folder}: its run is incomplete, and of an older version")
            self._jobs: RecordedJobs = jobs_from_files(
                folder, read_plan(folder, record), record, name
            )
            self.columns = list(_columns(self._jobs))
        self.recomputable = Recomputable(record, self._jobs, store, allow_plugins=allow_plugins)

    def compare(self, jobs: Sequence[Job], left: Counter[str]) -> Iterator[Comparison]:
        """Recompute jobs and compare their outputs with the stored ones."""
        worker = Worker(
            InputLoader(self._jobs.resolved.sources, self._store.place),
            device="cpu",
            batch=1,
            terms=self._jobs.resolved.terms(timeout=600.0),
        )
        for job in sorted(jobs, key=_by_model):
            try:
                inputs = self._inputs(job)
            except BenchError as error:
                left[str(error)] += 1
                continue
            result = worker(Chunk(jobs=[self.recomputable.with_weights(job)]), inputs)
            if not result.outputs:
                left[f"it fails: {result.failures[0].reason}"] += 1
                continue
            found = self._compare(job, result.outputs[0])
            near = found.state == "near"
            if near and (name := self._other_metric(job, inputs, result.outputs[0])):
                left[f"the map agrees within rounding, but {name} made from it does not"] += 1
                continue
            yield found

    def _inputs(self, job: Job) -> Inputs:
        inpaint = job if isinstance(job, InpaintJob) else job.inpaint_job
        inputs = Inputs()
        mask = self._store.mask(inpaint.sample.key)
        forged = inpaint.sample.forgery is not None  # its metrics need heatmap and truth alone
        inputs.samples[inpaint.sample.key] = Sample(
            id=inpaint.sample.id,
            image=np.broadcast_to(np.uint8(0), (*mask.shape, 3))
            if forged
            else self._store.image(self.recomputable.original(inpaint)),
            mask=mask,
            bucket=inpaint.sample.bucket,
        )
        if not isinstance(job, InpaintJob) and not forged:
            inputs.images[inpaint.key] = self._store.image(inpaint.key)
        if isinstance(job, MeasureJob) and job.detect_job:
            inputs.heatmaps[job.detect_job.key] = self._store.heatmap(job.detect_job.key)
            (score,) = self._store.scores([job.detect_job.key])
            inputs.scores[job.detect_job.key] = score or 0.0
        return inputs

    def _other_metric(self, job: Job, inputs: Inputs, new: StoredOutput) -> str:
        """Return a metric of which two maps of a detection give different numbers, or ""."""
        if not isinstance(job, DetectJob):
            return ""
        inpainter, treatment = job.inpaint_job.inpainter, job.inpaint_job.treatment
        names = self._jobs.resolved.measured_of(inpainter, treatment)
        jobs = [
            MeasureJob(name, job.inpaint_job, job, "")
            for name in names
            if METRICS.load(name).needs == "verdict" and not self.recomputable.skip_metric(name)
        ]
        maps = self._store.heatmap(job.key), decode_heatmap(new.content)
        old, again = (self._measured(jobs, inputs, one, new.score) for one in maps)
        moved = (one.metric for one, *two in zip(jobs, old, again, strict=True) if differ(*two))
        return next(moved, "")

    @staticmethod
    def _measured(
        jobs: Sequence[MeasureJob],
        inputs: Inputs,
        logits: NDArray[np.float16] | None,
        score: float | None,
    ) -> list[tuple[float, ...]]:
        """Return the values of metrics of one detection, made from a map; () of one that fails."""
        for job in jobs:
            if logits is not None and job.detect_job is not None:
                inputs.heatmaps[job.detect_job.key] = logits
                inputs.scores[job.detect_job.key] = score or 0.0
        found = Measurer().run(jobs, inputs)
        return [() if isinstance(one, Failure) else one.numbers for one in found]

    def _compare(self, job: Job, new: StoredOutput) -> Comparison:
        if isinstance(job, MeasureJob):
            (old,) = self._store.measurements([job.key])
            state = compare_numbers(old, np.asarray(new.numbers))
        elif isinstance(job, DetectJob):
            (score,) = self._store.scores([job.key])
            state = compare_detections(self._store.heatmap(job.key), new, score)
        else:
            state = compare_images(self._store.image(job.key), new)
        if state != "other":
            return Comparison(state, None, job.key)
        inpaint = job if isinstance(job, InpaintJob) else job.inpaint_job
        sample = inpaint.sample
        what = f"{_describe(job)} of {inpaint.inpainter_label} for {sample.id}"
        finding = StoreFinding(
            kind="other",
            where=f"{self._store.place}: {job.key}",
            said=f"{what} at {sample.bucket} %: differs when recomputed",
        )
        return Comparison(state, finding, job.key)


def _columns(
    jobs: RecordedJobs,
) -> Iterator[JobColumn[InpaintJob] | JobColumn[DetectJob] | JobColumn[MeasureJob]]:
    """Yield the columns of all jobs of a run: inpaint, detect, measure."""
    resolved = jobs.resolved
    alone: list[Condition] = list(conditions_of(resolved, (None,), resolved.inpainters))
    detected = [*conditions_of(resolved, resolved.detectors, resolved.inpainters)]
    if resolved.extra_null_inpainter is not None:
        detected += [
            one
            for one in null_conditions(resolved)
            if one.detector and not resolved.null_omitted_reason(one.detector)
        ]
    for one in alone if resolved.plan.forgeries is None else ():
        yield jobs.inpaint_jobs(one.inpainter, one.treatment)
    for one in detected:
        if one.detector is not None:
            yield jobs.detect_jobs(one.detector, one.inpainter, one.treatment, one.launder)
    inpainters = dict.fromkeys((one.inpainter, one.treatment) for one in (*alone, *detected))
    for inpainter, treatment in inpainters:
        yield from jobs.measure_jobs(inpainter, treatment)


def _by_model(job: Job) -> tuple[int, str]:
    if isinstance(job, InpaintJob):
        return 0, job.inpainter.name
    return (1, job.detector.name) if isinstance(job, DetectJob) else (2, job.metric)


def _describe(job: Job) -> str:
    if isinstance(job, InpaintJob):
        return "the image"
    return f"the output of {job.detector.name}" if isinstance(job, DetectJob) else job.metric
