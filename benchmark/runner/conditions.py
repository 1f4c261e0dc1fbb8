"""Conditions of a plan: combinations of inpainter, treatment, detector and post-processing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from benchmark.retouch import retouched_name
from benchmark.runner.jobs import ResolvedModel
from benchmark.runner.resolve import ResolvedPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One inpainter with one treatment, seen by one detector after one post-processing.

    Attributes:
        inpainter: the inpainter.
        treatment: the composite and the retouching after inpainting, as
            `benchmark.composite.treatment_of` writes them, or "".
        detector: the detector, or None for the image alone.
        launder: the post-processing before detection, or "".
    """

    inpainter: ResolvedModel
    treatment: str = ""
    detector: ResolvedModel | None
    launder: str

    @property
    def inpainter_label(self) -> str:
        """The inpainter's name in tables, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter.name, self.treatment)

    @property
    def changes_images(self) -> bool:
        """Whether the hole differs from the authentic image, so that each mask gives an image."""
        return self.inpainter.card.paints or bool(self.treatment)

    @property
    def models(self) -> tuple[ResolvedModel, ...]:
        """The inpainter and, if there is one, the detector."""
        return (self.inpainter, self.detector) if self.detector else (self.inpainter,)


def conditions_of(
    resolved: ResolvedPlan,
    detectors: Sequence[ResolvedModel | None],
    inpainters: Iterable[ResolvedModel],
) -> Iterator[Condition]:
    """Yield every condition of some inpainters and detectors, None for the image alone."""
    for inpainter in inpainters:
        for treatment, detector in product(resolved.treatments_of(inpainter), detectors):
            for launder in resolved.launders if detector else ("",):
                yield Condition(
                    inpainter=inpainter, treatment=treatment, detector=detector, launder=launder
                )


def detector_conditions(resolved: ResolvedPlan, detector: ResolvedModel) -> Iterator[Condition]:
    """Yield all conditions of one detector: the plan's inpainters, and the null's images."""
    yield from conditions_of(resolved, (detector,), resolved.inpainters)
    extra = resolved.extra_null_inpainter
    if extra is not None and not resolved.null_omitted_reason(detector):
        for launder in resolved.launders:
            yield Condition(inpainter=extra, detector=detector, launder=launder)


def null_conditions(resolved: ResolvedPlan) -> Iterator[Condition]:
    """Yield every condition of the authentic images, of detectors without weights too."""
    if resolved.null_inpainter is not None:
        for detector in resolved.all_detectors:
            for launder in resolved.launders:
                yield Condition(
                    inpainter=resolved.null_inpainter, detector=detector, launder=launder
                )
