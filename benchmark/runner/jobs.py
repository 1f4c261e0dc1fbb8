"""The jobs of a run. A job's key hashes everything that decides its answer, so that new weights, a
new mask or a new revision never answer with an old number.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from benchmark.core.card import Card
from benchmark.core.weights import Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A model of the plan with the weights it will run with.

    Attributes:
        name: its name in the plan.
        card: its card.
        weights: the weights found for it.
    """

    name: str
    card: Card
    weights: Weights

    @property
    def identity(self) -> str:
        """Everything about the model that decides its answer: name, revision, weights."""
        return f"{self.card.name}@{self.card.revision}+{self.weights.sha256}"


@dataclass(frozen=True, slots=True)
class SampleRef:
    """A picture with its hole, by name: cheap enough to keep a million of.

    Attributes:
        id: the picture's name within its data set.
        bucket: label of its hole's bucket, such as "10-20".
        mask: what decides the mask, in words: generator and seed, or the mask's file.
        key: hash of the picture's bytes, the size rule and the mask.
    """

    id: str
    bucket: str
    mask: str
    key: str


@dataclass(frozen=True, slots=True)
class Fill:
    """Let `inpainter` paint `sample`."""

    inpainter: Chosen
    sample: SampleRef
    seed: int
    rounding: Literal["round", "cut"]
    key: str


@dataclass(frozen=True, slots=True)
class Judge:
    """Let `detector` look at what `fill` painted."""

    detector: Chosen
    fill: Fill
    key: str


@dataclass(frozen=True, slots=True)
class Measure:
    """Measure `metric` on a fill and, where the metric needs it, a detector's verdict."""

    metric: str
    fill: Fill
    judge: Judge | None
    key: str


Job = Fill | Judge | Measure


def key_of(*parts: object) -> str:
    """128 bits, as 32 hexadecimal digits, that stand for `parts`."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def fill_job(inpainter: Chosen, sample: SampleRef, *, seed: int, rounding: str) -> Fill:
    """The job of painting one sample.

    Args:
        inpainter: who paints.
        sample: what.
        seed: the plan's; it enters the key only for a model that draws from it.
        rounding: "even", or "authors" for the program's own rule, in the key where it differs.
    """
    drawn = key_of(seed, sample.id) if inpainter.card.seeded else ""
    rule = inpainter.card.rounding if rounding == "authors" else "round"
    key = key_of("fill", inpainter.identity, sample.key, drawn, rule)
    return Fill(inpainter, sample, seed, rule, key)


def judge_job(detector: Chosen, fill: Fill) -> Judge:
    """The job of judging one painted picture."""
    return Judge(detector, fill, key_of("judge", detector.identity, fill.key))


def measure_job(metric: str, revision: int, fill: Fill, judge: Judge | None) -> Measure:
    """The job of measuring one metric; `revision` is the metric's."""
    answered = judge.key if judge else ""
    return Measure(metric, fill, judge, key_of("measure", metric, revision, fill.key, answered))
