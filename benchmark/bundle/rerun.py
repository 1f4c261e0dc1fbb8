"""Run models of a bundle again: detectors on enclosed images, inpainters on enclosed originals.

Models are this project's own, with the weights that are here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmark.bundle.checked_run import CheckedRun
from benchmark.recompute import recompute
from benchmark.recomputed import Recomputed
from benchmark.results.samples import sample_conditions
from benchmark.runner.planning import Keys, PlanJobs

_NONE = Recomputed(tried=0, same=0, near=0, findings=(), left={})
_CPU = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """What ran again.

    Attributes:
        detections: detections that ran again.
        images: images that were inpainted again.
    """

    detections: Recomputed = _NONE
    images: Recomputed = _NONE


NOTHING = Rerun()


class Runner:
    """Run models of a bundle again.

    Args:
        run: the run.
        jobs: its jobs.
        same: models of this project with the same revision here.
        count: number of detections, and number of images.
        seed: seed of the choice of these.
    """

    def __init__(
        self, run: CheckedRun, jobs: PlanJobs, same: set[str], *, count: int, seed: int
    ) -> None:
        self._run, self._jobs, self._same = run, jobs, same
        self._count, self._seed = count, seed

    def run(self, places: Sequence[int]) -> Rerun:
        """Run some of the enclosed detections and inpaintings again, and compare.

        Args:
            places: indexes of the samples whose maps are enclosed.
        """
        return Rerun(
            detections=self._again("detections", self._enclosed(self._maps(), places, ".npy")),
            images=self._again("inpainted images", self._enclosed(self._images(), places, ".png")),
        )

    def _again(self, what: str, keys: set[str]) -> Recomputed:
        if not self._count or not keys:
            return _NONE
        opened, findings = self._run.opened, self._run.findings
        found = recompute([opened.run], opened.store, self._count, seed=self._seed, among=keys)
        for one in found.findings:
            findings.differs("outputs", f"{one.said} (run again)")
        for reason, number in found.left.items():
            findings.note(f"{number:,} {what} are not confirmed: {_plain(reason)}.")
        return found

    def _maps(self) -> Iterator[Keys]:
        """Yield the keys of heatmaps by detectors that are the same here."""
        for view in sample_conditions(self._jobs.resolved):
            if view.detector and view.detector.name in self._same:
                yield self._jobs.detect_keys_of(view)

    def _images(self) -> Iterator[Keys]:
        """Yield the keys of images by inpainters that are the same here."""
        device = self._run.record.device
        for view in sample_conditions(self._jobs.resolved):
            card = view.inpainter.card
            if not card.paints or card.finished or view.inpainter.name not in self._same:
                continue
            if device != _CPU and not card.weightless:
                self._run.findings.note(
                    f"{card.name}: ran on {device!r:.20}, whose rounding differs from that here; "
                    "its images are not inpainted again."
                )
                continue
            yield self._jobs.inpaint_keys(view.inpainter, view.treatment)

    def _enclosed(self, columns: Iterable[Keys], places: Sequence[int], suffix: str) -> set[str]:
        found = {key for column in columns for key in column.at(places)}
        return {key for key in found if (key, suffix) in self._run.opened.outputs}


def _plain(reason: str) -> str:
    """Return a reason in the words of a bundle."""
    return "images are not enclosed" if "not in the store" in reason else reason
