"""The worker: run a chunk of jobs, with one model loaded at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, groupby
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.checkpoints.resolve import refuse_changed
from benchmark.core.errors import (
    BadInput,
    BadOutput,
    DataError,
    FileChanged,
    WeightsError,
)
from benchmark.core.external.files import ExternalOptions
from benchmark.core.filenames import file_part
from benchmark.core.seeds import seed_of
from benchmark.core.tensors import hole_blind, to_images, to_masks
from benchmark.core.tiles import Tiling, grid_of
from benchmark.core.types import Pixels, Sample
from benchmark.runner.batching import BatchSizer, is_out_of_memory
from benchmark.runner.failures import failure_of
from benchmark.runner.inputs import Chunk, InputLoader, Inputs
from benchmark.runner.jobs import DetectJob, InpaintJob, MeasureJob, ResolvedModel, piece_of
from benchmark.runner.measuring import Measurer
from benchmark.runner.named_models import detect_by_name, inpaint_by_name, to_logits
from benchmark.runner.outcome import ChunkResult, Failure
from benchmark.runner.per_sample import call_per_sample
from benchmark.runner.retouching import InpainterOutput, JobVariants, treated_outputs
from benchmark.runner.tiled import detect_tiled, heatmap_logits
from benchmark.store.store import StoredOutput, heatmap_output
from detectors import create_detector
from detectors.base import Detector
from detectors.external.base import NamedDetector
from inpainters import create_inpainter
from inpainters.base import Inpainter
from inpainters.external.base import NamedInpainter

R = TypeVar("R")
Item = TypeVar("Item")


class _Detected(NamedTuple):
    """A detection of one image, as stored.

    Attributes:
        logits: (H, W) float16 log-odds.
        score: image-level score in [0, 1].
    """

    logits: NDArray[np.float16]
    score: float


class _LastDetection(NamedTuple):
    """The last detection of an authentic image.

    Attributes:
        identity: the detector's identity.
        image: (H, W, 3) uint8.
        results: the detection, or the error; one item.
    """

    identity: str
    image: Pixels
    results: list[_Detected | BadOutput]


class Worker:
    """Run chunks of jobs, each of one kind and one model.

    Args:
        loader: loader of the jobs' inputs; outputs are returned, not written.
        device: a torch device such as "cpu".
        batch: samples per batch. With 1 the last bits of an output cannot depend on which other
            samples were missing from the store.
        shrink: whether a batch that does not fit into memory is halved; otherwise it is an error.
        terms: options for external programs and folders.
    """

    def __init__(
        self,
        loader: InputLoader,
        *,
        device: str,
        batch: int,
        shrink: bool = False,
        terms: ExternalOptions | None = None,
    ) -> None:
        self._terms = terms or ExternalOptions()
        self._loader = loader
        self._inputs = Inputs()
        self._device = device
        self._batch = batch
        self._sizer = BatchSizer(device, batch, shrink=shrink)
        self._loaded: dict[ResolvedModel, Inpainter | Detector] = {}
        self._measurer = Measurer(self._terms.logs)
        self._last: _LastDetection | None = None
        self._seconds = 0.0

    def load(self, chunk: Chunk) -> Inputs:
        """Decode the inputs of a chunk; may run while another chunk is processed.

        Raises:
            DamagedOutput: if a file of the store is missing or damaged.
        """
        return self._loader.load(chunk)

    def __call__(self, chunk: Chunk, inputs: Inputs) -> ChunkResult:
        """Run a chunk's jobs, all of one kind and, except for measurements, of one model.

        Args:
            chunk: the jobs.
            inputs: their inputs, from `load`.
        """
        jobs, self._inputs, self._seconds = chunk.jobs, inputs, 0.0
        inpaint = [job for job in jobs if isinstance(job, InpaintJob)]
        detect = [job for job in jobs if isinstance(job, DetectJob)]
        measure = [job for job in jobs if isinstance(job, MeasureJob)]
        found = [
            *self._inpaint(inpaint),
            *self._detect(detect),
            *self._measurer.run(measure, inputs),
        ]
        return ChunkResult(
            outputs=[one for one in found if isinstance(one, StoredOutput)],
            inputs=list(self._encoded_inputs(chunk)),
            failures=[one for one in found if isinstance(one, Failure)],
            jobs=len(jobs),
            model_seconds=self._seconds,
        )

    def inpainter(self, chosen: ResolvedModel) -> Inpainter:
        """Return an inpainter, loaded unless it was the last one used.

        Raises:
            WeightsError: if its checkpoint is damaged, of another model or not trained.
        """
        model = self._model(chosen, create_inpainter)
        if not isinstance(model, Inpainter):
            raise TypeError(f"{chosen.name} is not an inpainter")
        if model.untrained:
            raise WeightsError(f"{chosen.name} cannot be measured: {model.untrained}")
        return model

    def detector(self, chosen: ResolvedModel) -> Detector:
        """Return a detector, loaded unless it was the last one used.

        Raises:
            WeightsError: if its checkpoint is damaged or of another model.
        """
        model = self._model(chosen, create_detector)
        if not isinstance(model, Detector):
            raise TypeError(f"{chosen.name} is not a detector")
        return model

    def _model(
        self, chosen: ResolvedModel, create: Callable[..., Inpainter | Detector]
    ) -> Inpainter | Detector:
        if chosen not in self._loaded:
            self._loaded.clear()  # one model at a time, to free memory for the next
            model = create(
                chosen.word or chosen.name, weights=chosen.weights.path, device=self._device
            )
            refuse_changed(chosen.card, chosen.weights)
            model.tune(precision=chosen.precision, compiled=chosen.compiled)
            self._loaded[chosen] = model
        return self._loaded[chosen]

    def _encoded_inputs(self, chunk: Chunk) -> Iterator[StoredOutput]:
        for sample, keys in chunk.keep.items():
            loaded = self._inputs.samples.get(sample)
            if isinstance(loaded, Sample):
                yield from keys.outputs(loaded)

    def _inpaint(self, jobs: Sequence[InpaintJob]) -> Iterator[StoredOutput | Failure]:
        loaded: list[JobVariants] = []
        for ref, same in groupby(jobs, key=lambda job: job.sample):
            variants = tuple(same)
            try:
                loaded.append(JobVariants(jobs=variants, sample=self._inputs.sample(ref)))
            except FileChanged as error:  # a missing number rather than that of another file
                yield failure_of("failed", variants[0], variants[0].inpainter.name, error)
            except DataError as error:
                yield failure_of("skipped", variants[0], "", error)
        for one, output in self._run_inpainter(loaded):
            if isinstance(output, BadOutput):  # one failure, whatever would follow
                yield failure_of("failed", one.jobs[0], one.jobs[0].inpainter.name, output)
                continue
            for job, result in treated_outputs(one, output):
                if isinstance(result, BadOutput):
                    yield failure_of(
                        "failed", job, job.inpainter.name, result, treatment=job.treatment
                    )
                else:
                    yield result

    def _run_inpainter(
        self, loaded: Sequence[JobVariants]
    ) -> Iterator[tuple[JobVariants, InpainterOutput | BadOutput]]:
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
            call = self._per_sample(self._inpaint_call(job), job.inpainter.name)
            outputs = self._sizer.run(job.inpainter.name, call, images, masks)
            yield from zip(group, outputs, strict=True)

    def _inpaint_call(self, job: InpaintJob) -> Callable[..., list[InpainterOutput]]:
        inpainter = self.inpainter(job.inpainter)

        def inpaint(images: Tensor, masks: Tensor) -> list[InpainterOutput]:
            with self._clock():
                seed = seed_of(job.seed, job.sample.id)
                filled = inpainter.inpaint_whole(images, masks, seed=seed)
            return [InpainterOutput(image=image) for image in filled]

        return inpaint

    def _detect(self, jobs: Sequence[DetectJob]) -> Iterator[StoredOutput | Failure]:
        loaded: list[tuple[DetectJob, Pixels]] = []
        found: list[tuple[DetectJob, StoredOutput | BadOutput]] = []
        for job in jobs:
            try:
                image = self._post_processed(job)
            except FileChanged as error:
                yield failure_of("failed", job.inpaint_job, job.detector.name, error)
                continue
            except DataError as error:  # a forgery whose image or truth cannot be used
                yield failure_of("skipped", job.inpaint_job, "", error)
                continue
            if isinstance(image, BadOutput):
                found.append((job, image))
            else:
                loaded.append((job, image))
        for job, result in chain(found, self._run_detector(loaded)):
            if isinstance(result, BadOutput):
                yield failure_of(
                    "failed",
                    job.inpaint_job,
                    job.detector.name,
                    result,
                    treatment=job.inpaint_job.treatment,
                    launder=job.launder,
                )
            else:
                yield result

    def _run_detector(
        self, loaded: Sequence[tuple[DetectJob, Pixels]]
    ) -> Iterator[tuple[DetectJob, StoredOutput | BadOutput]]:
        detector = self.detector(loaded[0][0].detector) if loaded else None
        for pair in filter(_in_tiles, loaded):
            yield pair[0], self._detect_tiled(*pair)
        loaded = [pair for pair in loaded if not _in_tiles(pair)]
        if loaded and isinstance(detector, NamedDetector):
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
            results = self._reused(job, group[0][1])
            if results is None:
                results = self._detect_batch(job, [one for _, one in group])
            for (job, _), result in zip(group, results, strict=True):
                if isinstance(result, BadOutput):
                    yield job, result
                else:
                    yield job, heatmap_output(job.key, result.logits, result.score)

    def _detect_tiled(self, job: DetectJob, image: Pixels) -> StoredOutput | BadOutput:
        """Run a detector on an image that is larger than a tile, tile by tile."""
        results = self._reused(job, image)
        if results is None:
            call, model = partial(self._tiled_call, job), job.detector.name
            try:
                results = call_per_sample(call, [image], model=model, logs=self._terms.logs)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                raise BadInput(
                    f"{model}: out of memory on {self._device}: use a smaller --tile"
                ) from None
            if not job.inpaint_job.changes_image:
                self._last = _LastDetection(job.detector.identity, image, results)
        (found,) = results
        if isinstance(found, BadOutput):
            return found
        return heatmap_output(job.key, found.logits, found.score)

    def _tiled_call(self, job: DetectJob, images: Sequence[Pixels]) -> list[_Detected]:
        (image,), inpaint, tiling = images, job.inpaint_job, job.tiling or Tiling()
        piece = piece_of(
            inpaint.sample, image, inpainter=inpaint.inpainter_file_name, launder=job.launder
        )
        height, width = image.shape[:2]
        grid, model = grid_of(height, width, tiling), self.detector(job.detector)
        with self._clock():
            found = detect_tiled(job.detector, model, piece, grid, terms=self._terms)
        return [_Detected(heatmap_logits(found.heatmap), found.score)]

    def _detect_batch(
        self, job: DetectJob, pixels: Sequence[Pixels]
    ) -> list[_Detected | BadOutput]:
        call = self._per_sample(self._detect_call(job), job.detector.name)
        images = to_images(np.stack(pixels))
        results: list[_Detected | BadOutput] = self._sizer.run(job.detector.name, call, images)
        if self._batch == 1 and not job.inpaint_job.changes_image:
            self._last = _LastDetection(job.detector.identity, pixels[0], results)
        return results

    def _reused(self, job: DetectJob, image: Pixels) -> list[_Detected | BadOutput] | None:
        """Return the detector's output for the previous image, if that was the same image.

        An authentic image occurs once for each of its masks. In larger batches the last bits of an
        output may depend on the other images, so nothing is reused there.
        """
        if self._last is None or job.inpaint_job.changes_image:
            return None
        identity, last, results = self._last
        same = identity == job.detector.identity and np.array_equal(last, image)
        return results if same and not isinstance(results[0], BadOutput) else None

    def _post_processed(self, job: DetectJob) -> Pixels | BadOutput:
        """Return the detector's input, or the error of the post-processing.

        Raises:
            DataError: if the image of a forgery cannot be used.
        """
        (image,) = call_per_sample(
            lambda jobs: [self._detector_input(jobs[0])],
            [job],
            model=file_part(job.launder),
            logs=self._terms.logs,
        )
        return image

    def _detector_input(self, job: DetectJob) -> Pixels:
        """Return the image after post-processing, (H, W, 3) uint8; it is not stored."""
        made = job.inpaint_job
        image = (
            self._inputs.sample(made.sample).image
            if made.sample.forgery
            else self._inputs.images[made.key]
        )
        return job.step.apply(image, seed=job.seed) if job.step else image

    def _detect_call(self, job: DetectJob) -> Callable[..., list[_Detected]]:
        detector = self.detector(job.detector)

        def detect(images: Tensor) -> list[_Detected]:
            with self._clock():
                detection = detector.detect(images)
            pairs = zip(to_logits(detection.heatmap), detection.score.tolist(), strict=True)
            return [_Detected(logits, score) for logits, score in pairs]

        return detect

    def _per_sample(
        self, call: Callable[..., list[R]], model: str
    ) -> Callable[..., list[R | BadOutput]]:
        """Return `call` with one result per row: a sample that fails does not affect others."""

        def each(*tensors: Tensor) -> list[R | BadOutput]:
            def rows(part: Sequence[int]) -> list[R]:
                return call(*(tensor[part[0] : part[-1] + 1] for tensor in tensors))

            every = range(len(tensors[0]))
            return call_per_sample(rows, every, model=model, logs=self._terms.logs)

        return each

    @contextmanager
    def _clock(self) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._seconds += time.perf_counter() - start


def _in_tiles(pair: tuple[DetectJob, Pixels]) -> bool:
    """Return whether an image is larger than the tiles of its job."""
    job, image = pair
    return job.tiling is not None and max(image.shape[:2]) > job.tiling.side


def _batches(
    items: Sequence[Item], size: int, shape: Callable[[Item], tuple[int, ...]]
) -> Iterator[list[Item]]:
    """Yield consecutive items of one shape, at most `size` at a time."""
    for _, group in groupby(items, key=shape):
        alike = list(group)
        for start in range(0, len(alike), size):
            yield alike[start : start + size]
