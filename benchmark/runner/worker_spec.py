"""What a worker is made of: it travels to other processes and machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.core.external.files import Terms
from benchmark.runner.inputs import InputLoader
from benchmark.runner.jobs import ResolvedModel

if TYPE_CHECKING:  # a finished run loads no torch
    from benchmark.runner.worker import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """What a worker is made of.

    Attributes:
        loader: where what jobs need is read from.
        inpainters: those of the plan that run.
        detectors: likewise.
        batch: samples a model sees at once.
        shrink: whether a batch too large for the memory is halved; else it ends the run.
        terms: on what terms programs and folders outside are used.
    """

    loader: InputLoader
    inpainters: tuple[ResolvedModel, ...]
    detectors: tuple[ResolvedModel, ...]
    batch: int
    shrink: bool
    terms: Terms

    def worker(self, device: str) -> Worker:
        """A worker on a torch device.

        Args:
            device: such as "cpu"; a missing one is found out by the first chunk.
        """
        from benchmark.runner.worker import Worker

        return Worker(
            self.loader, device=device, batch=self.batch, shrink=self.shrink, terms=self.terms
        )

    def checked_worker(self, device: str) -> Worker:
        """A worker that has loaded every model once: a bad checkpoint shows now, not after hours.

        Raises:
            WeightsError: if a checkpoint is damaged, of another model or not trained.
        """
        worker = self.worker(device)
        for detector in self.detectors:
            worker.detector(detector)
        for inpainter in reversed(self.inpainters):  # the first is needed first: it stays loaded
            worker.inpainter(inpainter)
        return worker
