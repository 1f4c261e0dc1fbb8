"""The waves of a run: fill, judge, measure. Only what the store lacks is done."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, groupby
from pathlib import Path
from typing import Literal

from benchmark.core.errors import DamagedAnswer, DataError
from benchmark.runner.executors import Executor, Map
from benchmark.runner.inputs import Chunk, Shelf
from benchmark.runner.jobs import Chosen, Fill, Job, Judge, SampleRef, judge_job
from benchmark.runner.kit import Kit
from benchmark.runner.outcome import Failure, Outcome
from benchmark.runner.setup import Setup, fills, measures
from benchmark.runner.shard import Shard
from benchmark.runner.store import Store
from benchmark.runner.views import View, looked_at

Stage = Literal["fill", "judge", "measure"]
STAGES: tuple[Stage, ...] = ("fill", "judge", "measure")
BLOCK = 256  # samples whose jobs are held at once, so that memory does not grow with the data set
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
    """

    stage: Stage
    model: str
    done: int
    total: int


Notify = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What changes how a run goes, and no number.

    Attributes:
        device: a torch device such as "cpu", or several with commas between.
        batch: samples a model sees at once.
        shrink: whether a batch too large for the memory is halved; else it ends the run.
        executor: where the work is done; by default in this process, or with several devices in a
            process for each.
        shard: which share of the plan's pictures, or None for all.
        strict: whether a picture or mask that cannot be used ends the run.
        cmd_timeout: seconds that a user's program may take for a chunk of pictures.
        logs: folder for what such programs print, or None.
        notify: told of progress.
    """

    device: str = "cpu"
    batch: int = 1
    shrink: bool = False
    executor: Executor | None = None
    shard: Shard | None = None
    strict: bool = False
    cmd_timeout: float = 600.0
    logs: Path | None = None
    notify: Notify = lambda _: None


@dataclass(slots=True, kw_only=True)
class Tally:
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
    """One stage with one model: `jobs` makes the jobs of some samples, `chunk` go best together.

    `samples` are in the order in which they are worked off.
    """

    stage: Stage
    model: str
    jobs: Callable[[Sequence[SampleRef]], list[Job]]
    samples: Sequence[SampleRef]
    chunk: int = 1


def execute(setup: Setup, store: Store, executor: Executor, settings: Settings) -> Tally:
    """Do what the store lacks, wave by wave.

    Raises:
        DataError: for the first unusable picture or mask, if `settings.strict`.
        WeightsError: if a checkpoint is damaged or of another model, before anything is painted.
        OutputError: if the store cannot be written.
    """
    tally = Tally()
    waves = list(_waves(setup))
    missing = [_missing(wave, store) for wave in waves]
    if not any(missing):
        for wave in waves:
            tally.stored[wave.stage] += _count(wave)
        return tally
    with executor.start(_kit(setup, store, settings)) as work:
        for wave, total in zip(waves, missing, strict=True):
            tally.stored[wave.stage] += _count(wave) - total
            if total:
                start = time.perf_counter()
                _run_wave(wave, total, (store, work, settings), tally)
                tally.seconds[wave.stage] += time.perf_counter() - start
    return tally


def lacking(setup: Setup, store: Store) -> int:
    """How many of a plan's answers a store lacks."""
    return sum(_missing(wave, store) for wave in _waves(setup))


def _waves(setup: Setup) -> Iterator[_Wave]:
    for inpainter in setup.inpainters:
        yield _Wave(
            stage="fill",
            model=inpainter.name,
            jobs=_fill_maker(setup, inpainter),
            samples=setup.samples,
            chunk=inpainter.card.chunk,
        )
    if setup.for_null is not None:
        yield _Wave(
            stage="fill",
            model=setup.for_null.name,
            jobs=_fill_maker(setup, setup.for_null, PLAIN),
            samples=setup.samples,
        )
    by_image = _by_image(setup.samples)
    for detector in setup.detectors:
        for view in looked_at(setup, detector):
            after = f" after {view.launder}" if view.launder else ""
            yield _Wave(
                stage="judge",
                model=f"{detector.name} on {view.painter}{after}",
                jobs=_judge_maker(setup, detector, view),
                samples=setup.samples if view.changed else by_image,
                chunk=max(detector.card.chunk, 1 if view.changed else len(setup.plan.buckets)),
            )
    for inpainter in setup.inpainters:
        yield _Wave(
            stage="measure",
            model=inpainter.name,
            jobs=_measure_maker(setup, inpainter),
            samples=setup.samples,
        )
    if setup.for_null is not None:
        yield _Wave(
            stage="measure",
            model=setup.for_null.name,
            jobs=_measure_maker(setup, setup.for_null, PLAIN),
            samples=setup.samples,
        )


def _by_image(samples: Sequence[SampleRef]) -> Sequence[SampleRef]:
    """The samples of one image side by side: untouched, they are the same to a detector.

    The worker has a detector look only once at images that follow one another and are the same.
    """
    return sorted(samples, key=lambda sample: (sample.dataset, sample.id))


