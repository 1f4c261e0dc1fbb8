"""Jobs of a run: inpaint a sample, run a detector, measure a metric."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from benchmark.composite import Composite, split_treatment
from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import Weights
from benchmark.core.tiles import Tiling
from benchmark.core.types import Mask, NamedImage, Pixels
from benchmark.postprocess import PostProcess
from benchmark.retouch import Retouch, file_name, retouched_name
from benchmark.runner.keys import grain_seed, inpaint_key, noise_seed, seed_key, treated_key


@dataclass(frozen=True, kw_only=True)
class ResolvedModel:
    """A model of the plan with its weights.

    Attributes:
        name: its name in the plan.
        card: its card.
        weights: the weights found for it.
        absent: the reason why it cannot run, if it has no weights here or lacks a package, or "".
        precision: "exact" or "bf16".
        compiled: whether its network runs under torch.compile.
        engine: the engine that runs its network in place of torch, such as "openvino", or "".
        word: its specifier in the plan; "" if that is its name.
        source: fingerprint of an external model's source, or "".
        distribution: the distribution that provides it, as "name version", or "".
    """

    name: str
    card: Card
    weights: Weights
    absent: str = ""
    precision: Literal["exact", "bf16"] = "exact"
    compiled: bool = False
    engine: str = ""
    word: str = ""
    source: str = ""
    distribution: str = ""

    @cached_property
    def identity(self) -> str:
        """Everything about the model that determines its output: name, revision, weights, tuning.

        An external model has its source in place of its name: a new label recomputes nothing, and
        changed files under the same label do.
        """
        options = {self.precision: self.precision != "exact", "compiled": self.compiled}
        options |= {self.engine: bool(self.engine)}
        tuned = [option for option, used in options.items() if used]
        name = self.source or self.card.name
        return "+".join((f"{name}@{self.card.revision}", self.weights.sha256, *tuned))


@dataclass(frozen=True, slots=True)
class Forgery:
    """What a sample of a set of forgeries is, besides its name.

    Attributes:
        image: key of its pixels: hash of the image's bytes and the rule for its size.
        group: what identifies the original; statistics are over originals.
        subset: part of the set, or "".
        method: what the forgery was made with, or "".
        kind: "forged", "authentic", or "unknown" for a forgery without truth.
    """

    image: str
    group: str
    subset: str
    method: str
    kind: Literal["forged", "authentic", "unknown"]


@dataclass(frozen=True, slots=True)
class SampleRef:
    """An image with its hole, by name: small enough to keep a million in memory.

    Attributes:
        dataset: the data set's name.
        id: the image's name within its data set.
        bucket: label of its mask-ratio bin, such as "10-20".
        mask: origin of the mask in words: generator and seed, or the mask's file.
        key: hash of the image's bytes, the rule for its size, and the mask.
        forgery: what it is in a set of forgeries, whose truth is the mask; else None.
    """

    dataset: str
    id: str
    bucket: str
    mask: str
    key: str
    forgery: Forgery | None = None


@dataclass(frozen=True, slots=True)
class InpaintJob:
    """Inpaint a sample, composite the output, then retouch the hole.

    Jobs of one sample that differ only in `composite` and `retouch` share one output of the
    inpainter.

    Attributes:
        inpainter: the inpainter.
        sample: the sample.
        seed: the plan's seed.
        rounding: conversion to 8 bits: "round" to the nearest, or "cut" the fraction off.
        blind: whether the hole is filled with the mean of the known region before.
        key: the job's key.
        treatment: the composite and the retouching after inpainting, as
            `benchmark.composite.treatment_of` writes them, or "".
        prompt: the image's prompt, for an inpainter that takes one, or "".
    """

    inpainter: ResolvedModel
    sample: SampleRef
    seed: int
    rounding: Literal["round", "cut"]
    blind: bool
    key: str
    treatment: str = ""
    prompt: str = ""

    @property
    def pixels_key(self) -> str:
        """Key of the image that detectors see: the job's own, or that of a forgery's image."""
        return self.sample.forgery.image if self.sample.forgery else self.key

    @property
    def step(self) -> Retouch | None:
        """The retouching, or None if the hole stays as inpainted."""
        _, retouch = split_treatment(self.treatment)
        return Retouch.parse(retouch) if retouch else None

    @property
    def composite(self) -> Composite:
        """What becomes of the known region."""
        return Composite.parse(split_treatment(self.treatment)[0])

    @property
    def grain_seed(self) -> int:
        """Seed of random grain: a hash of the plan's seed and the sample's name."""
        return grain_seed(self.seed, self.sample)

    @property
    def inpainter_label(self) -> str:
        """The inpainter's name in tables, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter.name, self.treatment)

    @property
    def inpainter_file_name(self) -> str:
        """The same in names of files, such as "telea+grain-1.5"."""
        return file_name(self.inpainter.name, self.treatment)

    @property
    def changes_image(self) -> bool:
        """Whether the hole differs from the authentic image: the truth for detectors."""
        return self.inpainter.card.paints or bool(self.treatment)


