"""Who inpainted, retouched how, and who looked: what the numbers of a plan are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from benchmark.retouch import retouched_name
from benchmark.runner.jobs import Chosen
from benchmark.runner.resolve import ResolvedPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Who inpainted, what was done to the hole, and who looked at it after which laundering.

    Attributes:
        inpainter: who inpainted.
        retouch: what was done to the hole then, or "".
        detector: who looked, or None for the image alone.
        launder: what was done to the inpainted image before, or "".
    """

    inpainter: Chosen
    retouch: str = ""
    detector: Chosen | None
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
    def models(self) -> tuple[Chosen, ...]:
        """Both, or the one there is."""
        return (self.inpainter, self.detector) if self.detector else (self.inpainter,)


def views(
    setup: ResolvedPlan, detectors: Sequence[Chosen | None], inpainters: Iterable[Chosen]
) -> Iterator[View]:
    """Every view of some inpainters by some detectors, None standing for the image alone."""
    for inpainter, retouch in product(inpainters, setup.retouches):
        for detector in detectors:
            for launder in setup.launders if detector else ("",):
                yield View(inpainter=inpainter, retouch=retouch, detector=detector, launder=launder)


def looked_at(setup: ResolvedPlan, detector: Chosen) -> Iterator[View]:
    """All that one detector looks at: what the plan's inpainters made, and the null's images."""
    yield from views(setup, (detector,), setup.inpainters)
    if setup.for_null is not None and not setup.no_null(detector):
        for launder in setup.launders:
            yield View(inpainter=setup.for_null, detector=detector, launder=launder)


def null_views(setup: ResolvedPlan) -> Iterator[View]:
    """Every view of the untouched images by the plan's detectors, those without weights too."""
    if setup.untouched is not None:
        for detector in setup.all_detectors:
            for launder in setup.launders:
                yield View(inpainter=setup.untouched, detector=detector, launder=launder)
