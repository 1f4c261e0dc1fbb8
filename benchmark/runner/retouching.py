"""Retouching and rounding: from one output of an inpainter to the images that are stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from benchmark.core.errors import BadOutput
from benchmark.core.tensors import to_pixels
from benchmark.core.types import Mask, Sample
from benchmark.runner.jobs import InpaintJob
from benchmark.store.store import StoredOutput, image_output


@dataclass(frozen=True, slots=True, kw_only=True)
class RetouchVariants:
    """Jobs of one sample and one inpainter that differ only in their retouching.

    Attributes:
        jobs: the jobs.
        sample: the sample to inpaint.
    """

    jobs: tuple[InpaintJob, ...]
    sample: Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class InpainterOutput:
    """The output of an inpainter for one sample, before rounding.

    Attributes:
        image: (3, H, W) float32 in [0, 1], with the known pixels of the sample; an inpainter that
            returns 8 bits gives exactly these.
        numbers: values to store beside the image, or ().
    """

    image: Tensor
    numbers: tuple[float, ...] = ()


def retouched_outputs(
    variants: RetouchVariants, output: InpainterOutput
) -> Iterator[tuple[InpaintJob, StoredOutput | BadOutput]]:
    """Yield each job with its retouched and rounded image, or the error."""
    for job in variants.jobs:
        try:
            image = _retouch(job, output.image, variants.sample.mask)
        except BadOutput as error:
            yield job, error
            continue
        (pixels,) = to_pixels(image[None], rounding=job.rounding)
        yield job, replace(image_output(job.key, pixels), numbers=output.numbers)


def _retouch(job: InpaintJob, image: Tensor, hole: Mask) -> Tensor:
    """Return (3, H, W) with the job's retouching applied inside `hole`, (H, W) bool."""
    if job.step is None:
        return image
    pixels = np.ascontiguousarray(image.numpy().transpose(1, 2, 0))
    changed = job.step.apply(pixels, hole, seed=job.grain_seed)
    return torch.from_numpy(np.ascontiguousarray(changed.transpose(2, 0, 1)))
