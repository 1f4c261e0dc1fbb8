"""Parse a chain of post-processing steps, and apply it to images and ground truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from benchmark.core.errors import BadInput, BadOutput, ExternalError, UnknownName, did_you_mean
from benchmark.core.image_open import MOST_PIXELS
from benchmark.core.inspecting import is_inspecting
from benchmark.core.seeds import seed_of
from benchmark.core.types import Mask, Pixels
from benchmark.postprocess.base import Launder
from benchmark.postprocess.registry import LAUNDERS

LONGEST = 8  # steps of a chain
SEPARATOR = "+"


@dataclass(frozen=True, slots=True)
class PostProcess:
    """One post-processing step, or a chain of them.

    Attributes:
        label: the text in plans, in its canonical form, such as "resize:0.5+jpeg:80".
        steps: the steps in order.
        sources: for each step, what identifies its code if a plugin provides it, else "".
    """

    label: str
    steps: tuple[Launder, ...] = field(compare=False, repr=False)
    sources: tuple[str, ...] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> PostProcess:
        """Parse a step such as "jpeg:90", or a chain such as "resize:0.5+jpeg:80".

        In inspection mode, steps of plugins are known from the run's record only.

        Raises:
            BadInput: if a step is unknown, missing or out of range, or there are more than
                `LONGEST`; the message names its place in the chain.
            ExternalError: if the step is a plugin's that cannot be used.
        """
        words = text.split(SEPARATOR)
        if len(words) > LONGEST:
            raise BadInput(
                f"post-processing {text!r}: {len(words)} steps; expected at most {LONGEST}"
            )
        steps, sources = [], []
        for place, word in enumerate(words, start=1):
            try:
                step, source = _parse_step(word)
            except BadInput as error:
                if len(words) == 1:
                    raise
                where = f"step {place} of {len(words)} in {text.strip()!r}"
                raise BadInput(f"{where}: {error}") from None
            steps.append(step)
            sources.append(source)
        label = SEPARATOR.join(step.label for step in steps)
        return cls(label, tuple(steps), tuple(sources))

    @property
    def name(self) -> str:
        """Name in tables: the label, with the names of files in place of their paths."""
        return SEPARATOR.join(step.name for step in self.steps)

    @property
    def key(self) -> str:
        """Everything that determines the result besides the image and the seed.

        It is the label, with what presets stand for, hashes of files and identities of plugins.
        """
        pairs = zip(self.steps, self.sources, strict=True)
        return SEPARATOR.join(" ".join(filter(None, (step.key, source))) for step, source in pairs)

    @property
    def is_random(self) -> bool:
        """Whether the result depends on a seed."""
        return any(step.is_random for step in self.steps)

    @property
    def crops(self) -> bool:
        """Whether parts of the image are cut off."""
        return any(step.crops for step in self.steps)

    @property
    def plugins(self) -> tuple[str, ...]:
        """Kinds of the steps that are not of this project."""
        return tuple(step.kind for step in self.steps if step.kind not in LAUNDERS.built_in)

    @property
    def is_external(self) -> bool:
        """Whether a step is a plugin's, or reads files."""
        return bool(self.plugins) or any(step.reads_files for step in self.steps)

    def check(self) -> None:
        """Check that each step can be applied here.

        Raises:
            BenchError: if a library, a codec or a file is missing; says how to get it.
        """
        for step in self.steps:
            step.check()

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Apply the steps to an image.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            seed: seed of the first random step; each further one has a seed of its own.

        Returns:
            (H', W', 3) uint8 RGB.

        Raises:
            BadOutput: if a step leaves nothing of the image or makes it too large, or fails.
        """
        seeds = _seeds(seed)
        for step in self.steps:
            height, width = _new_size(step, pixels)
            own = next(seeds) if step.is_random else seed
            changed = np.asarray(step.apply(pixels, seed=own))
            if changed.shape != (height, width, 3) or changed.dtype != np.uint8:
                raise BadOutput(
                    f"{step.name}: expected ({height}, {width}, 3) uint8, got {changed.shape} "
                    f"{changed.dtype}"
                )
            pixels = changed
        return pixels

    def resized(self, pixels: Pixels) -> Pixels:
        """Bring an image, (H, W, 3) uint8 RGB, to its size after the steps; nothing else changes.

        Returns:
            (H', W', 3) uint8 RGB, or `pixels` itself if the size is the same.

        Raises:
            BadOutput: if nothing is left, or the image would be too large.
        """
        for step in self.steps:
            _new_size(step, pixels)
            pixels = step.resized(pixels)
        return pixels

    def truth(self, mask: Mask) -> Mask:
        """Bring the ground truth, (H, W) bool, to its size after the steps, (H', W') bool.

        Raises:
            BadOutput: if nothing is left, or the mask would be too large.
        """
        for step in self.steps:
            _new_size(step, mask)
            mask = step.truth(mask)
        return mask

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width after the steps; (0, 0) if nothing is left."""
        for step in self.steps:
            height, width = step.size(height, width)
            if min(height, width) < 1:
                return 0, 0
        return height, width


def _seeds(seed: int) -> Iterator[int]:
    """Yield the seed of each random step: the first has `seed` itself, as without a chain."""
    yield seed
    place = 1
    while True:
        yield seed_of("launder", seed, place)
        place += 1


def _new_size(step: Launder, image: Pixels | Mask) -> tuple[int, int]:
    """Return the size of an image after a step, or raise BadOutput."""
    before = image.shape[:2]
    height, width = step.size(before[0], before[1])
    if min(height, width) < 1:
        raise BadOutput(f"{step.name} leaves nothing of {before[1]}x{before[0]} pixels")
    if height * width > MOST_PIXELS:
        raise BadOutput(
            f"{step.name} makes {width}x{height} pixels of {before[1]}x{before[0]}: more than "
            f"{MOST_PIXELS // 10**6} million"
        )
    return height, width


def _parse_step(text: str) -> tuple[Launder, str]:
    """Return a step and the identity of its code if a plugin provides it, else "".

    Raises:
        BadInput: if there is no such step, or its argument cannot be used.
    """
    word, _, argument = text.strip().partition(":")
    kind = word.strip() if word.strip() in LAUNDERS else word.strip().lower()
    if not kind or not text.isprintable():
        raise BadInput(f"post-processing {text!r}: expected a step such as jpeg:90")
    try:
        found = LAUNDERS.load(kind)
    except UnknownName:
        known = ", ".join(usage_of(one) for one in LAUNDERS)
        hint = did_you_mean(kind, LAUNDERS)
        raise BadInput(f"no post-processing named {kind!r}.{hint} Known: {known}.") from None
    if getattr(found, "kind", None) != kind:
        raise ExternalError(f"the post-processing step {kind!r}: its class has another `kind`")
    try:
        step = found(argument)
    except BadInput as error:
        raise BadInput(f"post-processing {text.strip()}: {error}") from None
    own = kind in LAUNDERS.built_in or is_inspecting()
    return step, "" if own else LAUNDERS.fingerprint(kind)


def usage_of(kind: str) -> str:
    """Return the form of a step, such as "jpeg:QUALITY"; plugins are not imported."""
    usage = LAUNDERS.load(kind).usage if kind in LAUNDERS.built_in else ""
    return f"{kind}:{usage}" if usage else kind
