"""The waves of a run: fill, judge, measure. Only what the store lacks is done."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Literal

from benchmark.core.errors import DamagedOutput, DataError
from benchmark.runner.conditions import detector_conditions
from benchmark.runner.executor import Executor, RunChunks
from benchmark.runner.inputs import Chunk, InputKeys, InputLoader
from benchmark.runner.jobs import DetectJob, InpaintJob, Job, ResolvedModel, SampleRef
from benchmark.runner.outcome import ChunkResult, Failure
from benchmark.runner.planning import JobColumn, PlanJobs
from benchmark.runner.resolve import ResolvedPlan
from benchmark.runner.shard import Shard
from benchmark.runner.worker_spec import WorkerSpec
from benchmark.store.store import Store, StoredOutput

Stage = Literal["fill", "judge", "measure"]
STAGES: tuple[Stage, ...] = ("fill", "judge", "measure")
BLOCK = 256  # samples whose jobs are held at once; of the others only their keys are
PLAIN = ""  # no retouching: what the null is measured of
CHUNK = 32  # measurements handed over at once; they are quick, so the overhead of each shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one stage of one model is.

    Attributes:
        stage: "fill", "judge" or "measure".
        model: the inpainter or detector at work, or what is measured.
        done: jobs done in this run.
        total: jobs that this run has to do at this stage with this model.
        later: jobs after these, by stage.
    """

    stage: Stage
    model: str
    done: int
    total: int
    later: Mapping[Stage, int] = field(default_factory=dict)


Notify = Callable[[Progress], None]


def ignore_progress(step: Progress) -> None:
    """Told of progress where nobody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What changes how a run goes, and no number.

    Attributes:
        device: a torch device such as "cpu", or several with commas between.
        batch: samples a model sees at once.
        shrink: whether a batch too large for the memory is halved; else it ends the run.
        executor: where the work is done; by default in this process, or with several devices in a
            process for each.
        shard: which share of the plan's images, or None for all.
        strict: whether an image or mask that cannot be used, or a model that fails on one, ends
            the run.
        cmd_timeout: seconds that a user's program may take for a chunk of images.
        env: variables of the environment that such programs get though they look like secrets.
        logs: folder for what such programs print, or None.
        notify: told of progress.
        tell: told, in lines, which image gets which mask and what was left out, before anything
            runs.
    """

    device: str = "cpu"
    batch: int = 1
    shrink: bool = False
    executor: Executor | None = None
    shard: Shard | None = None
    strict: bool = False
    cmd_timeout: float = 600.0
    env: tuple[str, ...] = ()
    logs: Path | None = None
    notify: Notify = ignore_progress
    tell: Callable[[str], None] = lambda _: None


