"""Compute some answers of a store anew, drawn at random, and compare: a row's mark is no signature.

Images and masks are those of the store. Models are the registry's own, with the weights that the
run names; code of others is run only if that is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.core.checkpoints.resolve import find_weights
from benchmark.core.errors import BenchError, DataError
from benchmark.core.looking import looking
from benchmark.core.types import Sample
from benchmark.metrics import METRICS, revision_of
from benchmark.results.record import BEGUN, Record, read_record
from benchmark.results.recorded_jobs import RecordedJobs
from benchmark.results.run_folder import jobs_from_files, read_plan
from benchmark.results.samples import BEGUN_SAMPLES
from benchmark.runner.conditions import View, null_views, views
from benchmark.runner.inputs import Chunk, InputLoader, Inputs
from benchmark.runner.jobs import Chosen, DetectJob, InpaintJob, Job, MeasureJob
from benchmark.runner.planning import Column
from benchmark.runner.resolve import choose
from benchmark.runner.worker import Worker
from benchmark.store.check import Finding
from benchmark.store.store import Answer, Store, decode_heatmap, decode_image
from detectors import DETECTORS
from inpainters import INPAINTERS

LEVELS = 2  # of 255: what another processor or number of threads may move in an image
SHARE = 0.01  # of an image's numbers that may move so
LOGIT = 0.05
NUMBER = 1e-3  # of a score; of a measured number relative to it


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """What came of computing answers anew.

    Attributes:
        tried: how many were computed.
        same: those that are the same to the bit.
        near: those that differ by no more than another machine's rounding.
        findings: one for each that is another answer.
        left: how many drawn answers could not be computed anew, by the reason.
    """

    tried: int
    same: int
    near: int
    findings: tuple[Finding, ...]
    left: Mapping[str, int]

    def document(self, seed: int) -> dict[str, object]:
        """It as plain values for JSON."""
        others = len(self.findings)
        return {
            "seed": seed, "tried": self.tried, "same": self.same, "near": self.near,
            "other": others, "left": dict(self.left),
        }  # fmt: skip

    def lines(self, seed: int) -> Iterator[str]:
        """It for a reader.

        Args:
            seed: from which the answers were drawn.
        """
        yield (
            f"Computed {self.tried} answers anew (seed {seed}): {self.same} the same to the bit, "
            f"{self.near} within rounding, {len(self.findings)} others."
        )
        for reason, count in self.left.items():
            yield f"Not computed anew: {count} ({reason})."


def recompute(
    runs: Sequence[Path], store: str | Path, count: int, *, seed: int, allow_plugins: bool = False
) -> Recomputed:
    """Compute some of the answers of a store anew that runs ask for.

    Args:
        runs: folders of runs.
        store: where their answers are; it is only read.
        count: how many to draw.
        seed: from which they are drawn.
        allow_plugins: whether models and metrics that are not of this project are run too.

    Raises:
        DataError: if there is no run, or the files of one are damaged or of an older version.
        WeightsError: if a checkpoint cannot be used.
    """
    if not runs:
        raise DataError("which answers? Name the folder of a run that has them")
    with Store(store, foreign=True) as answers:
        every = [_Run(folder, answers, allow_plugins=allow_plugins) for folder in runs]
        left: Counter[str] = Counter()
        drawn = _drawn(every, count, seed, left)
        found = [one for run, jobs in drawn for one in run.answered(jobs, left)]
    findings = tuple(finding for state, finding in found if state == "other" and finding)
    return Recomputed(
        tried=len(found),
        same=sum(state == "same" for state, _ in found),
        near=sum(state == "near" for state, _ in found),
        findings=findings,
        left=dict(left),
    )


def _drawn(
    runs: Sequence[_Run], count: int, seed: int, left: Counter[str]
) -> list[tuple[_Run, list[Job]]]:
    """Answers in a random order, until there are enough that can be computed."""
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
        job = column.job(int(place) - int(ends[at] - len(column.keys)))
        reason = run.refused(job)
        if reason:
            left[reason] += 1
        elif job.key not in keys:
            keys.add(job.key)
            chosen.setdefault(id(run), []).append(job)
    return [(run, chosen.get(id(run), [])) for run in runs]


class _Run:
    """A run whose answers are computed anew."""

    def __init__(self, folder: Path, store: Store, *, allow_plugins: bool) -> None:
        self._store = store
        self._allowed = allow_plugins
        with looking():
            record = read_record(folder)
            name = "samples.csv" if record else BEGUN_SAMPLES
            record = record or read_record(folder, BEGUN)
            if record is None:
                raise DataError(f"{folder}: its run has not ended, and does not say what it asks")
            self._record: Record = record
            self._jobs: RecordedJobs = jobs_from_files(
                folder, read_plan(folder, record), record, name
            )
            self.columns = list(_columns(self._jobs))
        self._here: dict[Chosen, Chosen | str] = {}
        self._known: dict[str, bool] = {}

    def refused(self, job: Job) -> str:
        """Why a job is not computed anew, or ""."""
        fill = job if isinstance(job, InpaintJob) else job.fill
        judge = job if isinstance(job, DetectJob) else None
        keys = [job.key, self._original(fill), fill.sample.key]
        if isinstance(job, MeasureJob):
            judge = None
            keys += [fill.key, *([job.judge.key] if job.judge else [])]
            if reason := self._of_metric(job.metric):
                return reason
        if isinstance(job, DetectJob):
            keys.append(fill.key)
        if not all(map(self._is_there, keys)):
            return "it, or what it is made of, is not in the store"
        model = judge.detector if judge else fill.inpainter if isinstance(job, InpaintJob) else None
        here = self._model(model) if model else ""
        return here if isinstance(here, str) else ""

    def answered(
        self, jobs: Sequence[Job], left: Counter[str]
    ) -> Iterator[tuple[str, Finding | None]]:
        """How each answer compares: "same", "near" or "other"."""
        worker = Worker(
            InputLoader(self._jobs.setup.sources, self._store.place),
            device="cpu",
            batch=1,
            terms=self._jobs.setup.terms(timeout=600.0),
        )
        for job in sorted(jobs, key=_by_model):
            try:
                inputs = self._inputs(job)
            except BenchError as error:
                left[str(error)] += 1
                continue
            outcome = worker(Chunk(jobs=[self._with_weights(job)]), inputs)
            if not outcome.answers:
                left[f"it fails: {outcome.failures[0].reason}"] += 1
                continue
            yield self._compared(job, outcome.answers[0])

    def _original(self, fill: InpaintJob) -> str:
        places = self._places
        return self._jobs.images()[places[fill.sample.key]]

    @property
    def _places(self) -> dict[str, int]:
        if not hasattr(self, "_by_key"):
            samples = self._jobs.setup.samples
            self._by_key = {one.key: place for place, one in enumerate(samples)}
        return self._by_key

    def _is_there(self, key: str) -> bool:
        if key not in self._known:
            self._known[key] = bool(self._store.known([key]))
        return self._known[key]

    def _of_metric(self, name: str) -> str:
        if name in METRICS.ours:
            same = self._record.metrics.get(METRICS.load(name).of_untouched or name)
            now = revision_of(METRICS.load(name).of_untouched or name)
            return "" if same == now else f"{name}: measured by another version"
        if not self._allowed:
            return f"{name}: a metric that is not of this project; --allow-plugins runs it"
        return (
            "" if self._record.metrics.get(name) == revision_of(name) else f"{name}: changed since"
        )

    def _model(self, chosen: Chosen) -> Chosen | str:
        """The model as it is here, or why it is not the run's."""
        if chosen not in self._here:
            self._here[chosen] = self._found(chosen)
        return self._here[chosen]

    def _found(self, chosen: Chosen) -> Chosen | str:
        registry = INPAINTERS if chosen.name in self._jobs.setup.plan.inpainter_names else DETECTORS
        if chosen.name in (*INPAINTERS.ours, *DETECTORS.ours):
            wanted = (
                chosen.weights.edition if chosen.weights.edition in ("official", "mini") else None
            )
            try:
                weights = find_weights(chosen.card, wanted)
            except BenchError:
                return f"{chosen.name}: its weights are not here"
            if weights.sha256 != chosen.weights.sha256:
                return f"{chosen.name}: other weights are here"
            return replace(chosen, weights=weights)
        if not self._allowed:
            return f"{chosen.name}: not of this project; --allow-plugins runs it"
        (here,) = choose(registry, [chosen.word], self._jobs.setup.plan)
        noted = self._record.brought.get(chosen.name)
        if noted is None or here.identity != noted.identity:
            return f"{chosen.name}: changed since"
        return here

    def _with_weights(self, job: Job) -> Job:
        if isinstance(job, InpaintJob):
            here = self._model(job.inpainter)
            return replace(job, inpainter=here) if isinstance(here, Chosen) else job
        if isinstance(job, DetectJob):
            here = self._model(job.detector)
            return replace(job, detector=here) if isinstance(here, Chosen) else job
        return job

    def _inputs(self, job: Job) -> Inputs:
        fill = job if isinstance(job, InpaintJob) else job.fill
        inputs = Inputs()
        inputs.samples[fill.sample.key] = Sample(
            id=fill.sample.id,
            image=self._store.picture(self._original(fill)),
            mask=self._store.mask(fill.sample.key),
            bucket=fill.sample.bucket,
        )
        if not isinstance(job, InpaintJob):
            inputs.pictures[fill.key] = self._store.picture(fill.key)
        if isinstance(job, MeasureJob) and job.judge:
            inputs.heatmaps[job.judge.key] = self._store.heatmap(job.judge.key)
            (score,) = self._store.scores([job.judge.key])
            inputs.scores[job.judge.key] = score or 0.0
        return inputs

    def _compared(self, job: Job, new: Answer) -> tuple[str, Finding | None]:
        state = "other"
        if isinstance(job, MeasureJob):
            (old,) = self._store.rows([job.key])
            state = _of_numbers(old, np.asarray(new.numbers))
        elif isinstance(job, DetectJob):
            (score,) = self._store.scores([job.key])
            state = _of_heatmaps(self._store.heatmap(job.key), new, score)
        else:
            state = _of_pictures(self._store.picture(job.key), new)
        where = f"{self._store.place}: {job.key}"
        fill = job if isinstance(job, InpaintJob) else job.fill
        said = f"{_what(job)} of {fill.painter} for {fill.sample.id} at {fill.sample.bucket} %"
        finding = Finding(kind="other", where=where, said=f"{said}: computed anew it is another")
        return state, finding if state == "other" else None


