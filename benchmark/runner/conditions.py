"""Who inpainted, retouched how, and who looked: what the numbers of a plan are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from benchmark.retouch import retouched_name
from benchmark.runner.jobs import ResolvedModel
from benchmark.runner.resolve import ResolvedPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Who inpainted, what was done to the hole, and who looked at it after which laundering.

    Attributes:
        inpainter: who inpainted.
        retouch: what was done to the hole then, or "".
        detector: who looked, or None for the image alone.
        launder: what was done to the inpainted image before, or "".
    """

    inpainter: ResolvedModel
    retouch: str = ""
    detector: ResolvedModel | None
    launder: str

    @property
    def painter(self) -> str:
        """What tables call the inpainter, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter.name, self.retouch)

    @property
    def changed(self) -> bool:
        """Whether the hole is not the image's own, so that an image differs from hole to hole."""
        return self.inpainter.card.paints or bool(self.retouch)

    @property
    def models(self) -> tuple[ResolvedModel, ...]:
        """Both, or the one there is."""
        return (self.inpainter, self.detector) if self.detector else (self.inpainter,)


def conditions_of(
    resolved: ResolvedPlan,
    detectors: Sequence[ResolvedModel | None],
    inpainters: Iterable[ResolvedModel],
) -> Iterator[Condition]:
    """Every view of some inpainters by some detectors, None standing for the image alone."""
    for inpainter, retouch in product(inpainters, resolved.retouches):
        for detector in detectors:
            for launder in resolved.launders if detector else ("",):
                yield Condition(
                    inpainter=inpainter, retouch=retouch, detector=detector, launder=launder
                )


def detector_conditions(resolved: ResolvedPlan, detector: ResolvedModel) -> Iterator[Condition]:
    """All that one detector looks at: what the plan's inpainters made, and the null's images."""
    yield from conditions_of(resolved, (detector,), resolved.inpainters)
    if resolved.extra_null_inpainter is not None and not resolved.null_omitted_reason(detector):
        for launder in resolved.launders:
            yield Condition(
                inpainter=resolved.extra_null_inpainter, detector=detector, launder=launder
            )


def null_conditions(resolved: ResolvedPlan) -> Iterator[Condition]:
    """Every view of the untouched images by the plan's detectors, those without weights too."""
    if resolved.untouched is not None:
        for detector in resolved.all_detectors:
            for launder in resolved.launders:
                yield Condition(inpainter=resolved.untouched, detector=detector, launder=launder)
