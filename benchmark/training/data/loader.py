"""Load training batches in the order of steps, prefetched by data workers where there are any."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

from torch.utils.data import DataLoader, Dataset

from benchmark.core.errors import BenchError, DataError
from benchmark.training.data.batches import Batch, BatchShard, BatchSource, Sample, stack


def load_batches(
    source: BatchSource, steps: range, shard: BatchShard, workers: int
) -> Generator[Batch, None, None]:
    """Yield the batches of some steps, equal for any number of workers.

    Args:
        source: the training data.
        steps: in their order.
        shard: the part of each batch that this process trains on.
        workers: data workers, which prefetch two batches each; with 0 batches are built in this
            process, when they are needed.

    Yields:
        The shard of each step's batch.

    Raises:
        DataError: if a file can no longer be read, or a worker was killed.
    """
    if not workers:
        yield from (source.batch(step, shard) for step in steps)
        return
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # about more workers than cores, which the user chose
        loader = DataLoader(
            _SampleDataset(source.build),
            batch_size=None,
            sampler=_PlanSampler(source, steps, shard),
            num_workers=workers,
            collate_fn=_identity,
            worker_init_fn=_ignore_interrupts,
        )
    filled = iter(loader)
    while True:
        try:
            samples = next(filled)
        except StopIteration:
            return
        except RuntimeError as error:
            if not str(error).startswith("DataLoader worker"):
                raise
            raise DataError(f"a data worker ended ({error}); give fewer --workers") from None
        if isinstance(samples, str):
            raise DataError(samples)
        yield stack(samples)


class _SampleDataset(Dataset[Any]):
    """Builds the samples of a plan, in a data worker."""

    def __init__(self, fill: Callable[[Any], list[Sample]]) -> None:
        self._fill = fill

    def __getitem__(self, ordered: object) -> list[Sample] | str:
        """The samples, or an error message for the user, which DataLoader would reword."""
        try:
            return self._fill(ordered)
        except BenchError as error:
            return str(error)


class _PlanSampler(Iterable[object]):
    """Plans the batches, in the training process, some steps ahead."""

    def __init__(self, source: BatchSource, steps: range, shard: BatchShard) -> None:
        self._source, self._steps, self._shard = source, steps, shard

    def __iter__(self) -> Iterator[object]:
        return (self._source.plan(step, self._shard) for step in self._steps)


def _identity(samples: list[Sample] | str) -> list[Sample] | str:
    """Keep NumPy arrays: tensors would be sent through shared memory, which containers lack."""
    return samples


def _ignore_interrupts(_number: int) -> None:
    """Ignore Ctrl-C, which the training process handles; exit when that process is gone.

    Otherwise a worker that waits to hand over a batch would never exit.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    trainer = multiprocessing.parent_process()
    if trainer is not None:
        trainer.join()
    os._exit(1)