def _columns(
    jobs: RecordedJobs,
) -> Iterator[Column[InpaintJob] | Column[DetectJob] | Column[MeasureJob]]:
    setup = jobs.setup
    every: list[View] = list(views(setup, (None,), setup.inpainters))
    seen = [*views(setup, setup.detectors, setup.inpainters)]
    if setup.for_null is not None:
        seen += [
            one for one in null_views(setup) if one.detector and not setup.no_null(one.detector)
        ]
    for view in every:
        yield jobs.fills(view.inpainter, view.retouch)
    for view in seen:
        if view.detector is not None:
            yield jobs.judges(view.detector, view.inpainter, view.retouch, view.launder)
    for painter in dict.fromkeys((one.inpainter, one.retouch) for one in (*every, *seen)):
        yield from jobs.measures(*painter)


def _by_model(job: Job) -> tuple[int, str]:
    if isinstance(job, InpaintJob):
        return 0, job.inpainter.name
    return (1, job.detector.name) if isinstance(job, DetectJob) else (2, job.metric)


def _what(job: Job) -> str:
    if isinstance(job, InpaintJob):
        return "the image"
    return f"what {job.detector.name} says" if isinstance(job, DetectJob) else job.metric


def _of_pictures(old: NDArray[np.uint8], new: Answer) -> str:
    made = decode_image(new.content)
    if made is None or made.shape != old.shape:
        return "other"
    apart = np.abs(made.astype(np.int16) - old.astype(np.int16))
    if not apart.any():
        return "same"
    return "near" if apart.max() <= LEVELS and (apart > 0).mean() <= SHARE else "other"


def _of_heatmaps(old: NDArray[np.float16], new: Answer, score: float | None) -> str:
    made = decode_heatmap(new.content)
    if made is None or made.shape != old.shape or score is None or new.score is None:
        return "other"
    if np.array_equal(made, old) and new.score == score:
        return "same"
    close = np.allclose(made.astype(np.float32), old.astype(np.float32), atol=LOGIT, rtol=1e-2)
    return "near" if close and abs(new.score - score) <= NUMBER else "other"


def _of_numbers(old: NDArray[np.float64] | None, new: NDArray[np.float64]) -> str:
    if old is None or old.shape != new.shape:
        return "other"
    if np.array_equal(old, new, equal_nan=True):
        return "same"
    close = np.allclose(old, new, rtol=NUMBER, atol=NUMBER, equal_nan=True)
    return "near" if close else "other"