@dataclass(slots=True, kw_only=True)
class RunStats:
    """What a run did: filled as it goes.

    Attributes:
        ran: jobs done, per stage.
        stored: jobs that had their answer already, per stage.
        seconds: time per stage, in seconds.
        model_seconds: time inside models alone, per stage.
        failures: jobs without an answer.
        warned: what workers elsewhere had to say, so that each line is said once.
    """

    ran: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))
    stored: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    model_seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    failures: set[Failure] = field(default_factory=set)
    warned: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wave:
    """One stage with one model; `chunk` samples go best together.

    `columns` are what is done to each sample, `order` the places of the plan's samples in the order
    in which they are worked off, `block` of them at a time.
    """

    stage: Stage
    model: str
    columns: Sequence[JobColumn[Any]]
    order: Sequence[int]
    chunk: int = 1
    block: int = BLOCK

    @property
    def total(self) -> int:
        """How many jobs it has."""
        return len(self.columns) * len(self.order)

    def blocks(self) -> Iterator[Sequence[int]]:
        """Its samples, some at a time."""
        for start in range(0, len(self.order), self.block):
            yield self.order[start : start + self.block]

    def keys(self, block: Sequence[int]) -> list[str]:
        """The keys of its jobs on some samples, in no order."""
        return [key for column in self.columns for key in column.keys.at(block)]

    def count_missing(self, block: Sequence[int], known: Set[str]) -> list[Job]:
        """Its jobs on some samples, sample by sample, but for those whose key is known.

        Measurements under one key are made once: one model under two labels has such. Models are
        asked for each sample, as each failure is said.
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


def execute(jobs: PlanJobs, store: Store, executor: Executor, settings: Settings) -> RunStats:
    """Do what the store lacks, wave by wave.

    Raises:
        DataError: for the first failure, if `settings.strict`.
        WeightsError: if a checkpoint is damaged or of another model, before anything is inpainted.
        OutputError: if the store cannot be written.
    """
    tally = RunStats(failures=set(jobs.resolved.failures))
    waves = list(_waves(jobs))
    missing = [_missing(wave, store) for wave in waves]
    if any(missing):
        _run_waves(jobs, (waves, missing), (store, executor, settings), tally)
    else:
        for wave in waves:
            tally.stored[wave.stage] += wave.total
    start = time.perf_counter()
    _keep_inputs(jobs, store)
    tally.seconds["fill"] += time.perf_counter() - start
    return tally


def _run_waves(
    jobs: PlanJobs,
    what: tuple[Sequence[_Wave], Sequence[int]],
    run: tuple[Store, Executor, Settings],
    tally: RunStats,
) -> None:
    waves, missing = what
    store, executor, settings = run
    with executor.start(_kit(jobs.resolved, store, settings)) as work:
        for number, (wave, total) in enumerate(zip(waves, missing, strict=True), start=1):
            tally.stored[wave.stage] += wave.total - total
            if total:
                start = time.perf_counter()
                later = _by_stage(waves[number:], missing[number:])
                step = Progress(
                    stage=wave.stage, model=wave.model, done=0, total=total, later=later
                )
                _run_wave((jobs, wave, step), (store, work, settings), tally)
                tally.seconds[wave.stage] += time.perf_counter() - start


def _by_stage(waves: Sequence[_Wave], missing: Sequence[int]) -> dict[Stage, int]:
    """How many jobs some waves have to do, by stage; stages without any left out."""
    found: dict[Stage, int] = {}
    for wave, total in zip(waves, missing, strict=True):
        if total:
            found[wave.stage] = found.get(wave.stage, 0) + total
    return found


def _keep_inputs(jobs: PlanJobs, store: Store) -> None:
    """Store the images and masks of samples that no fill of this run has stored.

    A worker that inpaints a sample hands them back; here are those whose fills were all stored by
    an older version.
    """
    samples = jobs.resolved.samples
    for start in range(0, len(samples), CHUNK):
        block = samples[start : start + CHUNK]
        answers: list[StoredOutput] = []
        for sample, keys in _inputs_lacking(jobs, range(start, start + len(block)), store):
            try:
                answers += keys.answers(jobs.resolved.sources.load(sample))
            except DataError:  # said where it was to be inpainted
                continue
        if answers:
            store.put(answers)


def _inputs_lacking(
    jobs: PlanJobs, places: Sequence[int], store: Store
) -> Iterator[tuple[SampleRef, InputKeys]]:
    images, masks = jobs.image_keys(), jobs.mask_keys()
    known = store.known([*images.at(places), *masks.at(places)])
    for place in places:
        image, mask = images[place], masks[place]
        keys = InputKeys("" if image in known else image, "" if mask in known else mask)
        if keys.image or keys.mask:
            yield jobs.resolved.samples[place], keys


def count_missing(jobs: PlanJobs, store: Store) -> int:
    """How many of a plan's answers a store lacks."""
    return sum(_missing(wave, store) for wave in _waves(jobs))


def _waves(jobs: PlanJobs) -> Iterator[_Wave]:
    resolved = jobs.resolved
    order = range(len(resolved.samples))
    by_image = _by_image(resolved.samples)
    painters = [(one, resolved.retouches) for one in resolved.inpainters]
    if resolved.extra_null_inpainter is not None:
        painters.append((resolved.extra_null_inpainter, (PLAIN,)))
    for inpainter, retouches in painters:
        yield _Wave(
            stage="fill",
            model=inpainter.name,
            columns=[jobs.inpaint_jobs(inpainter, step) for step in retouches],
            order=order,
            chunk=inpainter.card.chunk,
        )
    for detector in resolved.detectors:
        for view in detector_conditions(resolved, detector):
            after = f" after {view.launder}" if view.launder else ""
            yield _Wave(
                stage="judge",
                model=f"{detector.name} on {view.painter}{after}",
                columns=[jobs.detect_jobs(detector, view.inpainter, view.retouch, view.launder)],
                order=order if view.changed else by_image,
                chunk=max(detector.card.chunk, 1 if view.changed else len(resolved.plan.buckets)),
            )
    yield _measuring(jobs, painters, by_image)


