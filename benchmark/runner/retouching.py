"""Compositing, retouching and rounding: from an inpainter's output to images to store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from benchmark.core.errors import BadOutput
from benchmark.core.tensors import to_pixels
from benchmark.core.types import Sample
from benchmark.runner.jobs import InpaintJob
from benchmark.store.encoding import StoredOutput, image_output


@dataclass(frozen=True, slots=True, kw_only=True)
class JobVariants:
    """Jobs of one sample and one inpainter that differ only in their treatment.

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
        image: (3, H, W) float32 in [0, 1], the image as the inpainter returned it; one that returns
            8 bits gives exactly these. Known pixels may be changed, or NaN.
        numbers: values to store beside the image, or ().
    """

    image: Tensor
    numbers: tuple[float, ...] = ()


def treated_outputs(
    variants: JobVariants, output: InpainterOutput
) -> Iterator[tuple[InpaintJob, StoredOutput | BadOutput]]:
    """Yield each job with its composited, retouched and rounded image, or the error."""
    returned = np.ascontiguousarray(output.image.numpy().transpose(1, 2, 0))
    original = variants.sample.image.astype(np.float32) / np.float32(255)
    for job in variants.jobs:
        try:
            image = job.composite.apply(returned, original, variants.sample.mask)
            if job.step is not None:
                image = job.step.apply(image, variants.sample.mask, seed=job.grain_seed)
        except BadOutput as error:
            yield job, error
            continue
        planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        (pixels,) = to_pixels(planes[None], rounding=job.rounding)
        yield job, replace(image_output(job.key, pixels), numbers=output.numbers)
