"""Batches that fit into the memory: halved where they do not, or refused with what to do."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from benchmark.core.errors import BadInput, BatchWarning

R = TypeVar("R")
CPU_SAYS = ("not enough memory", "can't allocate memory")  # there it is a plain RuntimeError


class BatchSizer:
    """How many samples each model takes at once on one device.

    Args:
        device: a torch device such as "cuda:0".
        batch: how many are tried first.
        shrink: whether a batch that does not fit is halved; else it is an error.
    """

    def __init__(self, device: str, batch: int, *, shrink: bool) -> None:
        self._device = device
        self._batch = batch
        self._shrink = shrink
        self._fits: dict[str, int] = {}

    def fitting(self, model: str, call: Callable[..., list[R]], *tensors: Tensor) -> list[R]:
        """The answers to all rows of `tensors`, asked for in batches that fit.

        Args:
            model: the model's name.
            call: gives one answer a row.
            tensors: (N, ...) each.

        Raises:
            BadInput: if the batch does not fit and may not be halved, or is 1.
        """
        answers: list[R] = []
        while len(answers) < len(tensors[0]):
            end = len(answers) + self._fits.get(model, self._batch)
            part = [tensor[len(answers) : end] for tensor in tensors]
            try:
                answers += call(*part)
                continue
            except RuntimeError as error:  # torch.OutOfMemoryError is one
                if not is_out_of_memory(error):
                    raise
            # out of the handler: its traceback held what the failed pass had in memory
            self._halve(model, len(part[0]))
        return answers

    def _halve(self, model: str, size: int) -> None:
        if self._device.startswith("cuda"):
            torch.cuda.empty_cache()
        where = f"{model}: out of memory on {self._device} with {size} at once"
        if size == 1:
            raise BadInput(f"{where}: take a smaller --size, or a device with more memory")
        if not self._shrink:
            raise BadInput(f"{where}: take a smaller --batch-size, or 'auto'")
        self._fits[model] = size // 2
        warnings.warn(f"{where}; going on with {size // 2}", BatchWarning, stacklevel=2)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a model ran out of memory."""
    if not isinstance(error, RuntimeError):
        return False
    said = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(one in said for one in CPU_SAYS)
