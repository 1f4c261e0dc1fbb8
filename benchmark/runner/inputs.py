"""Chunks of jobs and their inputs: rows come with the chunk, files are read by the worker.

Only the process that writes uses the database, so workers may be other processes or machines: the
rows that they need are sent with the chunk; they read images, masks and the store's files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import DataError
from benchmark.core.types import Pixels, Sample
from benchmark.metrics import METRICS
from benchmark.runner.forgeries import preview
from benchmark.runner.jobs import DetectJob, InpaintJob, Job, MeasureJob, SampleRef
from benchmark.runner.sources import Sources
from benchmark.store.encoding import StoredOutput, image_output, mask_output
from benchmark.store.store import load_heatmap, load_image, open_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The decoded inputs of some jobs.

    Attributes:
        samples: by the sample's key; the error if its image or mask cannot be used.
        images: inpainted images, (H, W, 3) uint8 RGB, by the key of the inpaint job.
        heatmaps: (H, W) float16 logits, by the key of the detect job.
        scores: image-level scores in [0, 1], by the key of the detect job.
    """

    samples: dict[str, Sample | DataError] = field(default_factory=dict)
    images: dict[str, Pixels] = field(default_factory=dict)
    heatmaps: dict[str, NDArray[np.float16]] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)

    def sample(self, ref: SampleRef) -> Sample:
        """Return a sample.

        Raises:
            DataError: if its image or mask cannot be used.
        """
        found = self.samples[ref.key]
        if isinstance(found, DataError):
            raise found
        return found


@dataclass(frozen=True, slots=True)
class InputKeys:
    """Keys under which a sample's image and mask are stored; "" if they are stored already.

    Reports show them without the data set and the source of the masks.

    Attributes:
        image: key of the image.
        mask: key of the mask.
        small: whether the image is stored as a preview, as of forgeries: the set has it.
    """

    image: str = ""
    mask: str = ""
    small: bool = False

    def outputs(self, sample: Sample) -> Iterator[StoredOutput]:
        """Yield the sample's image and mask, to be stored."""
        if self.image:
            yield image_output(self.image, preview(sample.image) if self.small else sample.image)
        if self.mask:
            yield mask_output(self.mask, sample.mask)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Jobs of one stage and one model that run together.

    Attributes:
        jobs: the jobs.
        scores: image-level scores in [0, 1] that the jobs need, by the key of the detect job.
        files: suffixes and digests of the files that the jobs need, by key, as `StoredRow.file`.
        keep: samples whose image or mask has to be stored as well, by the sample's key.
        inputs: all inputs, for a worker that cannot read the files; or None.
    """

    jobs: Sequence[Job]
    scores: dict[str, float] = field(default_factory=dict)
    files: dict[str, str | None] = field(default_factory=dict)
    keep: dict[str, InputKeys] = field(default_factory=dict)
    inputs: Inputs | None = None


class InputLoader:
    """Load the inputs of jobs from files: those of data sets, masks and the store.

    Args:
        sources: the samples' images and masks.
        store: the store's place: a folder or an address.
    """

    def __init__(self, sources: Sources, store: str | Path) -> None:
        self.sources = sources
        self.store = store

    def load(self, chunk: Chunk) -> Inputs:
        """Decode the inputs of a chunk, unless they were sent with it.

        Raises:
            DamagedOutput: if a file of the store is missing or damaged.
        """
        if chunk.inputs is not None:
            return chunk.inputs
        inputs, files = Inputs(scores=chunk.scores), open_files(self.store)
        for job in chunk.jobs:
            inpaint = job if isinstance(job, InpaintJob) else job.inpaint_job
            if inpaint.sample.forgery is not None:
                self._add_forgery(inputs, job, chunk)
            elif not isinstance(job, DetectJob) and inpaint.sample.key not in inputs.samples:
                inputs.samples[inpaint.sample.key] = self._sample(inpaint.sample)
            stored = not isinstance(job, InpaintJob) and inpaint.sample.forgery is None
            if stored and inpaint.key not in inputs.images:
                recorded = chunk.files.get(inpaint.key, "")
                inputs.images[inpaint.key] = load_image(files, inpaint.key, recorded)
            if isinstance(job, InpaintJob | DetectJob) or job.detect_job is None:
                continue
            key = job.detect_job.key
            if key not in inputs.heatmaps:
                inputs.heatmaps[key] = load_heatmap(files, key, chunk.files.get(key, ""))
        return inputs

    def _add_forgery(self, inputs: Inputs, job: Job, chunk: Chunk) -> None:
        """Decode what a job needs of a forgery: image and truth, or one of them.

        A truth is read before the first detection, so that none is computed for a bad one.
        """
        ref = (job if isinstance(job, InpaintJob) else job.inpaint_job).sample
        if ref.key in inputs.samples:
            return
        image = isinstance(job, DetectJob) or not _all_built_in(chunk.jobs)
        truth = not isinstance(job, DetectJob) or ref.key in chunk.keep
        try:
            inputs.samples[ref.key] = self.sources.load_parts(ref, image=image, truth=truth)
        except DataError as error:
            inputs.samples[ref.key] = error

    def _sample(self, ref: SampleRef) -> Sample | DataError:
        try:
            return self.sources.load(ref)
        except DataError as error:
            return error


def _all_built_in(jobs: Sequence[Job]) -> bool:
    """Return whether no metric is a plug-in's: the others need a forgery's heatmap and truth."""
    names = {job.metric for job in jobs if isinstance(job, MeasureJob)}
    return names <= set(METRICS.built_in)
