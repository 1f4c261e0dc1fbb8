"""The jobs of a run. A job's key hashes everything that decides its answer, so that new weights, a
new mask or a new revision never answer with an old number.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import Weights
from benchmark.core.seeds import seed_of
from benchmark.core.types import Mask, Piece, Pixels
from benchmark.postprocess import REVISION, PostProcess
from benchmark.retouch import REVISION as RETOUCH_REVISION
from benchmark.retouch import Retouch, file_name, retouched_name


@dataclass(frozen=True, kw_only=True)
class ResolvedModel:
    """A model of the plan with the weights it will run with.

    Attributes:
        name: its name in the plan.
        card: its card.
        weights: the weights found for it.
        absent: why it cannot run, where it has no weights here, or "".
        precision: "exact" or "bf16".
        compiled: whether torch.compile runs its network.
        word: what names it in the plan; "" where that is its name.
        source: what else decides the answer of a model that a user brought, or "".
        distribution: the distribution that brought it, as "name version", or "".
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
        """Everything about the model that decides its answer: name, revision, weights, tuning.

        A model that a user brought goes by its source in place of its name, so that another label
        computes nothing anew and other files under the same label do.
        """
        words = {self.precision: self.precision != "exact", "compiled": self.compiled}
        tuned = [word for word, said in words.items() if said]
        name = self.source or self.card.name
        return "+".join((f"{name}@{self.card.revision}", self.weights.sha256, *tuned))


@dataclass(frozen=True, slots=True)
class SampleRef:
    """An image with its hole, by name: cheap enough to keep a million of.

    Attributes:
        dataset: the data set's name.
        id: the image's name within its data set.
        bucket: label of its hole's bucket, such as "10-20".
        mask: what decides the mask, in words: generator and seed, or the mask's file.
        key: hash of the image's bytes, the size rule and the mask.
    """

    dataset: str
    id: str
    bucket: str
    mask: str
    key: str


@dataclass(frozen=True, slots=True)
class InpaintJob:
    """Let `inpainter` paint `sample`; `blind`: with the hole inpainted over first; then `retouch`
    it.

    Fills of one sample that differ in `retouch` alone come from one answer of the inpainter.
    """

    inpainter: ResolvedModel
    sample: SampleRef
    seed: int
    rounding: Literal["round", "cut"]
    blind: bool
    key: str
    retouch: str = ""

    @property
    def step(self) -> Retouch | None:
        """The step of retouching, or None where the hole stays as inpainted."""
        return Retouch.parse(self.retouch) if self.retouch else None

    @property
    def grain_seed(self) -> int:
        """What grain is drawn from: the plan's seed and the sample's name."""
        return grain_seed(self.seed, self.sample)

    @property
    def painter(self) -> str:
        """What tables call its inpainter, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter.name, self.retouch)

    @property
    def inpainter_file_name(self) -> str:
        """The same in names of files, such as "telea+grain-1.5"."""
        return file_name(self.inpainter.name, self.retouch)

    @property
    def changed(self) -> bool:
        """Whether the hole is not the image's own: what detectors are to find."""
        return self.inpainter.card.paints or bool(self.retouch)


@dataclass(frozen=True, slots=True)
class DetectJob:
    """Let `detector` look at what `fill` inpainted; `launder`: after this step, or ""."""

    detector: ResolvedModel
    fill: InpaintJob
    launder: str
    key: str

    @property
    def step(self) -> PostProcess | None:
        """The step of laundering, or None where the detector sees the image as inpainted."""
        return PostProcess.parse(self.launder) if self.launder else None

    @property
    def seed(self) -> int:
        """What the step's noise is drawn from: the plan's seed and the sample's name."""
        return noise_seed(self.fill.seed, self.fill.sample)


@dataclass(frozen=True, slots=True)
class MeasureJob:
    """Measure `metric` on a fill and, where the metric needs it, a detector's verdict."""

    metric: str
    fill: InpaintJob
    judge: DetectJob | None
    key: str


Job = InpaintJob | DetectJob | MeasureJob


