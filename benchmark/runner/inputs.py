"""What a chunk of jobs needs, and where a worker gets it: rows from the writer, files by itself.

The database is the writer's alone, so workers may be other processes or machines: what they need of
its rows travels with the chunk; images, masks and the store's files they read themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import DataError
from benchmark.core.types import Pixels, Sample
from benchmark.runner.jobs import DetectJob, InpaintJob, Job, SampleRef
from benchmark.runner.sources import Sources
from benchmark.store.store import (
    StoredOutput,
    image_output,
    load_heatmap,
    load_image,
    mask_output,
    open_files,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What some jobs need, decoded.

    Attributes:
        samples: by the sample's key; the error where its image or mask cannot be used.
        pictures: (H, W, 3) uint8 RGB that were inpainted, by the fill's key.
        heatmaps: (H, W) float16 logits, by the judgement's key.
        scores: what detectors said, in [0, 1], by the judgement's key.
    """

    samples: dict[str, Sample | DataError] = field(default_factory=dict)
    pictures: dict[str, Pixels] = field(default_factory=dict)
    heatmaps: dict[str, NDArray[np.float16]] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)

    def sample(self, ref: SampleRef) -> Sample:
        """A sample.

        Raises:
            DataError: if its image or mask cannot be used.
        """
        found = self.samples[ref.key]
        if isinstance(found, DataError):
            raise found
        return found


@dataclass(frozen=True, slots=True)
class InputKeys:
    """Under which keys a sample's image and mask are to be stored; "" where they are already.

    Reports show them, and need neither the data set nor what made the masks then.
    """

    image: str = ""
    mask: str = ""

    def answers(self, sample: Sample) -> Iterator[StoredOutput]:
        """The sample's image and mask, to be stored."""
        if self.image:
            yield image_output(self.image, sample.image)
        if self.mask:
            yield mask_output(self.mask, sample.mask)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Jobs of one stage and one model that are worked off together.

    Attributes:
        jobs: the jobs.
        scores: what detectors said, in [0, 1], by the judgement's key, where the jobs need it.
        files: by key what the rows say of the files that the jobs need, as `Row.file`.
        keep: samples whose image or mask is to be stored as well, by the sample's key.
        inputs: all that the jobs need, for a worker that cannot read files; or None.
    """

    jobs: Sequence[Job]
    scores: dict[str, float] = field(default_factory=dict)
    files: dict[str, str | None] = field(default_factory=dict)
    keep: dict[str, InputKeys] = field(default_factory=dict)
    inputs: Inputs | None = None


class InputLoader:
    """Reads what jobs need from files alone: the data sets', the masks', the store's.

    Args:
        sources: where samples come from.
        store: the store's place: a folder or an address.
    """

    def __init__(self, sources: Sources, store: str | Path) -> None:
        self.sources = sources
        self.store = store

    def load(self, chunk: Chunk) -> Inputs:
        """Decode what a chunk needs, unless it has travelled with it.

        Raises:
            DamagedOutput: if a file of the store is gone or damaged.
        """
        if chunk.inputs is not None:
            return chunk.inputs
        inputs, files = Inputs(scores=chunk.scores), open_files(self.store)
        for job in chunk.jobs:
            fill = job if isinstance(job, InpaintJob) else job.inpaint_job
            if not isinstance(job, DetectJob) and fill.sample.key not in inputs.samples:
                inputs.samples[fill.sample.key] = self._sample(fill.sample)
            if not isinstance(job, InpaintJob) and fill.key not in inputs.pictures:
                said = chunk.files.get(fill.key, "")
                inputs.pictures[fill.key] = load_image(files, fill.key, said)
            if isinstance(job, InpaintJob | DetectJob) or job.detect_job is None:
                continue
            key = job.detect_job.key
            if key not in inputs.heatmaps:
                inputs.heatmaps[key] = load_heatmap(files, key, chunk.files.get(key, ""))
        return inputs

    def _sample(self, ref: SampleRef) -> Sample | DataError:
        try:
            return self.sources.load(ref)
        except DataError as error:
            return error
