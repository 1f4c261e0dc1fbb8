"""Batches that fit into memory: halved if they do not fit, or refused with advice."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

import torch
from torch import Tensor

from benchmark.core.errors import BadInput, BatchWarning

R = TypeVar("R")
Item = TypeVar("Item")
CPU_MESSAGES = ("not enough memory", "can't allocate memory")  # on a CPU, a plain RuntimeError


class BatchSizer:
    """The batch size of each model on one device.

    Args:
        device: a torch device such as "cuda:0".
        batch: the batch size to try first.
        shrink: whether a batch that does not fit is halved; otherwise it is an error.
    """

    def __init__(self, device: str, batch: int, *, shrink: bool) -> None:
        self._device = device
        self._batch = batch
        self._shrink = shrink
        self._fits: dict[str, int] = {}

    def run(self, model: str, call: Callable[..., list[R]], *tensors: Tensor) -> list[R]:
        """Call a model on all rows of `tensors`, in batches that fit into memory.

        Args:
            model: the model's name.
            call: returns one result per row.
            tensors: (N, ...) each.

        Raises:
            BadInput: if a batch does not fit and may not be halved, or has one sample.
        """
        results: list[R] = []
        while len(results) < len(tensors[0]):
            end = len(results) + self._fits.get(model, self._batch)
            part = [tensor[len(results) : end] for tensor in tensors]
            try:
                results += call(*part)
                continue
            except RuntimeError as error:  # the base class of torch.OutOfMemoryError
                if not is_out_of_memory(error):
                    raise
            # outside the handler: the traceback keeps the failed pass's tensors alive
            self._halve(model, len(part[0]))
        return results

    def _halve(self, model: str, size: int) -> None:
        if self._device.startswith("cuda"):
            torch.cuda.empty_cache()
        where = f"{model}: out of memory on {self._device} with {size} at once"
        if size == 1:
            raise BadInput(f"{where}: use a smaller --size, or a device with more memory")
        if not self._shrink:
            raise BadInput(f"{where}: use a smaller --batch-size, or 'auto'")
        self._fits[model] = size // 2
        warnings.warn(f"{where}; continuing with {size // 2}", BatchWarning, stacklevel=2)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether a model ran out of memory."""
    if not isinstance(error, RuntimeError):
        return False
    message = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(one in message for one in CPU_MESSAGES)


def batches_of_one_shape(
    items: Sequence[Item], size: int, shape: Callable[[Item], tuple[int, ...]]
) -> Iterator[list[Item]]:
    """Yield consecutive items of one shape, at most `size` at a time."""
    for _, group in groupby(items, key=shape):
        alike = list(group)
        for start in range(0, len(alike), size):
            yield alike[start : start + size]
