"""From one answer of an inpainter to the images that are kept: retouched, then rounded."""

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
    """Fills of one sample by one inpainter that differ in their retouching alone.

    Attributes:
        jobs: the fills.
        sample: what is inpainted.
    """

    jobs: tuple[InpaintJob, ...]
    sample: Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class InpainterOutput:
    """What an inpainter answered, before rounding.

    Attributes:
        image: (3, H, W) float32 in [0, 1], known pixels the sample's; of an inpainter that answers
            8 bits, those.
        numbers: kept beside the image, or ().
    """

    image: Tensor
    numbers: tuple[float, ...] = ()


def retouched(
    variants: RetouchVariants, painted: InpainterOutput
) -> Iterator[tuple[InpaintJob, StoredOutput | BadOutput]]:
    """What is to be kept for each fill, or why there is nothing."""
    for job in variants.jobs:
        try:
            image = _retouched(job, painted.image, variants.sample.mask)
        except BadOutput as error:
            yield job, error
            continue
        (pixels,) = to_pixels(image[None], rounding=job.rounding)
        yield job, replace(image_output(job.key, pixels), numbers=painted.numbers)


def _retouched(job: InpaintJob, image: Tensor, hole: Mask) -> Tensor:
    if job.step is None:
        return image
    pixels = np.ascontiguousarray(image.numpy().transpose(1, 2, 0))
    changed = job.step.apply(pixels, hole, seed=job.grain_seed)
    return torch.from_numpy(np.ascontiguousarray(changed.transpose(2, 0, 1)))