@dataclass(frozen=True, slots=True)
class DetectJob:
    """Run a detector on an inpainted image, after post-processing.

    Attributes:
        detector: the detector.
        inpaint_job: the job that makes the image.
        launder: name of the post-processing, such as "jpeg:90", or "".
        key: the job's key.
        launder_word: the post-processing as the plan has it, if its name is another.
        tiling: how an image that is larger than a tile is divided, or None for whole images.
    """

    detector: ResolvedModel
    inpaint_job: InpaintJob
    launder: str
    key: str
    launder_word: str = ""
    tiling: Tiling | None = None

    @property
    def step(self) -> PostProcess | None:
        """The post-processing, or None if the detector gets the image as inpainted."""
        return PostProcess.parse(self.launder_word or self.launder) if self.launder else None

    @property
    def seed(self) -> int:
        """Seed of random noise: a hash of the plan's seed and the sample's name."""
        return noise_seed(self.inpaint_job.seed, self.inpaint_job.sample)


@dataclass(frozen=True, slots=True)
class MeasureJob:
    """Measure a metric of an inpainted image, or of a detection.

    Attributes:
        metric: the metric's name.
        inpaint_job: the job that makes the image.
        detect_job: the job that makes the detection, or None if the metric needs none.
        key: the job's key.
    """

    metric: str
    inpaint_job: InpaintJob
    detect_job: DetectJob | None
    key: str


Job = InpaintJob | DetectJob | MeasureJob


def make_inpaint_job(
    inpainter: ResolvedModel,
    sample: SampleRef,
    *,
    seed: int,
    rounding: str,
    blind: bool = False,
    fingerprint: str = "",
    treatment: str = "",
) -> InpaintJob:
    """Return the job of inpainting one sample.

    Args:
        inpainter: the inpainter.
        sample: the sample.
        seed: the plan's seed; part of the key only for a model that uses random numbers.
        rounding: "even", or "authors" for the program's own rule, in the key if it differs.
        blind: whether the hole is filled with the mean of the known region before an inpainter
            sees the image.
        fingerprint: what determines the output for this sample alone, such as the hash of a
            finished image, or "".
        treatment: the composite and the retouching, such as "composite:none+grain:1.5", or "".
    """
    rule = rule_of(inpainter, rounding)
    blind = blind and inpainter.card.paints
    random = seed_key(seed, sample) if inpainter.card.seeded else ""
    key = inpaint_key(
        inpainter, sample, seed=random, rule=rule, blind=blind, fingerprint=fingerprint
    )
    job = InpaintJob(inpainter, sample, seed, rule, blind, key, treatment)
    return replace(job, key=treated_key(key, treatment, job.grain_seed))


def rule_of(inpainter: ResolvedModel, rounding: str) -> Literal["round", "cut"]:
    """Return the conversion of an inpainter's floats to 8 bits.

    Args:
        inpainter: the inpainter.
        rounding: "even" for the same rule for all, "authors" for the rule of the card.
    """
    return inpainter.card.rounding if rounding == "authors" else "round"


def piece_of(
    sample: SampleRef,
    image: Pixels,
    *,
    mask: Mask | None = None,
    inpainter: str = "",
    launder: str = "",
) -> NamedImage:
    """Return an image with its names, for models that use names."""
    return NamedImage(
        sample=sample.id,
        dataset=sample.dataset,
        bucket=sample.bucket,
        inpainter=inpainter,
        launder=launder,
        image=image,
        mask=mask,
    )
