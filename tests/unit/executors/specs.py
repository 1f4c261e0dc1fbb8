"""Worker specs of workers without models that fail on some samples; importable by a worker."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import Weights
from benchmark.core.errors import BatchWarning, DataError
from benchmark.core.types import Detection
from benchmark.runner.inputs import Chunk, Inputs
from benchmark.runner.jobs import InpaintJob, ResolvedModel, SampleRef
from benchmark.runner.outcome import ChunkResult
from benchmark.store.encoding import StoredOutput
from detectors.baselines import Flatness

HOLD = "BENCH_TEST_HOLD"  # in the environment: file in which `Blocking` writes its node
CARD = Card(name="fake", title="fake", paper="", license="", revision=1)


class Instant:
    """A worker that returns at once; the sample's name selects how it fails."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def load(self, chunk: Chunk) -> Inputs:
        return chunk.inputs or Inputs()

    def __call__(self, chunk: Chunk, inputs: Inputs) -> ChunkResult:
        for job in chunk.jobs:
            self._behave(job.sample.id)
        return ChunkResult(
            outputs=[StoredOutput(key=job.key) for job in chunk.jobs], jobs=len(chunk.jobs)
        )

    def _behave(self, name: str) -> None:
        if name.startswith("deadly") or (name.startswith("once") and self._first(name)):
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "mistake":
            raise DataError("mistake: cannot be used")
        if name == "bug":
            raise ZeroDivisionError("a bug")
        if name == "large":
            warnings.warn("fake: out of memory", BatchWarning, stacklevel=2)

    def _first(self, name: str) -> bool:
        try:
            (self._trace / name).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


class InstantSpec(NamedTuple):
    """A worker spec, its loader and its sources in one; workers create files in `trace`."""

    trace: Path

    @property
    def loader(self) -> InstantSpec:
        return self

    @property
    def store(self) -> Path:
        return self.trace

    @property
    def sources(self) -> InstantSpec:
        return self

    @property
    def folders(self) -> dict[str, Path]:
        return {"folder": self.trace}

    def load(self, chunk: Chunk) -> Inputs:
        return Inputs()

    def worker(self, device: str) -> Instant:
        if device == "cpu:9":  # as if there were no memory to start it
            os.kill(os.getpid(), signal.SIGKILL)
        return Instant(self.trace)

    def checked_worker(self, device: str) -> Instant:
        return self.worker(device)


class Blocking(Flatness):
    """`flatness`; the first of all workers to run it writes its Ray node to a file and blocks.

    So killing that node kills a worker that holds work, however fast the others are.
    """

    def _detect(self, images: Tensor) -> Detection:
        note = Path(os.environ[HOLD])
        if self._is_first(note):
            import ray

            draft = note.with_suffix(".draft")
            draft.write_text(ray.get_runtime_context().get_node_id())
            draft.rename(note)
            time.sleep(600)
        return super()._detect(images)

    def _is_first(self, note: Path) -> bool:
        try:
            note.with_suffix(".taken").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def chunks(*names: str) -> Iterator[Chunk]:
    """Yield one chunk per sample."""
    model = ResolvedModel(name="fake", card=CARD, weights=Weights(edition="none"))
    for name in names:
        sample = SampleRef("folder", name, "10-20", "drawn", name)
        yield Chunk(jobs=[InpaintJob(model, sample, 0, "round", False, name)])
