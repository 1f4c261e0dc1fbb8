"""Variants of inpainters: one with a composite and a retouching, a row of its own in tables."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.composite import NONE, split_name, split_treatment, treatment_of
from benchmark.core.card import Card
from benchmark.retouch import retouched_name
from benchmark.runner.plan import Plan
from inpainters import INPAINTERS


@dataclass(frozen=True, slots=True)
class InpainterVariant:
    """An inpainter with one composite and one retouching.

    Attributes:
        inpainter: name of the inpainter, which determines weights and card.
        retouch: retouching of the hole, such as "grain:1.5", or "" for none.
        composite: what becomes of the known region, such as "none", or "" for `splice`.
    """

    inpainter: str
    retouch: str = ""
    composite: str = ""

    @property
    def treatment(self) -> str:
        """The composite and the retouching, such as "composite:none+grain:1.5", or ""."""
        return treatment_of(self.composite, self.retouch)

    @property
    def name(self) -> str:
        """Name in tables, such as "telea+grain:1.5" or "lama+composite:none"."""
        return retouched_name(self.inpainter, self.treatment)

    @property
    def card(self) -> Card:
        """Card of the inpainter."""
        return INPAINTERS.card(self.inpainter)

    @property
    def reported(self) -> str:
        """Name in the paper's tables, or ""; they contain spliced images without retouching."""
        return "" if self.treatment else self.card.reported

    @property
    def keeps_known(self) -> bool:
        """Whether known pixels are the original's; an image without is neither best nor ranked.

        A detector that marks its changed known pixels gives it a low AUC against the hole.
        """
        return self.composite != NONE

    @property
    def untouched(self) -> bool:
        """Whether its images are the originals, on which detections are false positives."""
        return not self.card.paints and not self.retouch


def variants_of(plan: Plan) -> tuple[InpainterVariant, ...]:
    """Return a plan's inpainters with each of their treatments, inpainter by inpainter."""
    return tuple(
        variant_of(name, treatment)
        for name in plan.inpainter_names
        for treatment in plan.treatments_of(INPAINTERS.card(name))
    )


def variant_of(inpainter: str, treatment: str) -> InpainterVariant:
    """Return an inpainter with a treatment, as `benchmark.composite.treatment_of` writes it."""
    composite, retouch = split_treatment(treatment)
    return InpainterVariant(inpainter, retouch, composite)


def parse_variant(name: str) -> InpainterVariant:
    """Parse a name in tables."""
    return variant_of(*split_name(name))
