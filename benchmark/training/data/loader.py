"""Batches in the order of steps, made ahead by processes of data workers where there are any."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmark.core.errors import BenchError, DataError
from benchmark.training.data.batches import Pair, Share, Source, stack


def feed(
    source: Source, steps: range, share: Share, workers: int
) -> Generator[tuple[Tensor, Tensor], None, None]:
    """The batches of some steps, the same with any number of workers.

    Args:
        source: where they come from.
        steps: in their order.
        share: which part of each batch.
        workers: processes that make batches ahead, two each; with 0 each is made when it is asked
            for.

    Yields:
        Images (N, 3, H, W) in [0, 1] and masks (N, 1, H, W) of 0 and 1.

    Raises:
        DataError: if a file can no longer be read, or a worker was ended from outside.
    """
    if not workers:
        yield from (source.batch(step, share) for step in steps)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # more workers than cores: the user said so
        loader = DataLoader(
            _Filling(source.fill),
            batch_size=None,
            sampler=_Orders(source, steps, share),
            num_workers=workers,
            collate_fn=_as_it_is,
            worker_init_fn=_left_to_the_trainer,
        )
    filled = iter(loader)
    while True:
        try:
            pairs = next(filled)
        except StopIteration:
            return
        except RuntimeError as error:
            if not str(error).startswith("DataLoader worker"):
                raise
            raise DataError(f"a data worker ended ({error}); give fewer --workers") from None
        if isinstance(pairs, str):
            raise DataError(pairs)
        yield stack(pairs)


class _Filling(Dataset[Any]):
    """What runs in the workers."""

    def __init__(self, fill: Callable[[Any], list[Pair]]) -> None:
        self._fill = fill

    def __getitem__(self, ordered: object) -> list[Pair] | str:
        """Images and masks, or what the user has to mend, which the loader would reword."""
        try:
            return self._fill(ordered)
        except BenchError as error:
            return str(error)


class _Orders(Iterable[object]):
    """What runs in the process that trains, some steps ahead of it."""

    def __init__(self, source: Source, steps: range, share: Share) -> None:
        self._source, self._steps, self._share = source, steps, share

    def __iter__(self) -> Iterator[object]:
        return (self._source.order(step, self._share) for step in self._steps)


def _as_it_is(pairs: list[Pair] | str) -> list[Pair] | str:
    """Not as tensors, which the loader sends through shared memory that containers are short of."""
    return pairs


def _left_to_the_trainer(_number: int) -> None:
    """Ctrl-C reaches every process: the one that trains ends its step and then its workers.

    Where it is killed, they end too; one that waits to hand over a batch would wait for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_the_trainer, daemon=True).start()


def _end_with_the_trainer() -> None:
    trainer = multiprocessing.parent_process()
    if trainer is not None:
        trainer.join()
    os._exit(1)
