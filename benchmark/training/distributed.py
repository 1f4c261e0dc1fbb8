"""Data-parallel training: a process for each device, launched by Lightning Fabric.

Fabric starts the processes and exchanges tensors between them. Networks are not wrapped in
DistributedDataParallel: optimizer roles freeze each other's networks and some losses differentiate
twice, which it does not support. Each process computes the gradients of its shard of a batch; they
are averaged before the optimizer steps, so that all processes hold the same weights.
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
from benchmark.training.data.batches import WHOLE_BATCH, BatchShard
from benchmark.training.shutdown import graceful_shutdown, terminate_children

if TYPE_CHECKING:  # of the extra `train`
    from lightning_fabric import Fabric

# Imported by each process before Fabric logs its six start-up lines.
for _name in ("lightning_fabric.utilities.distributed", "lightning_fabric.utilities.rank_zero"):
    logging.getLogger(_name).setLevel(logging.WARNING)

Job = TypeVar("Job")
Result = TypeVar("Result")


class ProcessGroup:
    """The processes that train together; each holds one such object.

    Args:
        fabric: a launched Fabric; None for a single process.
    """

    def __init__(self, fabric: Fabric | None = None) -> None:
        self._fabric = fabric

    @property
    def shard(self) -> BatchShard:
        """The part of each batch that this process trains on."""
        if self._fabric is None:
            return WHOLE_BATCH
        return BatchShard(self._fabric.global_rank, self._fabric.world_size)

    @property
    def is_rank_zero(self) -> bool:
        """True on rank 0, the only process that writes files and logs."""
        return self.shard.rank == 0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """All-reduce tensors to their mean, in place.

        Args:
            tensors: floats of any shape, equal in number and shapes in all processes.
        """
        if self._fabric is None or not tensors:
            return
        flat = torch.cat([tensor.detach().flatten() for tensor in tensors])
        self._fabric.all_reduce(flat, reduce_op="mean")  # in device
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        with torch.no_grad():
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """The mean of each number over all processes; names must be equal in all processes."""
        if self._fabric is None:
            return dict(values)
        numbers = torch.tensor(list(values.values()), device=self._fabric.device)
        self.average([numbers])
        return dict(zip(values, numbers.tolist(), strict=True))

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in at least one process."""
        return flag if self._fabric is None else self.mean({"flag": float(flag)})["flag"] > 0


SINGLE_PROCESS = ProcessGroup()


def launch(
    work: Callable[[ProcessGroup, str, Job], Result], devices: tuple[str, ...], job: Job
) -> Result:
    """Run a job in a process for each device.

    Args:
        work: a module-level function, called with the process group, the device, and the job.
        devices: torch devices, all CPUs or all different CUDA devices.
        job: its argument; it is pickled.

    Returns:
        The result of rank 0.

    Raises:
        TrainingError: if Lightning Fabric is not installed, or a process fails with an error of
            this project.
        BadInput: if a device does not exist.
        KeyboardInterrupt: if it is interrupted before the first step.
    """
    fabric = _fabric(devices)
    messages: SimpleQueue[Any] = multiprocessing.get_context("spawn").SimpleQueue()
    logging.getLogger("torch.multiprocessing.spawn").setLevel(
        logging.ERROR
    )  # about terminated processes
    with graceful_shutdown(terminate_children) as stop:
        try:
            # A partial: Fabric searches plain arguments for tensors and refuses frozen dataclasses.
            fabric.launch(partial(_in_process, work=work, job=job, messages=messages))
        except ProcessException:
            if not messages.empty():
                raise TrainingError(messages.get()[1]) from None
            if stop.is_set():
                raise KeyboardInterrupt from None
            raise
    result: Result = messages.get()[1]
    return result


def _in_process(
    fabric: Fabric,
    work: Callable[[ProcessGroup, str, Job], Result],
    job: Job,
    messages: SimpleQueue[Any],
) -> None:
    try:
        result = work(ProcessGroup(fabric), str(fabric.device), job)
    except BenchError as error:
        messages.put(("error", str(error)))
        raise SystemExit(2) from None
    if fabric.global_rank == 0:
        messages.put(("result", result))


def _fabric(devices: tuple[str, ...]) -> Fabric:
    try:
        from lightning_fabric import Fabric
    except ImportError:
        raise TrainingError(
            f"several devices need Lightning Fabric: {install_line('train')}"
        ) from None
    kind = torch.device(devices[0]).type
    if kind == "cpu":
        return Fabric(accelerator="cpu", devices=len(devices), strategy="ddp_spawn")
    numbers = [torch.device(device).index for device in devices]
    if max(numbers) >= torch.cuda.device_count():
        raise BadInput(
            f"device {devices[numbers.index(max(numbers))]!r}: not on this machine, which has "
            f"{torch.cuda.device_count()} CUDA devices"
        )
    return Fabric(accelerator="cuda", devices=numbers, strategy="ddp_spawn")
