"""Answers of models that go by names: programs, and folders of images and heatmaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.errors import BadOutput, KnownMoved
from benchmark.core.external.files import Terms
from benchmark.core.tensors import hole_blind, to_images, to_masks, to_pixels
from benchmark.core.types import Piece, Pixels, Sample
from benchmark.runner.jobs import (
    DetectJob,
    InpaintJob,
    detect_key,
    fill_job,
    piece_of,
    post_processed_key,
)
from benchmark.runner.retouching import Painted, Variants
from benchmark.store.store import Answer, heatmap_output
from detectors.external.base import NamedDetector
from inpainters.external.base import NamedInpainter
from inpainters.external.outputs import Outputs, recomposite

LOGIT_LIMIT = 30.0  # exp(-30) is far below what float32 tells from 0, and float16 holds 30 well

CHANGED = BadOutput("its file changed while the run was going on; run again")


def to_logits(heatmap: Tensor) -> NDArray[np.float16]:
    """Probabilities as they are kept: (N, H, W) in [0, 1] to float16 logits within +-30."""
    logits = torch.logit(heatmap.double()).clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
    return logits.numpy().astype(np.float16)


def fill_by_name(
    inpainter: NamedInpainter, loaded: Sequence[Variants], *, terms: Terms
) -> list[Painted | BadOutput]:
    """Let an inpainter paint samples by their names, each once.

    Returns:
        For each sample its image, 8 bits in floats, or why there is none. The numbers kept beside
        it are how far its known pixels had moved, as `recomposite` has it.
    """
    pieces = [
        piece_of(one.jobs[0].sample, _shown(one.jobs[0], one.sample), mask=one.sample.mask)
        for one in loaded
    ]
    answers: list[Painted | BadOutput] = []
    painted = inpainter.inpaint_named(pieces, terms)
    for one, piece, picture in zip(loaded, pieces, painted, strict=True):
        if isinstance(picture, BadOutput):
            answers.append(picture)
            continue
        if isinstance(inpainter, Outputs) and not _as_planned(one.jobs[0], inpainter, piece, terms):
            answers.append(CHANGED)
            continue
        try:
            whole, drift = recomposite(picture, piece, terms)
        except KnownMoved as moved:
            answers.append(moved)
        else:
            answers.append(Painted(image=to_images(whole[None])[0], numbers=drift))
    return answers


def _as_planned(job: InpaintJob, outputs: Outputs, piece: Piece, terms: Terms) -> bool:
    """Whether the file that was read is the one that the job's key was made of.

    A file that came, or was exchanged, after the run began must not stand under the key of another,
    or of none: other runs would take it from the store.
    """
    same = fill_job(
        job.inpainter,
        job.sample,
        seed=job.seed,
        rounding="even",  # a card's own rule is for programs that give floats
        own=outputs.own(piece, terms),
        retouch=job.retouch,
    )
    return same.key == job.key


def _said_as_planned(job: DetectJob, detector: NamedDetector, piece: Piece, terms: Terms) -> bool:
    """The same of a heatmap's file."""
    key = detect_key(job.detector, job.fill.key, detector.own(piece, terms))
    return job.key == (post_processed_key(key, job.launder, job.seed) if job.launder else key)


def judge_by_name(
    detector: NamedDetector, loaded: Sequence[tuple[DetectJob, Pixels]], *, terms: Terms
) -> list[Answer | BadOutput]:
    """Let a detector look at inpainted images by their names.

    Returns:
        For each job what is to be kept, or why there is nothing.
    """
    pieces = [
        piece_of(job.fill.sample, image, inpainter=job.fill.painter_file, launder=job.launder)
        for job, image in loaded
    ]
    answers: list[Answer | BadOutput] = []
    looks = detector.detect_named(pieces, terms)
    for (job, _), piece, look in zip(loaded, pieces, looks, strict=True):
        if isinstance(look, BadOutput):
            answers.append(look)
            continue
        if job.detector.card.finished and not _said_as_planned(job, detector, piece, terms):
            answers.append(CHANGED)
            continue
        logits = to_logits(torch.from_numpy(look.heatmap)[None])[0]
        answers.append(heatmap_output(job.key, logits, look.score))
    return answers


def _shown(job: InpaintJob, sample: Sample) -> Pixels:
    """The image that an inpainter gets to see."""
    if not job.blind:
        return sample.image
    images, masks = to_images(sample.image[None]), to_masks(sample.mask[None])
    blind: Pixels = to_pixels(hole_blind(images, masks))[0]
    return blind
