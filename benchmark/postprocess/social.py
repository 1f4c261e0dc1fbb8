"""`social:NAME`: what a network does to an uploaded photo, as a chain of other steps.

Only networks whose numbers a source states that anyone can open are here.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from benchmark.core.errors import BadInput
from benchmark.core.types import Mask, Pixels
from benchmark.postprocess.base import Launder
from benchmark.postprocess.codecs import Jpeg
from benchmark.postprocess.geometry import Fit


class Preset(NamedTuple):
    """A preset.

    Attributes:
        side: longest side in pixels; larger images are downscaled to it.
        quality: JPEG quality.
        source: where the numbers are stated.
    """

    side: int
    quality: int
    source: str


PRESETS = {
    "telegram": Preset(
        side=1280,
        quality=87,
        source="the sending side of a photo in Telegram Desktop's own source: "
        "telegramdesktop/tdesktop, Telegram/SourceFiles/storage/localimageloader.cpp, commit "
        "202534575b6855c6d5a033d8d577cb3ecb9c8851",
    ),
}


class Social(Launder):
    """Downscale to the network's longest side if larger, then JPEG at the network's quality.

    The key contains the chain that a preset stands for, so that stored results of a preset with
    other numbers are not used.
    """

    kind, usage = "social", "|".join(PRESETS)
    expected = "; ".join(
        f"{name} (longest side {preset.side} pixels, JPEG quality {preset.quality})"
        for name, preset in PRESETS.items()
    )

    def __init__(self, argument: str) -> None:
        super().__init__(argument.lower())
        if self.argument not in PRESETS:
            raise BadInput(
                f"no preset named {self.argument!r}. Known: {', '.join(PRESETS)}; presets need a "
                "source that states their numbers"
            )

    @cached_property
    def _steps(self) -> tuple[Launder, ...]:
        preset = PRESETS[self.argument]
        return Fit(str(preset.side)), Jpeg(str(preset.quality))

    def fingerprint(self) -> str:
        """Return the chain of steps, such as "= fit:1280+jpeg:87"."""
        return "= " + "+".join(step.key for step in self._steps)

    def check(self) -> None:
        """Check each step."""
        for step in self._steps:
            step.check()

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Apply each step."""
        for step in self._steps:
            pixels = step.apply(pixels, seed=seed)
        return pixels

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width after each step."""
        for step in self._steps:
            height, width = step.size(height, width)
        return height, width

    def resized(self, pixels: Pixels) -> Pixels:
        """Bring an image to its size after each step."""
        for step in self._steps:
            pixels = step.resized(pixels)
        return pixels

    def truth(self, mask: Mask) -> Mask:
        """Bring a mask to its size after each step."""
        for step in self._steps:
            mask = step.truth(mask)
        return mask
