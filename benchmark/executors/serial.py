"""The serial executor: one chunk after the other, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from benchmark.runner.executor import RunChunks
from benchmark.runner.prefetch import run_with_prefetch
from benchmark.runner.worker_spec import WorkerSpec


class Serial:
    """Run chunks in order, in this process.

    Args:
        device: a torch device such as "cpu".
    """

    name = "serial"

    def __init__(self, device: str = "cpu") -> None:
        self.devices: tuple[str, ...] = (device,)
        self.threads: int | None = None

    @contextmanager
    def start(self, spec: WorkerSpec) -> Iterator[RunChunks]:
        """Load every model once, then run chunks in this process.

        Raises:
            WeightsError: if a checkpoint is damaged, of another model or not trained.
        """
        from benchmark.core.threads import threads_for_networks  # loads torch

        with threads_for_networks() as self.threads:
            yield partial(run_with_prefetch, spec.checked_worker(self.devices[0]))
