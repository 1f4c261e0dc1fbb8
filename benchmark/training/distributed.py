"""Several processes that train one model, a device each, carried by Lightning Fabric.

Fabric starts the processes and exchanges tensors between them. Networks are not wrapped: players
freeze each other and some terms differentiate twice, which the usual wrapper does not carry. Each
process differentiates its share of a batch, and the gradients are averaged before the optimizer
steps, so all hold the same weights.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing.queues import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor
from torch.multiprocessing.spawn import ProcessException

from benchmark.core.errors import BadInput, BenchError, TrainingError
from benchmark.core.external.optional import install_line
from benchmark.training.data.batches import WHOLE, Share
from benchmark.training.shutdown import end_processes, stoppable

if TYPE_CHECKING:  # of the extra `train`
    from lightning_fabric import Fabric

# Each process imports this before Fabric tells, in six lines, that it has begun.
for _talker in ("lightning_fabric.utilities.distributed", "lightning_fabric.utilities.rank_zero"):
    logging.getLogger(_talker).setLevel(logging.WARNING)

Job = TypeVar("Job")
Result = TypeVar("Result")


class ProcessGroup:
    """The processes that train together, as one of them sees them.

    Args:
        fabric: launched; None for a process on its own, which exchanges nothing.
    """

    def __init__(self, fabric: Fabric | None = None) -> None:
        self._fabric = fabric

    @property
    def share(self) -> Share:
        """Which part of each batch is this process's."""
        if self._fabric is None:
            return WHOLE
        return Share(self._fabric.global_rank, self._fabric.world_size)

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.share.number == 0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors, the same shapes in every process, by their mean over all processes."""
        if self._fabric is None or not tensors:
            return
        flat = torch.cat([tensor.detach().flatten() for tensor in tensors])
        self._fabric.all_reduce(flat, reduce_op="mean")  # in place
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        with torch.no_grad():
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """The mean over all processes of numbers that have the same names everywhere."""
        if self._fabric is None:
            return dict(values)
        numbers = torch.tensor(list(values.values()), device=self._fabric.device)
        self.average([numbers])
        return dict(zip(values, numbers.tolist(), strict=True))

    def any(self, flag: bool) -> bool:
        """Whether it is so in at least one process."""
        return flag if self._fabric is None else self.mean({"flag": float(flag)})["flag"] > 0


ALONE = ProcessGroup()


def launch(
    work: Callable[[ProcessGroup, str, Job], Result], places: tuple[str, ...], job: Job
) -> Result:
    """Do a job in a process for each device.

    Args:
        work: a function of a module, called with the team, the device, and the job.
        places: torch devices, all CPUs or all different CUDA devices.
        job: what it gets; it is pickled.

    Returns:
        What the first process returned.

    Raises:
        TrainingError: if Lightning Fabric is not installed, or a process met a mistake of the
            user's.
        BadInput: if a device is not there.
        KeyboardInterrupt: if it was stopped before the first step.
    """
    fabric = _fabric(places)
    told: SimpleQueue[Any] = multiprocessing.get_context("spawn").SimpleQueue()
    logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)  # of who is ended
    with stoppable(end_processes) as stop:
        try:
            # Fabric looks into other arguments for tensors, and refuses frozen dataclasses there.
            fabric.launch(partial(_in_process, work=work, job=job, told=told))
        except ProcessException:
            if not told.empty():
                raise TrainingError(told.get()[1]) from None
            if stop.is_set():
                raise KeyboardInterrupt from None
            raise
    result: Result = told.get()[1]
    return result


def _in_process(
    fabric: Fabric,
    work: Callable[[ProcessGroup, str, Job], Result],
    job: Job,
    told: SimpleQueue[Any],
) -> None:
    try:
        result = work(ProcessGroup(fabric), str(fabric.device), job)
    except BenchError as error:
        told.put(("error", str(error)))
        raise SystemExit(2) from None
    if fabric.global_rank == 0:
        told.put(("result", result))


def _fabric(places: tuple[str, ...]) -> Fabric:
    try:
        from lightning_fabric import Fabric
    except ImportError:
        raise TrainingError(
            f"several devices take Lightning Fabric: {install_line('train')}"
        ) from None
    kind = torch.device(places[0]).type
    if kind == "cpu":
        return Fabric(accelerator="cpu", devices=len(places), strategy="ddp_spawn")
    numbers = [torch.device(place).index for place in places]
    if max(numbers) >= torch.cuda.device_count():
        raise BadInput(
            f"device {places[numbers.index(max(numbers))]!r}: not on this machine, which has "
            f"{torch.cuda.device_count()} CUDA devices"
        )
    return Fabric(accelerator="cuda", devices=numbers, strategy="ddp_spawn")
