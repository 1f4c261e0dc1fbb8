"""The worker: turns a chunk of jobs into answers, with one model loaded at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.checkpoints.resolve import refuse_changed
from benchmark.core.errors import BadOutput, DataError, FileChanged, KnownMoved, WeightsError
from benchmark.core.external.files import Terms
from benchmark.core.seeds import seed_of
from benchmark.core.tensors import hole_blind, to_images, to_masks
from benchmark.core.types import Case, Pixels, Sample, Verdict
from benchmark.metrics import METRICS, Metric
from benchmark.runner.batching import BatchSizer
from benchmark.runner.inputs import Chunk, InputLoader, Inputs
from benchmark.runner.jobs import DetectJob, InpaintJob, MeasureJob, ResolvedModel
from benchmark.runner.named_models import detect_by_name, inpaint_by_name, to_logits
from benchmark.runner.outcome import ChunkResult, Failure
from benchmark.runner.per_sample import call_per_sample
from benchmark.runner.retouching import InpainterOutput, RetouchVariants, retouched
from benchmark.store.store import StoredOutput, heatmap_output, metric_output
from detectors import create_detector
from detectors.base import Detector
from detectors.external.base import NamedDetector
from inpainters import create_inpainter
from inpainters.base import Inpainter
from inpainters.external.base import NamedInpainter

Seen = tuple[NDArray[np.float16], float]  # (H, W) logits and score of one image
R = TypeVar("R")
Item = TypeVar("Item")


class Worker:
    """Works off chunks of jobs of one kind and one model.

    Args:
        loader: where what the jobs need is read from; answers are handed back, not written.
        device: a torch device such as "cpu".
        batch: how many samples a model sees at once. At 1 an answer cannot depend, in its last
            bits, on which other samples happened to be missing from the store.
        shrink: whether a batch that does not fit into the memory is halved; else it is an error.
        terms: on what terms programs and folders outside are used.
    """

    def __init__(
        self,
        loader: InputLoader,
        *,
        device: str,
        batch: int,
        shrink: bool = False,
        terms: Terms | None = None,
    ) -> None:
        self._terms = terms or Terms()
        self._shelf = loader
        self._inputs = Inputs()
        self._device = device
        self._batch = batch
        self._memory = BatchSizer(device, batch, shrink=shrink)
        self._loaded: dict[ResolvedModel, Inpainter | Detector] = {}
        self._metrics: dict[str, Metric] = {}
        self._last: tuple[str, Pixels, list[Seen | BadOutput]] | None = None
        self._seconds = 0.0

    def load(self, chunk: Chunk) -> Inputs:
        """Decode what a chunk needs; may run beside the answering of another.

        Raises:
            DamagedOutput: if a file of the store is gone or damaged.
        """
        return self._shelf.load(chunk)

    def __call__(self, chunk: Chunk, inputs: Inputs) -> ChunkResult:
        """Answer a chunk's jobs, all of one kind and, for fills and judgements, of one model.

        Args:
            chunk: the jobs.
            inputs: what `load` gave for them.
        """
        jobs, self._inputs, self._seconds = chunk.jobs, inputs, 0.0
        fills = [job for job in jobs if isinstance(job, InpaintJob)]
        judges = [job for job in jobs if isinstance(job, DetectJob)]
        measures = [job for job in jobs if isinstance(job, MeasureJob)]
        found = [*self._fill(fills), *self._judge(judges), *self._measure(measures)]
        return ChunkResult(
            answers=[one for one in found if isinstance(one, StoredOutput)],
            inputs=list(self._kept(chunk)),
            failures=[one for one in found if isinstance(one, Failure)],
            jobs=len(jobs),
            model_seconds=self._seconds,
        )

    def inpainter(self, chosen: ResolvedModel) -> Inpainter:
        """Load an inpainter, or return it if it was the last one loaded.

        Raises:
            WeightsError: if its checkpoint is damaged, of another model or not trained.
        """
        model = self._model(chosen, create_inpainter)
        if not isinstance(model, Inpainter):
            raise TypeError(f"{chosen.name} is no inpainter")
        if model.untrained:
            raise WeightsError(f"{chosen.name} cannot be measured: {model.untrained}")
        return model

    def detector(self, chosen: ResolvedModel) -> Detector:
        """Load a detector, or return it if it was the last one loaded.

        Raises:
            WeightsError: if its checkpoint is damaged or of another model.
        """
        model = self._model(chosen, create_detector)
        if not isinstance(model, Detector):
            raise TypeError(f"{chosen.name} is no detector")
        return model

    def _model(
        self, chosen: ResolvedModel, create: Callable[..., Inpainter | Detector]
    ) -> Inpainter | Detector:
        if chosen not in self._loaded:
            self._loaded.clear()  # one model at a time: the next may need the memory
            model = create(
                chosen.word or chosen.name, weights=chosen.weights.path, device=self._device
            )
            refuse_changed(chosen.card, chosen.weights)
            model.tune(precision=chosen.precision, compiled=chosen.compiled)
            self._loaded[chosen] = model
        return self._loaded[chosen]

    def _kept(self, chunk: Chunk) -> Iterator[StoredOutput]:
        for sample, keys in chunk.keep.items():
            loaded = self._inputs.samples.get(sample)
            if isinstance(loaded, Sample):
                yield from keys.answers(loaded)

    def _fill(self, jobs: Sequence[InpaintJob]) -> Iterator[StoredOutput | Failure]:
        loaded: list[RetouchVariants] = []
        for ref, same in groupby(jobs, key=lambda job: job.sample):
            variants = tuple(same)
            try:
                loaded.append(RetouchVariants(jobs=variants, sample=self._inputs.sample(ref)))
            except FileChanged as error:  # its numbers are missing, and not those of another file
                yield _failure("failed", variants[0], variants[0].inpainter.name, error)
            except DataError as error:
                yield _failure("skipped", variants[0], "", error)
        for one, painted in self._painted(loaded):
            if isinstance(painted, BadOutput):  # of the inpainter, whatever was to follow
                yield _failure("failed", one.jobs[0], one.jobs[0].inpainter.name, painted)
                continue
            for job, answer in retouched(one, painted):
                if isinstance(answer, BadOutput):
                    yield _failure("failed", job, job.inpainter.name, answer, retouch=job.retouch)
                else:
                    yield answer

    def _painted(
        self, loaded: Sequence[RetouchVariants]
    ) -> Iterator[tuple[RetouchVariants, InpainterOutput | BadOutput]]:
        inpainter = self.inpainter(loaded[0].jobs[0].inpainter) if loaded else None
        if isinstance(inpainter, NamedInpainter):
            with self._clock():
                named = call_per_sample(
                    partial(inpaint_by_name, inpainter, terms=self._terms),
                    loaded,
                    model=loaded[0].jobs[0].inpainter.name,
                    logs=self._terms.logs,
                )
            yield from zip(loaded, named, strict=True)
            return
        batch = 1 if loaded and loaded[0].jobs[0].inpainter.card.seeded else self._batch
        for group in _batches(loaded, batch, lambda one: one.sample.image.shape):
            images = to_images(np.stack([one.sample.image for one in group]))
            masks = to_masks(np.stack([one.sample.mask for one in group]))
            job = group[0].jobs[0]
            images = hole_blind(images, masks) if job.blind else images
            paint = self._each(self._painter(job), job.inpainter.name)
            painted = self._memory.fitting(job.inpainter.name, paint, images, masks)
            yield from zip(group, painted, strict=True)

    def _painter(self, job: InpaintJob) -> Callable[..., list[InpainterOutput]]:
        inpainter = self.inpainter(job.inpainter)

        def paint(images: Tensor, masks: Tensor) -> list[InpainterOutput]:
            with self._clock():
                seed = seed_of(job.seed, job.sample.id)
                filled = inpainter.inpaint(images, masks, seed=seed)
            return [InpainterOutput(image=image) for image in filled]

        return paint

    def _judge(self, jobs: Sequence[DetectJob]) -> Iterator[StoredOutput | Failure]:
        loaded = [(job, self._seen(job)) for job in jobs]
        for job, answer in self._judged(loaded):
            if isinstance(answer, BadOutput):
                yield _failure(
                    "failed",
                    job.inpaint_job,
                    job.detector.name,
                    answer,
                    retouch=job.inpaint_job.retouch,
                    launder=job.launder,
                )
            else:
                yield answer

    def _judged(
        self, loaded: Sequence[tuple[DetectJob, Pixels]]
    ) -> Iterator[tuple[DetectJob, StoredOutput | BadOutput]]:
        detector = self.detector(loaded[0][0].detector) if loaded else None
        if isinstance(detector, NamedDetector):
            with self._clock():
                named = call_per_sample(
                    partial(detect_by_name, detector, terms=self._terms),
                    loaded,
                    model=loaded[0][0].detector.name,
                    logs=self._terms.logs,
                )
            yield from zip((job for job, _ in loaded), named, strict=True)
            return
        for group in _batches(loaded, self._batch, lambda pair: pair[1].shape):
            job = group[0][0]
            seen = self._seen_before(job, group[0][1]) or self._looked(
                job, [one for _, one in group]
            )
            for (job, _), answer in zip(group, seen, strict=True):
                kept = answer if isinstance(answer, BadOutput) else heatmap_output(job.key, *answer)
                yield job, kept

    def _looked(self, job: DetectJob, pictures: Sequence[Pixels]) -> list[Seen | BadOutput]:
        view = self._each(self._viewer(job), job.detector.name)
        images = to_images(np.stack(pictures))
        seen: list[Seen | BadOutput] = self._memory.fitting(job.detector.name, view, images)
        if self._batch == 1 and not job.inpaint_job.changed:
            self._last = (job.detector.identity, pictures[0], seen)
        return seen

    def _seen_before(self, job: DetectJob, picture: Pixels) -> list[Seen | BadOutput] | None:
        """What the detector said of the image before this one, if that was the very same.

        An untouched image comes once for each of its holes. In larger batches the last bits of an
        answer may depend on the neighbours, so there nothing is taken over.
        """
        if self._last is None or job.inpaint_job.changed:
            return None
        identity, last, seen = self._last
        same = identity == job.detector.identity and np.array_equal(last, picture)
        return seen if same and not isinstance(seen[0], BadOutput) else None

    def _seen(self, job: DetectJob) -> Pixels:
        """The image that the detector gets to see; only the inpainted one is kept."""
        painted = self._inputs.pictures[job.inpaint_job.key]
        return job.step.apply(painted, seed=job.seed) if job.step else painted

    def _viewer(self, job: DetectJob) -> Callable[..., list[Seen]]:
        detector = self.detector(job.detector)

        def view(images: Tensor) -> list[Seen]:
            with self._clock():
                detection = detector.detect(images)
            return list(zip(to_logits(detection.heatmap), detection.score.tolist(), strict=True))

        return view

    def _each(self, call: Callable[..., list[R]], model: str) -> Callable[..., list[R | BadOutput]]:
        """One answer a row of tensors; one bad sample must not take its neighbours with it."""

        def each(*tensors: Tensor) -> list[R | BadOutput]:
            def rows(part: Sequence[int]) -> list[R]:
                return call(*(tensor[part[0] : part[-1] + 1] for tensor in tensors))

            every = range(len(tensors[0]))
            return call_per_sample(rows, every, model=model, logs=self._terms.logs)

        return each

    def _measure(self, jobs: Sequence[MeasureJob]) -> Iterator[StoredOutput | Failure]:
        for _, group in groupby(jobs, key=_case_key):
            measures = list(group)
            try:
                case = self._case(measures[0])
            except DataError as error:  # such as an image that changed since it was inpainted
                yield from (_unmeasured(job, error) for job in measures)
                continue
            for job in measures:
                if job.metric not in self._metrics:
                    self._metrics[job.metric] = METRICS.load(job.metric)()
                yield self._measured(job, case)

    def _measured(self, job: MeasureJob, case: Case) -> StoredOutput | Failure:
        metric = self._metrics[job.metric]
        (row,) = call_per_sample(
            lambda cases: [metric.measure(_copied(one))[0] for one in cases],
            [case],
            model=job.metric,
            logs=self._terms.logs,
        )
        return _unmeasured(job, row) if isinstance(row, BadOutput) else metric_output(job.key, row)

    def _case(self, job: MeasureJob) -> Case:
        sample = self._inputs.sample(job.inpaint_job.sample)
        image, mask = sample.image, sample.mask
        filled = self._inputs.pictures[job.inpaint_job.key]
        step = job.detect_job.step if job.detect_job else None
        if step:  # all at the heatmap's size; the quality of a laundered image is not measured
            image, filled, mask = step.resized(image), step.resized(filled), step.truth(mask)
        return Case(
            image=image[None],
            mask=mask[None],
            truth=(mask & job.inpaint_job.changed)[None],
            filled=filled[None],
            verdict=self._verdict(job.detect_job) if job.detect_job else None,
        )

    def _verdict(self, job: DetectJob) -> Verdict:
        return Verdict(
            logits=self._inputs.heatmaps[job.key][None],
            score=np.asarray([self._inputs.scores[job.key]], dtype=np.float32),
            threshold=job.detector.card.threshold,
        )

    @contextmanager
    def _clock(self) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._seconds += time.perf_counter() - start


def _batches(
    items: Sequence[Item], size: int, shape: Callable[[Item], tuple[int, ...]]
) -> Iterator[list[Item]]:
    """Neighbours of one shape, at most `size` together."""
    for _, group in groupby(items, key=shape):
        alike = list(group)
        for start in range(0, len(alike), size):
            yield alike[start : start + size]


def _copied(case: Case) -> Case:
    """A case that a metric may write into: the samples are kept for others."""
    verdict = case.verdict
    return Case(
        image=case.image.copy(),
        mask=case.mask.copy(),
        truth=case.truth.copy(),
        filled=case.filled.copy(),
        verdict=verdict and replace(verdict, logits=verdict.logits.copy()),
    )


def _case_key(job: MeasureJob) -> tuple[str, str]:
    return job.inpaint_job.key, job.detect_job.key if job.detect_job else ""


def _unmeasured(job: MeasureJob, error: Exception) -> Failure:
    launder = job.detect_job.launder if job.detect_job else ""
    retouch = job.inpaint_job.retouch
    return _failure("failed", job.inpaint_job, job.metric, error, retouch=retouch, launder=launder)


def _failure(
    kind: str,
    job: InpaintJob,
    model: str,
    error: Exception,
    *,
    retouch: str = "",
    launder: str = "",
) -> Failure:
    return Failure(
        kind="skipped" if kind == "skipped" else "failed",
        dataset=job.sample.dataset,
        sample=job.sample.id,
        bucket=job.sample.bucket,
        retouch=retouch,
        launder=launder,
        model=model,
        reason=str(error),
        drift=error.drift if isinstance(error, KnownMoved) else (),
    )
