"""Calls of models in a worker: timed, in batches that fit into memory, one result per sample."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from torch import Tensor

from benchmark.core.errors import BadOutput
from benchmark.core.external.files import ExternalOptions
from benchmark.runner.batching import BatchSizer
from benchmark.runner.per_sample import call_per_sample

R = TypeVar("R")
Item = TypeVar("Item")


class ModelCalls:
    """Calls of models on one device; a sample that fails does not affect the others.

    Args:
        device: a torch device such as "cpu".
        batch: samples per batch.
        shrink: whether a batch that does not fit into memory is halved; otherwise it is an error.
        terms: options for external programs and folders.

    Attributes:
        device: as above.
        batch: as above.
        terms: as above.
        seconds: time spent in models; reset by the worker.
    """

    def __init__(self, device: str, batch: int, *, shrink: bool, terms: ExternalOptions) -> None:
        self.device = device
        self.batch = batch
        self.terms = terms
        self.seconds = 0.0
        self._sizer = BatchSizer(device, batch, shrink=shrink)

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Add the time spent inside to `seconds`."""
        start = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - start

    def on_items(
        self, call: Callable[[Sequence[Item]], Sequence[R]], items: Sequence[Item], model: str
    ) -> list[R | BadOutput]:
        """Call a model on all items at once, as `call_per_sample`; it is not timed."""
        return call_per_sample(call, items, model=model, logs=self.terms.logs)

    def by_name(
        self, call: Callable[..., Sequence[R]], items: Sequence[Item], model: str
    ) -> list[R | BadOutput]:
        """Call a model that identifies images by name on all items at once."""
        with self.clock():
            return self.on_items(partial(call, terms=self.terms), items, model)

    def in_batches(
        self, call: Callable[..., list[R]], model: str, *tensors: Tensor
    ) -> list[R | BadOutput]:
        """Call a model on the rows of tensors, in batches that fit into memory.

        Args:
            call: returns one result per row.
            model: the model's name.
            tensors: (N, ...) each.

        Returns:
            For each row the result, or the error.

        Raises:
            BadInput: if a batch does not fit and may not be halved, or has one sample.
        """

        def each(*part: Tensor) -> list[R | BadOutput]:
            def rows(chosen: Sequence[int]) -> list[R]:
                return call(*(tensor[chosen[0] : chosen[-1] + 1] for tensor in part))

            return self.on_items(rows, range(len(part[0])), model)

        return self._sizer.run(model, each, *tensors)