def key_of(*parts: object) -> str:
    """128 bits, as 32 hexadecimal digits, that stand for `parts`."""
    text = "\x1f".join(map(str, parts))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def make_inpaint_job(
    inpainter: ResolvedModel,
    sample: SampleRef,
    *,
    seed: int,
    rounding: str,
    blind: bool = False,
    own: str = "",
    retouch: str = "",
) -> InpaintJob:
    """The job of inpainting one sample.

    Args:
        inpainter: who inpaints.
        sample: what.
        seed: the plan's; it enters the key only for a model that draws from it.
        rounding: "even", or "authors" for the program's own rule, in the key where it differs.
        blind: whether the hole is inpainted over before a model that inpaints sees the image.
        own: what decides the answer to this sample alone, such as the hash of a finished image.
        retouch: what is done to the hole then, such as "grain:1.5", or "" for nothing.
    """
    rule = rule_of(inpainter, rounding)
    blind = blind and inpainter.card.paints
    drawn = drawn_key(seed, sample) if inpainter.card.seeded else ""
    key = inpaint_key(inpainter, sample, drawn=drawn, rule=rule, blind=blind, own=own)
    fill = InpaintJob(inpainter, sample, seed, rule, blind, key, retouch)
    if fill.step is None:
        return fill
    return replace(fill, key=retouched_key(key, retouch, fill.grain_seed))


def rule_of(inpainter: ResolvedModel, rounding: str) -> Literal["round", "cut"]:
    """How an inpainter's floats become 8 bits: "even" for all alike, or as its "authors" do."""
    return inpainter.card.rounding if rounding == "authors" else "round"


def names_of(sample: SampleRef, *more: str) -> str:
    """The names that an answer may go by, as they enter a key."""
    return key_of("names", sample.dataset, sample.bucket, sample.id, *more)


def drawn_key(seed: int, sample: SampleRef) -> str:
    """What enters the key of a model that draws from the plan's seed and the sample's name."""
    return key_of(seed, sample.id)


def inpaint_key(
    inpainter: ResolvedModel, sample: SampleRef, *, drawn: str, rule: str, blind: bool, own: str
) -> str:
    """The key of what an inpainter makes of a sample.

    Args:
        inpainter: who inpaints.
        sample: what.
        drawn: as `drawn_key`; "" for a model that draws nothing.
        rule: as `rule_of`.
        blind: whether the hole is inpainted over before; of a model that inpaints.
        own: what decides the answer to this sample alone, or "".
    """
    parts = ["fill", inpainter.identity, sample.key, drawn, rule, *(["blind"] if blind else [])]
    return key_of(*parts, *([own] if own else []))


def retouched_key(fill: str, retouch: str, seed: int) -> str:
    """The key of a fill with one step of retouching.

    Args:
        fill: the key without it.
        retouch: the step.
        seed: what grain is drawn from; it enters where the step draws.
    """
    drawn = str(seed) if Retouch.parse(retouch).drawn else ""
    return key_of("retouch", RETOUCH_REVISION, retouch, drawn, fill)


def grain_seed(seed: int, sample: SampleRef) -> int:
    """What a sample's grain is drawn from: the plan's seed and its name."""
    return seed_of("retouch", seed, sample.id)


def noise_seed(seed: int, sample: SampleRef) -> int:
    """What the noise of a laundering is drawn from: the plan's seed and the sample's name."""
    return seed_of("launder", seed, sample.id)


def mask_key(sample: SampleRef) -> str:
    """Under which key a sample's mask is stored."""
    return key_of("mask", sample.key)


def piece_of(
    sample: SampleRef,
    image: Pixels,
    *,
    mask: Mask | None = None,
    inpainter: str = "",
    launder: str = "",
) -> Piece:
    """An image with its names, as `Piece` says."""
    return Piece(
        sample=sample.id,
        dataset=sample.dataset,
        bucket=sample.bucket,
        inpainter=inpainter,
        launder=launder,
        image=image,
        mask=mask,
    )


def detect_key(detector: ResolvedModel, fill: str, own: str = "") -> str:
    """The key of what a detector says of an image, from the image's.

    Args:
        detector: who looks.
        fill: the image's key.
        own: what decides its answer to this image alone, as `own` of a fill; or "".
    """
    return key_of("judge", detector.identity, fill, *([own] if own else []))


def post_processed_key(judge: str, launder: str, seed: int) -> str:
    """The key of what a detector says after one laundering.

    Args:
        judge: the key without it.
        launder: the step, such as "jpeg:90".
        seed: what noise is drawn from; it enters where the step draws.
    """
    drawn = seed if PostProcess.parse(launder).drawn else ""
    return key_of("launder", REVISION, launder, drawn, judge)


def measure_key(metric: str, revision: str, fill: str, judge: str) -> str:
    """The key of measuring a metric, from those of the fill and the judgement, or ""."""
    return key_of("measure", metric, revision, fill, judge)
