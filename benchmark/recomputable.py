"""Which outputs of a run can be recomputed on this machine, and why the others cannot."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from benchmark.core.checkpoints.resolve import find_weights
from benchmark.core.engines import lacking_engine
from benchmark.core.errors import BenchError
from benchmark.core.inspecting import inspecting
from benchmark.metrics import METRICS, revision_of
from benchmark.postprocess import PostProcess
from benchmark.results.record import Record
from benchmark.results.recorded_jobs import RecordedJobs
from benchmark.runner.jobs import DetectJob, InpaintJob, Job, MeasureJob, ResolvedModel
from benchmark.runner.resolve_models import resolve_models, tuned
from benchmark.store.store import Store
from detectors import DETECTORS
from inpainters import INPAINTERS


class Recomputable:
    """What of a run can be recomputed, with the models and weights that are here.

    Args:
        record: the run's record.
        jobs: the run's jobs.
        store: the store of its outputs.
        allow_plugins: whether models and metrics that are not of this project run, too.
    """

    def __init__(
        self, record: Record, jobs: RecordedJobs, store: Store, *, allow_plugins: bool
    ) -> None:
        self._record = record
        self._jobs = jobs
        self._store = store
        self._allowed = allow_plugins
        self._here: dict[ResolvedModel, ResolvedModel | str] = {}
        self._known: dict[str, bool] = {}
        self._launders: dict[str, str] = {"": ""}

    def skip_reason(self, job: Job) -> str:
        """Return why a job cannot be recomputed, or ""."""
        inpaint = job if isinstance(job, InpaintJob) else job.inpaint_job
        if inpaint.sample.forgery is not None:
            return self._skip_forgery(job)
        keys = [job.key, self.original(inpaint), inpaint.sample.key]
        model = None
        detect = job.detect_job if isinstance(job, MeasureJob) else job
        if isinstance(detect, DetectJob) and (reason := self._skip_launder(detect.launder)):
            return reason
        if isinstance(job, MeasureJob):
            keys += [inpaint.key, *([job.detect_job.key] if job.detect_job else [])]
            if reason := self.skip_metric(job.metric):
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
        return self.skip_metric(job.metric)

    def skip_metric(self, name: str) -> str:
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
            here = tuned(replace(chosen, weights=weights), self._jobs.resolved.plan)
            lacking = lacking_engine(here.engine) if here.engine else ""
            return f"{chosen.name}: {lacking}" if lacking else here
        if not self._allowed:
            return f"{chosen.name}: not of this project; --allow-plugins runs it"
        (here,) = resolve_models(registry, [chosen.word], self._jobs.resolved.plan)
        noted = self._record.brought.get(chosen.name)
        if noted is None or here.identity != noted.identity:
            return f"{chosen.name}: changed since"
        return here

    def with_weights(self, job: Job) -> Job:
        """Return the job with its model as it is here."""
        if isinstance(job, InpaintJob):
            here = self._model(job.inpainter)
            return replace(job, inpainter=here) if isinstance(here, ResolvedModel) else job
        if isinstance(job, DetectJob):
            here = self._model(job.detector)
            return replace(job, detector=here) if isinstance(here, ResolvedModel) else job
        return job

    def original(self, job: InpaintJob) -> str:
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
