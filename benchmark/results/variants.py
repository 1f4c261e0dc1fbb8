"""Who inpainted: an inpainter, and what was done to its holes then. Each is a line of its own."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.core.card import Card
from benchmark.retouch import retouched_name
from benchmark.runner.plan import Plan
from inpainters import INPAINTERS


@dataclass(frozen=True, slots=True)
class InpainterVariant:
    """An inpainter with one step of retouching.

    Attributes:
        inpainter: the inpainter's name; its weights and its card go by this.
        retouch: what was done to its holes, such as "grain:1.5", or "" for nothing.
    """

    inpainter: str
    retouch: str = ""

    @property
    def name(self) -> str:
        """What tables call it, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter, self.retouch)

    @property
    def card(self) -> Card:
        """The inpainter's card."""
        return INPAINTERS.card(self.inpainter)

    @property
    def reported(self) -> str:
        """Its name in the paper's tables, which have nothing retouched, or ""."""
        return "" if self.retouch else self.card.reported

    @property
    def untouched(self) -> bool:
        """Whether its images are the originals: what detectors say of them are false alarms."""
        return not self.card.paints and not self.retouch


def variants_of(plan: Plan) -> tuple[InpainterVariant, ...]:
    """A plan's inpainters with each of its retouchings, inpainter by inpainter."""
    return tuple(
        InpainterVariant(name, step) for name in plan.inpainter_names for step in plan.retouches
    )


def parse_variant(name: str) -> InpainterVariant:
    """Who is called so in tables; the name of an inpainter alone has no colon."""
    inpainter, _, retouch = name.rpartition("+") if ":" in name else (name, "", "")
    return InpainterVariant(inpainter, retouch)
