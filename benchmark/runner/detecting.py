"""Detecting: run a detector on inpainted images after post-processing, whole or in tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.errors import BadInput, BadOutput, DataError, FileChanged
from benchmark.core.filenames import file_part
from benchmark.core.tensors import to_images
from benchmark.core.tiles import Tiling, grid_of
from benchmark.core.types import Pixels
from benchmark.runner.batching import batches_of_one_shape, is_out_of_memory
from benchmark.runner.failures import failure_of
from benchmark.runner.inputs import Inputs
from benchmark.runner.jobs import DetectJob, ResolvedModel, piece_of
from benchmark.runner.model_calls import ModelCalls
from benchmark.runner.named_models import detect_by_name, to_logits
from benchmark.runner.outcome import Failure
from benchmark.runner.tiled import detect_tiled, heatmap_logits
from benchmark.store.encoding import StoredOutput, heatmap_output
from detectors.base import Detector
from detectors.external.base import NamedDetector


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


class DetectRunner:
    """Run jobs that detect.

    Args:
        load: returns a loaded detector.
        calls: calls of models.
    """

    def __init__(self, load: Callable[[ResolvedModel], Detector], calls: ModelCalls) -> None:
        self._load = load
        self._calls = calls
        self._last: _LastDetection | None = None

    def run(self, jobs: Sequence[DetectJob], inputs: Inputs) -> Iterator[StoredOutput | Failure]:
        """Yield the detection of each job, or the failure; all jobs are of one detector."""
        loaded: list[tuple[DetectJob, Pixels]] = []
        found: list[tuple[DetectJob, StoredOutput | BadOutput]] = []
        for job in jobs:
            try:
                image = self._post_processed(job, inputs)
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
        detector = self._load(loaded[0][0].detector) if loaded else None
        for pair in filter(_in_tiles, loaded):
            yield pair[0], self._detect_tiled(*pair)
        loaded = [pair for pair in loaded if not _in_tiles(pair)]
        if loaded and isinstance(detector, NamedDetector):
            call, model = partial(detect_by_name, detector), loaded[0][0].detector.name
            named = self._calls.by_name(call, loaded, model)
            yield from zip((job for job, _ in loaded), named, strict=True)
            return
        for group in batches_of_one_shape(loaded, self._calls.batch, lambda pair: pair[1].shape):
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
                results = self._calls.on_items(call, [image], model)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                raise BadInput(
                    f"{model}: out of memory on {self._calls.device}: use a smaller --tile"
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
        grid, model = grid_of(height, width, tiling), self._load(job.detector)
        with self._calls.clock():
            found = detect_tiled(job.detector, model, piece, grid, terms=self._calls.terms)
        return [_Detected(heatmap_logits(found.heatmap), found.score)]

    def _detect_batch(
        self, job: DetectJob, pixels: Sequence[Pixels]
    ) -> list[_Detected | BadOutput]:
        call, model = self._detect_call(job), job.detector.name
        results = self._calls.in_batches(call, model, to_images(np.stack(pixels)))
        if self._calls.batch == 1 and not job.inpaint_job.changes_image:
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

    def _post_processed(self, job: DetectJob, inputs: Inputs) -> Pixels | BadOutput:
        """Return the detector's input, or the error of the post-processing.

        Raises:
            DataError: if the image of a forgery cannot be used.
        """
        (image,) = self._calls.on_items(
            lambda jobs: [_detector_input(jobs[0], inputs)], [job], file_part(job.launder)
        )
        return image

    def _detect_call(self, job: DetectJob) -> Callable[..., list[_Detected]]:
        detector = self._load(job.detector)

        def detect(images: Tensor) -> list[_Detected]:
            with self._calls.clock():
                detection = detector.detect(images)
            pairs = zip(to_logits(detection.heatmap), detection.score.tolist(), strict=True)
            return [_Detected(logits, score) for logits, score in pairs]

        return detect


def _detector_input(job: DetectJob, inputs: Inputs) -> Pixels:
    """Return the image after post-processing, (H, W, 3) uint8; it is not stored."""
    made = job.inpaint_job
    image = inputs.sample(made.sample).image if made.sample.forgery else inputs.images[made.key]
    return job.step.apply(image, seed=job.seed) if job.step else image


def _in_tiles(pair: tuple[DetectJob, Pixels]) -> bool:
    """Return whether an image is larger than the tiles of its job."""
    job, image = pair
    return job.tiling is not None and max(image.shape[:2]) > job.tiling.side
