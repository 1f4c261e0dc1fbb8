"""Inpainting: run an inpainter on samples, each once for all its variants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby

import numpy as np
from torch import Tensor

from benchmark.core.errors import BadOutput, DataError, FileChanged
from benchmark.core.seeds import seed_of
from benchmark.core.tensors import hole_blind, to_images, to_masks
from benchmark.runner.batching import batches_of_one_shape
from benchmark.runner.failures import failure_of
from benchmark.runner.inputs import Inputs
from benchmark.runner.jobs import InpaintJob, ResolvedModel
from benchmark.runner.model_calls import ModelCalls
from benchmark.runner.named_models import inpaint_by_name
from benchmark.runner.outcome import Failure
from benchmark.runner.retouching import InpainterOutput, JobVariants, treated_outputs
from benchmark.store.encoding import StoredOutput
from inpainters.base import Inpainter
from inpainters.external.base import NamedInpainter


class InpaintRunner:
    """Run jobs that inpaint.

    Args:
        load: returns a loaded inpainter.
        calls: calls of models.
    """

    def __init__(self, load: Callable[[ResolvedModel], Inpainter], calls: ModelCalls) -> None:
        self._load = load
        self._calls = calls

    def run(self, jobs: Sequence[InpaintJob], inputs: Inputs) -> Iterator[StoredOutput | Failure]:
        """Yield the image of each job, or the failure; all jobs are of one inpainter."""
        loaded: list[JobVariants] = []
        for ref, same in groupby(jobs, key=lambda job: job.sample):
            variants = tuple(same)
            try:
                loaded.append(JobVariants(jobs=variants, sample=inputs.sample(ref)))
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
        inpainter = self._load(loaded[0].jobs[0].inpainter) if loaded else None
        if isinstance(inpainter, NamedInpainter):
            call, model = partial(inpaint_by_name, inpainter), loaded[0].jobs[0].inpainter.name
            yield from zip(loaded, self._calls.by_name(call, loaded, model), strict=True)
            return
        batch = 1 if loaded and loaded[0].jobs[0].inpainter.card.seeded else self._calls.batch
        for group in batches_of_one_shape(loaded, batch, lambda one: one.sample.image.shape):
            images = to_images(np.stack([one.sample.image for one in group]))
            masks = to_masks(np.stack([one.sample.mask for one in group]))
            job = group[0].jobs[0]
            images = hole_blind(images, masks) if job.blind else images
            outputs = self._calls.in_batches(
                self._inpaint_call(job), job.inpainter.name, images, masks
            )
            yield from zip(group, outputs, strict=True)

    def _inpaint_call(self, job: InpaintJob) -> Callable[..., list[InpainterOutput]]:
        inpainter = self._load(job.inpainter)

        def inpaint(images: Tensor, masks: Tensor) -> list[InpainterOutput]:
            with self._calls.clock():
                seed = seed_of(job.seed, job.sample.id)
                prompt = job.prompt or None
                filled = inpainter.inpaint_whole(images, masks, seed=seed, prompt=prompt)
            return [InpainterOutput(image=image) for image in filled]

        return inpaint
