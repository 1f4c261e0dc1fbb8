"""Post-processing as record.json describes it, so that a run is read without plugins and files."""

from __future__ import annotations

from typing import Annotated, NoReturn

from pydantic import BaseModel, ConfigDict, Field

from benchmark.core.errors import ExternalError
from benchmark.core.types import Mask, Pixels
from benchmark.postprocess.base import Launder
from benchmark.postprocess.chain import PostProcess
from benchmark.postprocess.registry import LAUNDERS

Text = Annotated[str, Field(max_length=10_000)]


class LaunderCard(BaseModel):
    """Entry of record.json for post-processing that its name alone does not determine.

    Attributes:
        key: what determines its result: what a preset stands for, hashes of files, plugins.
        plugins: kinds of its steps that are plugins'.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: Text
    plugins: Annotated[tuple[Text, ...], Field(max_length=100)] = ()


def launder_card(word: str) -> LaunderCard | None:
    """Return the card of a step or chain of a plan; None if its name says everything."""
    found = PostProcess.parse(word)
    return LaunderCard(key=found.key, plugins=found.plugins) if found.key != found.name else None


def stand_in_for(card: LaunderCard) -> None:
    """Register substitutes for the plugins of a card while a run is only read."""
    for kind in card.plugins:
        LAUNDERS.register_stand_in(kind, type("RecordedLaunder", (_Recorded,), {"kind": kind}))


class _Recorded(Launder):
    """Substitute for a step whose code is not imported: only its label is known."""

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Raise ExternalError."""
        self._refuse()

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Raise ExternalError."""
        self._refuse()

    def resized(self, pixels: Pixels) -> Pixels:
        """Raise ExternalError."""
        self._refuse()

    def truth(self, mask: Mask) -> Mask:
        """Raise ExternalError."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise ExternalError(f"{self.label}: its code is not installed or not imported")
