"""What a worker is built from: sent to other processes and machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.core.external.files import ExternalOptions
from benchmark.runner.inputs import InputLoader
from benchmark.runner.jobs import ResolvedModel

if TYPE_CHECKING:  # a fully cached run does not load torch
    from benchmark.runner.worker import Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """Everything needed to make a worker on a device.

    Attributes:
        loader: loader of the jobs' inputs.
        inpainters: the inpainters that run.
        detectors: the detectors that run.
        batch: samples per batch.
        shrink: whether a batch that does not fit into memory is halved; otherwise it ends the run.
        terms: options for external programs and folders.
    """

    loader: InputLoader
    inpainters: tuple[ResolvedModel, ...]
    detectors: tuple[ResolvedModel, ...]
    batch: int
    shrink: bool
    terms: ExternalOptions

    def worker(self, device: str) -> Worker:
        """Return a worker on a torch device.

        Args:
            device: such as "cpu"; a missing device is reported with the first chunk.
        """
        from benchmark.runner.worker import Worker

        return Worker(
            self.loader, device=device, batch=self.batch, shrink=self.shrink, terms=self.terms
        )

    def checked_worker(self, device: str) -> Worker:
        """Return a worker that has loaded every model once, to report bad checkpoints at once.

        Raises:
            WeightsError: if a checkpoint is damaged, of another model or not trained.
        """
        worker = self.worker(device)
        for detector in self.detectors:
            worker.detector(detector)
        for inpainter in reversed(self.inpainters):  # the first runs first, and stays loaded
            worker.inpainter(inpainter)
        return worker
