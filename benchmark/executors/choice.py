"""Make an executor from a run's options."""

from __future__ import annotations

from typing import NamedTuple

from benchmark.core.errors import BadInput, UnknownName
from benchmark.core.processor import available_cores
from benchmark.executors.processes import Processes
from benchmark.executors.serial import Serial
from benchmark.runner.executor import Executor

EXECUTORS = ("serial", "processes", "ray")
AUTO_START = 32  # the batch size that `--batch-size auto` tries first on a GPU


def default_executor(device: str) -> Executor:
    """Return the executor of this process, or of one process per device if there are several.

    Args:
        device: a torch device, or several separated by commas.
    """
    devices = _devices(device)
    return Processes(len(devices), devices) if len(devices) > 1 else Serial(devices[0])


def make_executor(
    name: str | None,
    *,
    device: str = "cpu",
    workers: int | None = None,
    address: str | None = None,
    gpu_share: float | None = None,
) -> Executor:
    """Return the executor of a run's options.

    Args:
        name: one of `EXECUTORS`, or None for the default.
        device: a torch device, or several separated by commas.
        workers: number of workers; by default one per device, or one per core on a CPU.
        address: address of a Ray cluster; "auto" looks for one, "local" starts one on this machine.
        gpu_share: share of a GPU per Ray worker.

    Raises:
        BadInput: if options do not go together, or an extra is not installed.
        UnknownName: if there is no such executor.
    """
    if name is not None and name not in EXECUTORS:
        raise UnknownName("executor", name, EXECUTORS)
    if name != "ray" and (address is not None or gpu_share is not None):
        raise BadInput("--address and --gpu-share go with --executor ray")
    if name == "ray":
        from benchmark.executors.ray import Ray

        return Ray(workers, device=device, address=address or "auto", gpu_share=gpu_share or 1.0)
    if name == "processes":
        devices = _devices(device)
        return Processes(
            workers or (available_cores() if devices == ["cpu"] else len(devices)), devices
        )
    if workers is not None:
        raise BadInput("--workers goes with --executor processes or ray")
    if name == "serial" and len(_devices(device)) > 1:
        raise BadInput(f"--device {device}: serial uses one device; use --executor processes")
    return default_executor(device)


class BatchSize(NamedTuple):
    """The value of `--batch-size`.

    Attributes:
        samples: samples per batch.
        shrink: whether a batch that does not fit into memory is halved.
    """

    samples: int
    shrink: bool


def batch_of(text: str, device: str) -> BatchSize:
    """Parse `--batch-size`.

    Args:
        text: a number, "auto", or "auto:" and the number to start with.
        device: "auto" starts with 1 on a CPU, where the system kills a process without memory
            before an allocation fails.

    Raises:
        BadInput: if it is none of these.
    """
    if text == "auto":
        return BatchSize(1 if device == "cpu" else AUTO_START, shrink=True)
    number = text.removeprefix("auto:")
    if not number.isdecimal() or int(number) < 1:
        raise BadInput(f"--batch-size {text!r}: expected a number from 1, auto, or auto:NUMBER")
    return BatchSize(int(number), shrink=number != text)


def _devices(device: str) -> list[str]:
    return [one.strip() for one in device.split(",")]
