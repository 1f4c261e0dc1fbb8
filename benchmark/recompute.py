"""Recompute a random sample of a store's outputs and compare: a checksum is no signature.

Images and masks are those of the store. Models are the registry's own, with the weights that the
run names; other code runs only with `allow_plugins`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.core.checkpoints.resolve import find_weights
from benchmark.core.errors import BenchError, DataError
from benchmark.core.inspecting import inspecting
from benchmark.core.types import Sample
from benchmark.metrics import METRICS, revision_of
from benchmark.postprocess import PostProcess
from benchmark.results.record import BEGUN, Record, read_record
from benchmark.results.recorded_jobs import RecordedJobs
from benchmark.results.run_folder import jobs_from_files, read_plan
from benchmark.results.samples import BEGUN_SAMPLES
from benchmark.runner.conditions import Condition, conditions_of, null_conditions
from benchmark.runner.inputs import Chunk, InputLoader, Inputs
from benchmark.runner.jobs import DetectJob, InpaintJob, Job, MeasureJob, ResolvedModel
from benchmark.runner.planning import JobColumn
from benchmark.runner.resolve import resolve_models
from benchmark.runner.worker import Worker
from benchmark.store.check import StoreFinding
from benchmark.store.store import Store, StoredOutput, decode_heatmap, decode_image
from detectors import DETECTORS
from inpainters import INPAINTERS

LEVELS = 2  # of 255: tolerance of an image, for another processor or number of threads
SHARE = 0.01  # of an image's values that may differ by so much
LOGIT = 0.05  # tolerance of a heatmap
NUMBER = 1e-3  # tolerance of a score; of a metric's value relative to it

State = Literal["same", "near", "other"]


class _Comparison(NamedTuple):
    """A recomputed output compared with the stored one.

    Attributes:
        state: "same" to the bit, "near" within rounding, or "other".
        finding: the finding of "other", else None.
    """

    state: State
    finding: StoreFinding | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """The result of recomputing outputs.

    Attributes:
        tried: number of recomputed outputs.
        same: number that are the same to the bit.
        near: number that differ by no more than another machine's rounding.
        findings: one for each that differs.
        left: number of chosen outputs that could not be recomputed, by the reason.
    """

    tried: int
    same: int
    near: int
    findings: tuple[StoreFinding, ...]
    left: Mapping[str, int]

    def document(self, seed: int) -> dict[str, object]:
        """Return the result as plain values for JSON."""
        others = len(self.findings)
        return {
            "seed": seed, "tried": self.tried, "same": self.same, "near": self.near,
            "other": others, "left": dict(self.left),
        }  # fmt: skip

    def lines(self, seed: int) -> Iterator[str]:
        """Yield the result as lines for the user.

        Args:
            seed: seed of the random choice.
        """
        yield (
            f"Recomputed {self.tried} outputs (seed {seed}): {self.same} identical, "
            f"{self.near} within rounding, {len(self.findings)} different."
        )
        for reason, count in self.left.items():
            yield f"Not recomputed: {count} ({reason})."


def recompute(
    runs: Sequence[Path], store: str | Path, count: int, *, seed: int, allow_plugins: bool = False
) -> Recomputed:
    """Recompute some of the outputs that runs take from a store.

    Args:
        runs: folders of runs.
        store: the store of their outputs; it is only read.
        count: number of outputs to recompute.
        seed: seed of the random choice.
        allow_plugins: whether models and metrics that are not of this project run, too.

    Raises:
        DataError: if there is no run, or the files of one are damaged or of an older version.
        WeightsError: if a checkpoint cannot be used.
    """
    if not runs:
        raise DataError("no outputs to recompute: name the folder of a run")
    with Store(store, read_only=True) as opened:
        all_runs = [_Run(folder, opened, allow_plugins=allow_plugins) for folder in runs]
        left: Counter[str] = Counter()
        chosen = _choose(all_runs, count, seed, left)
        found = [one for run, jobs in chosen for one in run.compare(jobs, left)]
    return Recomputed(
        tried=len(found),
        same=sum(one.state == "same" for one in found),
        near=sum(one.state == "near" for one in found),
        findings=tuple(one.finding for one in found if one.finding),
        left=dict(left),
    )


def _choose(
    runs: Sequence[_Run], count: int, seed: int, left: Counter[str]
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
        job = column.job(int(place) - int(ends[at] - len(column.keys)))
        reason = run.skip_reason(job)
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
        self._allowed = allow_plugins
        with inspecting():
            record = read_record(folder)
            name = "samples.csv" if record else BEGUN_SAMPLES
            record = record or read_record(folder, BEGUN)
            if record is None:
                raise DataError(f"{folder}: its run is incomplete, and of an older version")
            self._record: Record = record
            self._jobs: RecordedJobs = jobs_from_files(
                folder, read_plan(folder, record), record, name
            )
            self.columns = list(_columns(self._jobs))
        self._here: dict[ResolvedModel, ResolvedModel | str] = {}
        self._known: dict[str, bool] = {}
        self._launders: dict[str, str] = {"": ""}

    def skip_reason(self, job: Job) -> str:
        """Return why a job cannot be recomputed, or ""."""
        inpaint = job if isinstance(job, InpaintJob) else job.inpaint_job
        if inpaint.sample.forgery is not None:
            return self._skip_forgery(job)
        keys = [job.key, self._original(inpaint), inpaint.sample.key]
        model = None
        detect = job.detect_job if isinstance(job, MeasureJob) else job
        if isinstance(detect, DetectJob) and (reason := self._skip_launder(detect.launder)):
            return reason
        if isinstance(job, MeasureJob):
            keys += [inpaint.key, *([job.detect_job.key] if job.detect_job else [])]
            if reason := self._skip_metric(job.metric):
                return reason
        elif isinstance(job, DetectJob):
            keys.append(inpaint.key)
            model = job.detector
        else:
            model = inpaint.inpainter
        if not all(map(self._is_stored, keys)):
            return "the output, or an input of it, is not in the store"
        here = self._model(model) if model else ""
        return here if isinstance(here, str) else ""

    def _skip_forgery(self, job: Job) -> str:
        """Return why a job on a forgery cannot be recomputed, or ""."""
        if not isinstance(job, MeasureJob) or job.detect_job is None:
            return "the images of a set of forgeries are not in the store"
        if job.metric not in METRICS.built_in:
            return f"{job.metric}: a metric that may read the images, which are not in the store"
        keys = (job.key, job.inpaint_job.sample.key, job.detect_job.key)
        if not all(map(self._is_stored, keys)):
            return "the output, or an input of it, is not in the store"
        return self._skip_metric(job.metric)

    def compare(self, jobs: Sequence[Job], left: Counter[str]) -> Iterator[_Comparison]:
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
            result = worker(Chunk(jobs=[self._with_weights(job)]), inputs)
            if not result.outputs:
                left[f"it fails: {result.failures[0].reason}"] += 1
                continue
            yield self._compare(job, result.outputs[0])

    def _original(self, job: InpaintJob) -> str:
        """Return the key of a sample's image."""
        return self._jobs.image_keys()[self._indexes[job.sample.key]]

    @cached_property
    def _indexes(self) -> dict[str, int]:
        """Indexes of the samples, by their key."""
        return {one.key: index for index, one in enumerate(self._jobs.resolved.samples)}

    def _is_stored(self, key: str) -> bool:
        if key not in self._known:
            self._known[key] = bool(self._store.known([key]))
        return self._known[key]

    def _skip_metric(self, name: str) -> str:
        """Return why a metric cannot be recomputed, or ""."""
        if name in METRICS.built_in:
            same = self._record.metrics.get(METRICS.load(name).of_untouched or name)
            now = revision_of(METRICS.load(name).of_untouched or name)
            return "" if same == now else f"{name}: measured by another version"
        if not self._allowed:
            return f"{name}: a metric that is not of this project; --allow-plugins runs it"
        return (
            "" if self._record.metrics.get(name) == revision_of(name) else f"{name}: changed since"
        )

    def _skip_launder(self, name: str) -> str:
        """Return why a post-processing cannot be recomputed, or ""."""
        if name not in self._launders:
            self._launders[name] = self._find_launder(name)
        return self._launders[name]

    def _find_launder(self, name: str) -> str:
        with inspecting():  # does not import a plugin
            word = self._jobs.resolved.plan.launder_words[name]
            external = PostProcess.parse(word).is_external
        if external and not self._allowed:
            return f"{name}: not of this project, or read from files; --allow-plugins runs it"
        noted = self._record.launders.get(name)
        try:
            key = PostProcess.parse(word).key
        except BenchError as error:
            return f"{name}: {error}"
        return "" if key == (noted.key if noted else name) else f"{name}: changed since"

    def _model(self, chosen: ResolvedModel) -> ResolvedModel | str:
        """Return the model with the weights here, or why it differs from the run's."""
        if chosen not in self._here:
            self._here[chosen] = self._find(chosen)
        return self._here[chosen]

    def _find(self, chosen: ResolvedModel) -> ResolvedModel | str:
        registry = (
            INPAINTERS if chosen.name in self._jobs.resolved.plan.inpainter_names else DETECTORS
        )
        if chosen.name in (*INPAINTERS.built_in, *DETECTORS.built_in):
            wanted = (
                chosen.weights.edition if chosen.weights.edition in ("official", "mini") else None
            )
            try:
                weights = find_weights(chosen.card, wanted)
            except BenchError:
                return f"{chosen.name}: its weights are missing"
            if weights.sha256 != chosen.weights.sha256:
                return f"{chosen.name}: the weights here are different"
            return replace(chosen, weights=weights)
        if not self._allowed:
            return f"{chosen.name}: not of this project; --allow-plugins runs it"
        (here,) = resolve_models(registry, [chosen.word], self._jobs.resolved.plan)
        noted = self._record.brought.get(chosen.name)
        if noted is None or here.identity != noted.identity:
            return f"{chosen.name}: changed since"
        return here

    def _with_weights(self, job: Job) -> Job:
        if isinstance(job, InpaintJob):
            here = self._model(job.inpainter)
            return replace(job, inpainter=here) if isinstance(here, ResolvedModel) else job
        if isinstance(job, DetectJob):
            here = self._model(job.detector)
            return replace(job, detector=here) if isinstance(here, ResolvedModel) else job
        return job

    def _inputs(self, job: Job) -> Inputs:
        inpaint = job if isinstance(job, InpaintJob) else job.inpaint_job
        inputs = Inputs()
        mask = self._store.mask(inpaint.sample.key)
        forged = inpaint.sample.forgery is not None  # its metrics need heatmap and truth alone
        inputs.samples[inpaint.sample.key] = Sample(
            id=inpaint.sample.id,
            image=np.broadcast_to(np.uint8(0), (*mask.shape, 3))
            if forged
            else self._store.image(self._original(inpaint)),
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

    def _compare(self, job: Job, new: StoredOutput) -> _Comparison:
        if isinstance(job, MeasureJob):
            (old,) = self._store.measurements([job.key])
            state = _compare_numbers(old, np.asarray(new.numbers))
        elif isinstance(job, DetectJob):
            (score,) = self._store.scores([job.key])
            state = _compare_detections(self._store.heatmap(job.key), new, score)
        else:
            state = _compare_images(self._store.image(job.key), new)
        if state != "other":
            return _Comparison(state, None)
        inpaint = job if isinstance(job, InpaintJob) else job.inpaint_job
        sample = inpaint.sample
        what = f"{_describe(job)} of {inpaint.inpainter_label} for {sample.id}"
        finding = StoreFinding(
            kind="other",
            where=f"{self._store.place}: {job.key}",
            said=f"{what} at {sample.bucket} %: differs when recomputed",
        )
        return _Comparison(state, finding)


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


def _compare_images(old: NDArray[np.uint8], new: StoredOutput) -> State:
    """Compare a stored image, (H, W, 3) uint8, with a recomputed one."""
    made = decode_image(new.content)
    if made is None or made.shape != old.shape:
        return "other"
    difference = np.abs(made.astype(np.int16) - old.astype(np.int16))
    if not difference.any():
        return "same"
    return "near" if difference.max() <= LEVELS and (difference > 0).mean() <= SHARE else "other"


def _compare_detections(old: NDArray[np.float16], new: StoredOutput, score: float | None) -> State:
    """Compare a stored detection, (H, W) float16 logits and a score, with a recomputed one."""
    made = decode_heatmap(new.content)
    if made is None or made.shape != old.shape or score is None or new.score is None:
        return "other"
    if np.array_equal(made, old) and new.score == score:
        return "same"
    close = np.allclose(made.astype(np.float32), old.astype(np.float32), atol=LOGIT, rtol=1e-2)
    return "near" if close and abs(new.score - score) <= NUMBER else "other"


def _compare_numbers(old: NDArray[np.float64] | None, new: NDArray[np.float64]) -> State:
    """Compare a metric's stored values, (K,), with recomputed ones."""
    if old is None or old.shape != new.shape:
        return "other"
    if np.array_equal(old, new, equal_nan=True):
        return "same"
    close = np.allclose(old, new, rtol=NUMBER, atol=NUMBER, equal_nan=True)
    return "near" if close else "other"
