"""Jobs of a run and their keys.

A job's key hashes everything that determines its output, so that an output stored for other
weights, another mask or another revision is never used.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from benchmark.composite import REVISION as COMPOSITE_REVISION
from benchmark.composite import Composite, split_treatment
from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import Weights
from benchmark.core.seeds import seed_of
from benchmark.core.tiles import REVISION as TILES_REVISION
from benchmark.core.tiles import Tiling
from benchmark.core.types import Mask, NamedImage, Pixels
from benchmark.postprocess import REVISION, PostProcess
from benchmark.retouch import REVISION as RETOUCH_REVISION
from benchmark.retouch import Retouch, file_name, retouched_name


@dataclass(frozen=True, kw_only=True)
class ResolvedModel:
    """A model of the plan with its weights.

    Attributes:
        name: its name in the plan.
        card: its card.
        weights: the weights found for it.
        absent: the reason why it cannot run, if it has no weights here, or "".
        precision: "exact" or "bf16".
        compiled: whether its network runs under torch.compile.
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
    """

    inpainter: ResolvedModel
    sample: SampleRef
    seed: int
    rounding: Literal["round", "cut"]
    blind: bool
    key: str
    treatment: str = ""

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


def key_of(*parts: object) -> str:
    """Return a hash of `parts`: 128 bits, as 32 hexadecimal digits."""
    text = "\x1f".join(map(str, parts))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


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


def names_of(sample: SampleRef, *more: str) -> str:
    """Return the part of a key for a model whose output depends on the sample's names."""
    return key_of("names", sample.dataset, sample.bucket, sample.id, *more)


def seed_key(seed: int, sample: SampleRef) -> str:
    """Return the part of a key for a model that uses the plan's seed and the sample's name."""
    return key_of(seed, sample.id)


def inpaint_key(
    inpainter: ResolvedModel,
    sample: SampleRef,
    *,
    seed: str,
    rule: str,
    blind: bool,
    fingerprint: str,
) -> str:
    """Return the key of an inpainter's output for a sample.

    Args:
        inpainter: the inpainter.
        sample: the sample.
        seed: as `seed_key`; "" for a model that uses no random numbers.
        rule: as `rule_of`.
        blind: whether the hole is filled before; only for a model that inpaints.
        fingerprint: what determines the output for this sample alone, or "".
    """
    parts = ["fill", inpainter.identity, sample.key, seed, rule, *(["blind"] if blind else [])]
    return key_of(*parts, *([fingerprint] if fingerprint else []))


def treated_key(image: str, treatment: str, seed: int) -> str:
    """Return the key of an inpainted image after its treatment.

    Args:
        image: the key of the image without it: known pixels put back, and not retouched.
        treatment: as `benchmark.composite.treatment_of` writes it.
        seed: as for `retouched_key`.
    """
    composite, retouch = split_treatment(treatment)
    if composite:
        image = key_of("composite", COMPOSITE_REVISION, composite, image)
    return retouched_key(image, retouch, seed) if retouch else image


def retouched_key(image: str, retouch: str, seed: int) -> str:
    """Return the key of an inpainted image after retouching.

    Args:
        image: the key of the image without it.
        retouch: the retouching.
        seed: seed of random grain; part of the key only if the retouching is random.
    """
    random = str(seed) if Retouch.parse(retouch).is_random else ""
    return key_of("retouch", RETOUCH_REVISION, retouch, random, image)


def grain_seed(seed: int, sample: SampleRef) -> int:
    """Return the seed of a sample's grain, from the plan's seed and the sample's name."""
    return seed_of("retouch", seed, sample.id)


def noise_seed(seed: int, sample: SampleRef) -> int:
    """Return the seed of post-processing noise, from the plan's seed and the sample's name.

    For a forgery it is the image in place of the name: a renamed file recomputes nothing.
    """
    name = sample.forgery.image if sample.forgery else sample.id
    return seed_of("launder", seed, name)


def mask_key(sample: SampleRef) -> str:
    """Return the key under which a sample's mask is stored."""
    return key_of("mask", sample.key)


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


def detect_key(
    detector: ResolvedModel, image: str, fingerprint: str = "", tiling: Tiling | None = None
) -> str:
    """Return the key of a detection.

    A tiling is part of the key of every image, also of those that are not larger than a tile: keys
    are made before images are decoded.

    Args:
        detector: the detector.
        image: the key of the inpainted image.
        fingerprint: what determines the output for this image alone, such as the hash of a
            finished heatmap, or "".
        tiling: how large images are divided, or None for whole images.
    """
    own = [fingerprint] if fingerprint else []
    tiles = ["tiles", TILES_REVISION, tiling.side, tiling.overlap] if tiling else []
    return key_of("judge", detector.identity, image, *own, *tiles)


def post_processed_key(detection: str, launder: str, seed: int | None) -> str:
    """Return the key of a detection after post-processing.

    Args:
        detection: the key of the detection without it.
        launder: the key of the post-processing, such as "jpeg:90" (`PostProcess.key`).
        seed: seed of a random post-processing, else None.
    """
    return key_of("launder", REVISION, launder, "" if seed is None else seed, detection)


def measure_key(metric: str, revision: str, image: str, detection: str) -> str:
    """Return the key of a measurement, from the keys of the image and the detection, or ""."""
    return key_of("measure", metric, revision, image, detection)