def _measuring(
    jobs: PlanJobs,
    painters: Sequence[tuple[ResolvedModel, Sequence[str]]],
    order: Sequence[int],
) -> _Wave:
    """All inpainters at once: what was inpainted into one image is measured side by side.

    So an original is read, its holes are drawn and its features are found once for all of them.
    """
    return _Wave(
        stage="measure",
        model=painters[0][0].name if len(painters) == 1 else f"{len(painters)} inpainters",
        columns=[
            column
            for inpainter, retouches in painters
            for step in retouches
            for column in jobs.measure_jobs(inpainter, step)
        ],
        order=order,
        block=max(1, BLOCK // max(1, len(painters))),
    )


def _by_image(samples: Sequence[SampleRef]) -> Sequence[int]:
    """The samples of one image side by side: untouched, they are the same to a detector.

    The worker has a detector look only once at images that follow one another and are the same.
    """
    return sorted(
        range(len(samples)), key=lambda index: (samples[index].dataset, samples[index].id)
    )


def _missing(wave: _Wave, store: Store) -> int:
    count = 0
    for block in wave.blocks():
        keys: Collection[str] = wave.keys(block)
        if wave.stage == "measure":
            keys = set(keys)
        known = store.known(list(keys))
        count += sum(key not in known for key in keys)
    return count


def _kit(resolved: ResolvedPlan, store: Store, settings: Settings) -> WorkerSpec:
    return WorkerSpec(
        shelf=InputLoader(resolved.sources, store.place),
        inpainters=resolved.inpainters
        + ((resolved.extra_null_inpainter,) if resolved.extra_null_inpainter else ()),
        detectors=resolved.detectors,
        batch=settings.batch,
        shrink=settings.shrink,
        terms=resolved.terms(timeout=settings.cmd_timeout, logs=settings.logs, env=settings.env),
    )


def _run_wave(
    what: tuple[PlanJobs, _Wave, Progress], run: tuple[Store, RunChunks, Settings], tally: RunStats
) -> None:
    jobs, wave, step = what
    store, work, settings = run
    settings.notify(step)
    with closing(work(_chunks(jobs, wave, store, settings))) as outcomes:
        for outcome in _healing(outcomes, store):
            store.put([*outcome.answers, *outcome.inputs])
            _note(outcome, wave, settings, tally)
            step = replace(step, done=step.done + outcome.jobs)
            settings.notify(step)


def _healing(outcomes: Iterator[ChunkResult], store: Store) -> Iterator[ChunkResult]:
    """The outcomes; what a worker found damaged is forgotten, so that running again heals it."""
    try:
        yield from outcomes
    except DamagedOutput as error:
        store.drop(error.key)
        raise


def _note(outcome: ChunkResult, wave: _Wave, settings: Settings, tally: RunStats) -> None:
    tally.ran[wave.stage] += len(outcome.answers)
    tally.model_seconds[wave.stage] += outcome.model_seconds
    tally.failures.update(outcome.failures)
    for warning in outcome.warnings:
        if str(warning) not in tally.warned:
            tally.warned.add(str(warning))
            warnings.warn(warning, stacklevel=2)
    for failure in outcome.failures:
        if settings.strict:
            model = f" ({failure.model})" if failure.model else ""
            where = f"{failure.sample} at {failure.bucket} %{model}: " if model else ""
            raise DataError(f"{where}{failure.reason}")


def _chunks(jobs: PlanJobs, wave: _Wave, store: Store, settings: Settings) -> Iterator[Chunk]:
    size = CHUNK if wave.stage == "measure" else max(settings.batch, wave.chunk)
    for block in wave.blocks():
        ready = _ready(wave.count_missing(block, store.known(wave.keys(block))), store)
        keep = _kept_beside(jobs, block, store) if wave.stage == "fill" and ready else {}
        yield from (_chunk(part, store, keep) for part in _parts(ready, size))


def _kept_beside(jobs: PlanJobs, block: Sequence[int], store: Store) -> dict[str, InputKeys]:
    """What is to be stored of samples that are inpainted, by the sample's key.

    Where `original` inpaints as well, its answers are the images.
    """
    resolved = jobs.resolved
    filled = resolved.extra_null_inpainter is not None or resolved.original_in_plan
    return {
        sample.key: replace(keys, image="") if filled else keys
        for sample, keys in _inputs_lacking(jobs, block, store)
    }


def _parts(jobs: Sequence[Job], size: int) -> Iterator[list[Job]]:
    """At most `size` jobs together; fills of one sample, made from one answer, count as one."""
    groups = [list(same) for _, same in groupby(jobs, _together)]
    for start in range(0, len(groups), size):
        yield list(chain.from_iterable(groups[start : start + size]))


def _together(job: Job) -> SampleRef | str:
    return job.sample if isinstance(job, InpaintJob) else job.key


def _chunk(jobs: Sequence[Job], store: Store, keep: Mapping[str, InputKeys]) -> Chunk:
    rows = store.table.get(sorted({key for job in jobs for key in _needed(job)}))
    return Chunk(
        jobs=jobs,
        scores={key: row.score for key, row in rows.items() if row.score is not None},
        files={key: row.file for key, row in rows.items()},
        keep={
            job.sample.key: keep[job.sample.key]
            for job in jobs
            if isinstance(job, InpaintJob) and job.sample.key in keep
        },
    )


def _ready(jobs: list[Job], store: Store) -> list[Job]:
    """Those whose own input is there: nothing is judged that was never inpainted."""
    needs = {job.key: _needed(job) for job in jobs}
    there = store.known(sorted({key for keys in needs.values() for key in keys}))
    return [job for job in jobs if all(key in there for key in needs[job.key])]


def _needed(job: Job) -> tuple[str, ...]:
    if isinstance(job, InpaintJob):
        return ()
    if isinstance(job, DetectJob):
        return (job.inpaint_job.key,)
    return (job.inpaint_job.key, *((job.detect_job.key,) if job.detect_job else ()))