def _fill_maker(
    setup: Setup, inpainter: Chosen, retouch: str | None = None
) -> Callable[[Sequence[SampleRef]], list[Job]]:
    return lambda samples: list(fills(setup, inpainter, samples, retouch))


def _judge_maker(
    setup: Setup, detector: Chosen, view: View
) -> Callable[[Sequence[SampleRef]], list[Job]]:
    return lambda samples: [
        judge_job(detector, fill, view.launder)
        for fill in fills(setup, view.inpainter, samples, view.retouch)
    ]


def _measure_maker(
    setup: Setup, inpainter: Chosen, retouch: str | None = None
) -> Callable[[Sequence[SampleRef]], list[Job]]:
    return lambda samples: [
        job for fill in fills(setup, inpainter, samples, retouch) for job in measures(setup, fill)
    ]


def _blocks(samples: Sequence[SampleRef]) -> Iterator[Sequence[SampleRef]]:
    for start in range(0, len(samples), BLOCK):
        yield samples[start : start + BLOCK]


def _count(wave: _Wave) -> int:
    per_sample = len(wave.jobs(wave.samples[:1]))
    return per_sample * len(wave.samples)


def _missing(wave: _Wave, store: Store) -> int:
    count = 0
    for block in _blocks(wave.samples):
        keys = [job.key for job in wave.jobs(block)]
        count += len(keys) - len(store.known(keys))
    return count


def _kit(setup: Setup, store: Store, settings: Settings) -> Kit:
    return Kit(
        shelf=Shelf(setup.sources, store.place),
        inpainters=setup.inpainters + ((setup.for_null,) if setup.for_null else ()),
        detectors=setup.detectors,
        batch=settings.batch,
        shrink=settings.shrink,
        terms=setup.terms(timeout=settings.cmd_timeout, logs=settings.logs),
    )


def _run_wave(wave: _Wave, total: int, run: tuple[Store, Map, Settings], tally: Tally) -> None:
    store, work, settings = run
    done = 0
    settings.notify(Progress(stage=wave.stage, model=wave.model, done=0, total=total))
    with closing(work(_chunks(wave, store, settings))) as outcomes:
        for outcome in _healing(outcomes, store):
            store.put(outcome.answers)
            _note(outcome, wave, settings, tally)
            done += outcome.jobs
            settings.notify(Progress(stage=wave.stage, model=wave.model, done=done, total=total))


def _healing(outcomes: Iterator[Outcome], store: Store) -> Iterator[Outcome]:
    """The outcomes; what a worker found damaged is forgotten, so that running again heals it."""
    try:
        yield from outcomes
    except DamagedAnswer as error:
        store.drop(error.key)
        raise


def _note(outcome: Outcome, wave: _Wave, settings: Settings, tally: Tally) -> None:
    tally.ran[wave.stage] += len(outcome.answers)
    tally.model_seconds[wave.stage] += outcome.model_seconds
    tally.failures.update(outcome.failures)
    for warning in outcome.warnings:
        if str(warning) not in tally.warned:
            tally.warned.add(str(warning))
            warnings.warn(warning, stacklevel=2)
    for failure in outcome.failures:
        if settings.strict and failure.kind == "skipped":
            raise DataError(failure.reason)


def _chunks(wave: _Wave, store: Store, settings: Settings) -> Iterator[Chunk]:
    size = CHUNK if wave.stage == "measure" else max(settings.batch, wave.chunk)
    for block in _blocks(wave.samples):
        jobs = wave.jobs(block)
        known = store.known([job.key for job in jobs])
        ready = _ready([job for job in jobs if job.key not in known], store)
        yield from (_chunk(part, store) for part in _parts(ready, size))


def _parts(jobs: Sequence[Job], size: int) -> Iterator[list[Job]]:
    """At most `size` jobs together; fills of one sample, made from one answer, count as one."""
    groups = [list(same) for _, same in groupby(jobs, _together)]
    for start in range(0, len(groups), size):
        yield list(chain.from_iterable(groups[start : start + size]))


def _together(job: Job) -> SampleRef | str:
    return job.sample if isinstance(job, Fill) else job.key


def _chunk(jobs: Sequence[Job], store: Store) -> Chunk:
    rows = store.table.get(sorted({key for job in jobs for key in _needed(job)}))
    return Chunk(
        jobs=jobs,
        scores={key: row.score for key, row in rows.items() if row.score is not None},
        files={key: row.file for key, row in rows.items()},
    )


def _ready(jobs: list[Job], store: Store) -> list[Job]:
    """Those whose own input is there: nothing is judged that was never painted."""
    needs = {job.key: _needed(job) for job in jobs}
    there = store.known(sorted({key for keys in needs.values() for key in keys}))
    return [job for job in jobs if all(key in there for key in needs[job.key])]


def _needed(job: Job) -> tuple[str, ...]:
    if isinstance(job, Fill):
        return ()
    if isinstance(job, Judge):
        return (job.fill.key,)
    return (job.fill.key, *((job.judge.key,) if job.judge else ()))
