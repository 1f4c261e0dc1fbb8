"""The scheduler: run the jobs whose output the store lacks, wave by wave, and store the outputs."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, groupby

from benchmark.core.errors import DamagedOutput, DataError
from benchmark.runner.executor import Executor, RunChunks
from benchmark.runner.inputs import Chunk, InputKeys, InputLoader
from benchmark.runner.jobs import DetectJob, InpaintJob, Job, SampleRef
from benchmark.runner.outcome import ChunkResult
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import ResolvedPlan
from benchmark.runner.settings import Settings
from benchmark.runner.stages import Progress, RunStats, Stage
from benchmark.runner.waves import Wave, waves_of
from benchmark.runner.worker_spec import WorkerSpec
from benchmark.store.encoding import StoredOutput
from benchmark.store.store import Store

CHUNK = 32  # measurements per chunk: they are quick, so the overhead of each chunk counts


def execute(
    jobs: PlanJobs,
    store: Store,
    executor: Executor,
    settings: Settings,
    begin: Callable[[], None] = lambda: None,
) -> RunStats:
    """Run the jobs whose output the store lacks, wave by wave.

    Args:
        jobs: jobs of the plan.
        store: the store of outputs.
        executor: where the jobs run.
        settings: other settings of the run.
        begin: called before the first job runs, and not if the store lacks no output.

    Raises:
        DataError: for the first failure, if `settings.strict`.
        WeightsError: if a checkpoint is damaged or of another model, before anything is inpainted.
        OutputError: if the store cannot be written.
    """
    stats = RunStats(failures=set(jobs.resolved.failures))
    waves = list(waves_of(jobs))
    missing = [wave.count_missing(store) for wave in waves]
    if any(missing):
        begin()
        with executor.start(_worker_spec(jobs.resolved, store, settings)) as run_chunks:
            run = _Run(jobs=jobs, store=store, settings=settings, stats=stats)
            run.run_waves(run_chunks, waves, missing)
    else:
        for wave in waves:
            stats.stored[wave.stage] += wave.total
    start = time.perf_counter()
    _store_missing_inputs(jobs, store)
    stats.seconds["fill"] += time.perf_counter() - start
    return stats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run of a plan's jobs: what all its waves share."""

    jobs: PlanJobs
    store: Store
    settings: Settings
    stats: RunStats

    def run_waves(
        self, run_chunks: RunChunks, waves: Sequence[Wave], missing: Sequence[int]
    ) -> None:
        """Run the missing jobs of all waves; `missing` has their number for each wave."""
        for number, (wave, total) in enumerate(zip(waves, missing, strict=True), start=1):
            self.stats.stored[wave.stage] += wave.total - total
            if total:
                start = time.perf_counter()
                later = _jobs_by_stage(waves[number:], missing[number:])
                step = Progress(
                    stage=wave.stage, model=wave.model, done=0, total=total, later=later
                )
                self._run_wave(run_chunks, wave, step)
                self.stats.seconds[wave.stage] += time.perf_counter() - start

    def _run_wave(self, run_chunks: RunChunks, wave: Wave, step: Progress) -> None:
        self.settings.notify(step)
        with closing(run_chunks(self._chunks(wave))) as results:
            for result in _dropping_damaged(results, self.store):
                self.store.put([*result.outputs, *result.inputs])
                self._record(result, wave)
                step = _advanced(step, result.jobs, result.jobs - len(result.outputs))
                self.settings.notify(step)
        if step.done < step.total:  # the rest waits for a job that failed
            rest = step.total - step.done
            self.settings.notify(_advanced(step, rest, rest))

    def _record(self, result: ChunkResult, wave: Wave) -> None:
        stats = self.stats
        stats.ran[wave.stage] += len(result.outputs)
        stats.model_seconds[wave.stage] += result.model_seconds
        stats.failures.update(result.failures)
        for warning in result.warnings:
            if str(warning) not in stats.warned:
                stats.warned.add(str(warning))
                warnings.warn(warning, stacklevel=2)
        for failure in result.failures:
            if self.settings.strict:
                model = f" ({failure.model})" if failure.model else ""
                where = f"{failure.sample} at {failure.bucket} %{model}: " if model else ""
                raise DataError(f"{where}{failure.reason}")

    def _chunks(self, wave: Wave) -> Iterator[Chunk]:
        store = self.store
        size = CHUNK if wave.stage == "measure" else max(self.settings.batch, wave.chunk)
        for block in wave.blocks():
            ready = _ready(wave.missing_jobs(block, store.known(wave.keys(block))), store)
            keep = self._input_keys(block) if wave.stage == self._first and ready else {}
            yield from (_chunk(part, store, keep) for part in _parts(ready, size))

    @property
    def _first(self) -> Stage:
        """The stage that reads the samples' images: forgeries are not inpainted."""
        return "judge" if self.jobs.resolved.plan.forgeries else "fill"

    def _input_keys(self, block: Sequence[int]) -> dict[str, InputKeys]:
        """Return the keys of the images and masks to store beside outputs, by the sample's key.

        If `original` is an inpainter of the run, its outputs are the images.
        """
        resolved = self.jobs.resolved
        stored_by_original = resolved.extra_null_inpainter is not None or resolved.original_in_plan
        return {
            sample.key: replace(keys, image="") if stored_by_original else keys
            for sample, keys in _missing_inputs(self.jobs, block, self.store)
        }


