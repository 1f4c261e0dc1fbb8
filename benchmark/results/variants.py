"""Variants of inpainters: an inpainter with a retouching, a row of its own in every table."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.core.card import Card
from benchmark.retouch import retouched_name
from benchmark.runner.plan import Plan
from inpainters import INPAINTERS


@dataclass(frozen=True, slots=True)
class InpainterVariant:
    """An inpainter with one retouching.

    Attributes:
        inpainter: name of the inpainter, which determines weights and card.
        retouch: retouching of the hole, such as "grain:1.5", or "" for none.
    """

    inpainter: str
    retouch: str = ""

    @property
    def name(self) -> str:
        """Name in tables, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter, self.retouch)

    @property
    def card(self) -> Card:
        """Card of the inpainter."""
        return INPAINTERS.card(self.inpainter)

    @property
    def reported(self) -> str:
        """Name in the paper's tables, or ""; they contain nothing retouched."""
        return "" if self.retouch else self.card.reported

    @property
    def untouched(self) -> bool:
        """Whether its images are the originals, on which detections are false positives."""
        return not self.card.paints and not self.retouch


def variants_of(plan: Plan) -> tuple[InpainterVariant, ...]:
    """Return a plan's inpainters with each of its retouchings, inpainter by inpainter."""
    return tuple(
        InpainterVariant(name, step) for name in plan.inpainter_names for step in plan.retouches
    )


def parse_variant(name: str) -> InpainterVariant:
    """Parse a name in tables; only names with a retouching contain a colon."""
    inpainter, _, retouch = name.rpartition("+") if ":" in name else (name, "", "")
    return InpainterVariant(inpainter, retouch)
