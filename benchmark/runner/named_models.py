"""Models that identify images by name: external programs, folders of images and heatmaps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.core.errors import BadOutput, KnownRegionChanged
from benchmark.core.external.files import ExternalOptions
from benchmark.core.tensors import hole_blind, to_images, to_masks, to_pixels
from benchmark.core.types import NamedImage, Pixels, Sample
from benchmark.runner.jobs import DetectJob, InpaintJob, make_inpaint_job, piece_of
from benchmark.runner.keys import detect_key, post_processed_key
from benchmark.runner.retouching import InpainterOutput, JobVariants
from benchmark.store.encoding import StoredOutput, heatmap_output
from detectors.external.base import NamedDetector
from inpainters.external.base import NamedInpainter
from inpainters.external.outputs import Drift, Outputs, drift_of

LOGIT_LIMIT = 30.0  # exp(-30) is far below float32's resolution near 1; float16 represents 30 well

CHANGED = BadOutput("its file changed while the run was going on; rerun")


def to_logits(heatmap: Tensor) -> NDArray[np.float16]:
    """Convert probabilities to stored heatmaps: (N, H, W) in [0, 1] to float16 logits in +-30."""
    logits = torch.logit(heatmap.double()).clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
    return logits.numpy().astype(np.float16)


def inpaint_by_name(
    inpainter: NamedInpainter, loaded: Sequence[JobVariants], *, terms: ExternalOptions
) -> list[InpainterOutput | BadOutput]:
    """Inpaint samples with an inpainter that uses names, each sample once.

    Returns:
        For each sample its image, 8 bits as floats, or the error. The numbers stored beside it are
        the change of its known pixels, 0 for a program, whose known pixels no rule is about.
    """
    pieces = [
        piece_of(one.jobs[0].sample, _model_input(one.jobs[0], one.sample), mask=one.sample.mask)
        for one in loaded
    ]
    results: list[InpainterOutput | BadOutput] = []
    images = inpainter.inpaint_named(pieces, terms)
    for one, piece, image in zip(loaded, pieces, images, strict=True):
        if isinstance(image, BadOutput):
            results.append(image)
            continue
        if isinstance(inpainter, Outputs) and not _same_image(one.jobs[0], inpainter, piece, terms):
            results.append(CHANGED)
            continue
        drift = Drift(0.0, 0.0)
        if inpainter.card.finished:
            drift = drift_of(image, piece.image, one.sample.mask)
        if drift.largest and not terms.recomposite:
            results.append(KnownRegionChanged(drift))
        else:
            results.append(InpainterOutput(image=to_images(image[None])[0], numbers=drift))
    return results


def _same_image(
    job: InpaintJob, outputs: Outputs, piece: NamedImage, terms: ExternalOptions
) -> bool:
    """Return whether the file that was read is the one that the job's key was made from.

    A file that was added or replaced after the run began must not be stored under the key of
    another file, or of none: other runs would use it.
    """
    same = make_inpaint_job(
        job.inpainter,
        job.sample,
        seed=job.seed,
        rounding="even",  # a card's own rule is for programs that return floats
        fingerprint=outputs.own(piece, terms),
        treatment=job.treatment,
    )
    return same.key == job.key


def _same_heatmap(
    job: DetectJob, detector: NamedDetector, piece: NamedImage, terms: ExternalOptions
) -> bool:
    """Return whether a heatmap's file is the one that the job's key was made from."""
    key = detect_key(job.detector, job.inpaint_job.pixels_key, detector.own(piece, terms))
    step = job.step
    if step is not None:
        key = post_processed_key(key, step.key, job.seed if step.is_random else None)
    return job.key == key


def detect_by_name(
    detector: NamedDetector, loaded: Sequence[tuple[DetectJob, Pixels]], *, terms: ExternalOptions
) -> list[StoredOutput | BadOutput]:
    """Run a detector that uses names on inpainted images.

    Returns:
        For each job the output to store, or the error.
    """
    pieces = [
        piece_of(
            job.inpaint_job.sample,
            image,
            inpainter=job.inpaint_job.inpainter_file_name,
            launder=job.launder,
        )
        for job, image in loaded
    ]
    results: list[StoredOutput | BadOutput] = []
    detections = detector.detect_named(pieces, terms)
    for (job, _), piece, detection in zip(loaded, pieces, detections, strict=True):
        if isinstance(detection, BadOutput):
            results.append(detection)
            continue
        if job.detector.card.finished and not _same_heatmap(job, detector, piece, terms):
            results.append(CHANGED)
            continue
        logits = to_logits(torch.from_numpy(detection.heatmap)[None])[0]
        results.append(heatmap_output(job.key, logits, detection.score))
    return results


def _model_input(job: InpaintJob, sample: Sample) -> Pixels:
    """Return the image that the inpainter sees, (H, W, 3) uint8."""
    if not job.blind:
        return sample.image
    images, masks = to_images(sample.image[None]), to_masks(sample.mask[None])
    blind: Pixels = to_pixels(hole_blind(images, masks))[0]
    return blind