def _advanced(step: Progress, jobs: int, without_output: int) -> Progress:
    """Return the progress after some more jobs."""
    return replace(step, done=step.done + jobs, without_output=step.without_output + without_output)


def _jobs_by_stage(waves: Sequence[Wave], missing: Sequence[int]) -> dict[Stage, int]:
    """Return the number of missing jobs of some waves by stage; stages without any left out."""
    found: dict[Stage, int] = {}
    for wave, total in zip(waves, missing, strict=True):
        if total:
            found[wave.stage] = found.get(wave.stage, 0) + total
    return found


def _store_missing_inputs(jobs: PlanJobs, store: Store) -> None:
    """Store the images and masks of samples whose outputs were stored by an older version.

    A worker that inpaints a sample returns them with the output; older versions did not store them.
    """
    samples = jobs.resolved.samples
    for start in range(0, len(samples), CHUNK):
        block = samples[start : start + CHUNK]
        outputs: list[StoredOutput] = []
        for sample, keys in _missing_inputs(jobs, range(start, start + len(block)), store):
            try:
                outputs += keys.outputs(jobs.resolved.sources.load(sample))
            except DataError:  # reported when the sample was inpainted
                continue
        if outputs:
            store.put(outputs)


def _missing_inputs(
    jobs: PlanJobs, indexes: Sequence[int], store: Store
) -> Iterator[tuple[SampleRef, InputKeys]]:
    images, masks = jobs.image_keys(), jobs.mask_keys()
    known = store.known([*images.at(indexes), *masks.at(indexes)])
    for index in indexes:
        image, mask = images[index], masks[index]
        keys = InputKeys(
            "" if image in known else image,
            "" if mask in known else mask,
            small=jobs.resolved.samples[index].forgery is not None,
        )
        if keys.image or keys.mask:
            yield jobs.resolved.samples[index], keys


def _worker_spec(resolved: ResolvedPlan, store: Store, settings: Settings) -> WorkerSpec:
    extras = filter(None, (resolved.extra_null_inpainter,))
    return WorkerSpec(
        loader=InputLoader(resolved.sources, store.place),
        inpainters=(*(one for one in resolved.models if one in resolved.inpainters), *extras),
        detectors=resolved.detectors,
        batch=settings.batch,
        shrink=settings.shrink,
        terms=resolved.terms(timeout=settings.cmd_timeout, logs=settings.logs, env=settings.env),
    )


def _dropping_damaged(results: Iterator[ChunkResult], store: Store) -> Iterator[ChunkResult]:
    """Yield the results; drop an output that a worker found damaged, so that a rerun repairs it."""
    try:
        yield from results
    except DamagedOutput as error:
        store.drop(error.key)
        raise


def _parts(jobs: Sequence[Job], size: int) -> Iterator[list[Job]]:
    """Yield at most `size` jobs at a time; jobs that share one inpainting count as one."""
    groups = [list(same) for _, same in groupby(jobs, _group_key)]
    for start in range(0, len(groups), size):
        yield list(chain.from_iterable(groups[start : start + size]))


def _group_key(job: Job) -> SampleRef | str:
    return job.sample if isinstance(job, InpaintJob) else job.key


def _chunk(jobs: Sequence[Job], store: Store, keep: Mapping[str, InputKeys]) -> Chunk:
    rows = store.table.get(sorted({key for job in jobs for key in _input_outputs(job)}))
    return Chunk(
        jobs=jobs,
        scores={key: row.score for key, row in rows.items() if row.score is not None},
        files={key: row.file for key, row in rows.items()},
        keep={key: keep[key] for key in map(_sample_key, jobs) if key in keep},
    )


def _sample_key(job: Job) -> str:
    return (job if isinstance(job, InpaintJob) else job.inpaint_job).sample.key


def _ready(jobs: list[Job], store: Store) -> list[Job]:
    """Return the jobs whose inputs are in the store: others depend on a job that failed."""
    needed = {job.key: _input_outputs(job) for job in jobs}
    known = store.known(sorted({key for keys in needed.values() for key in keys}))
    return [job for job in jobs if all(key in known for key in needed[job.key])]


def _input_outputs(job: Job) -> tuple[str, ...]:
    """Return the keys of the outputs that a job takes as inputs."""
    if isinstance(job, InpaintJob):
        return ()
    stored = () if job.inpaint_job.sample.forgery else (job.inpaint_job.key,)
    if isinstance(job, DetectJob):
        return stored
    return (*stored, *((job.detect_job.key,) if job.detect_job else ()))
