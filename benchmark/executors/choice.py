"""Which executor a run's options mean."""

from __future__ import annotations

from benchmark.core.errors import BadInput, UnknownName
from benchmark.core.processor import available_cores
from benchmark.executors.processes import Processes
from benchmark.executors.serial import Serial
from benchmark.runner.executor import Executor

EXECUTORS = ("serial", "processes", "ray")
AUTO_START = 32  # samples at once that `--batch-size auto` tries first on a GPU


def default_executor(device: str) -> Executor:
    """This process; with several devices, with commas between, a process for each."""
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
    """The executor that options name.

    Args:
        name: one of `EXECUTORS`, or None for the default.
        device: a torch device, or several with commas between.
        workers: how many workers; by default one a device, or one a core on a CPU.
        address: of a Ray cluster; "auto" looks for one, "local" starts one on this machine.
        gpu_share: of a GPU that each Ray worker takes.

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
        raise BadInput(f"--device {device}: serial works on one device; take --executor processes")
    return default_executor(device)


def batch_of(text: str, device: str) -> tuple[int, bool]:
    """What `--batch-size` means: the batch, and whether it is halved where it does not fit.

    Args:
        text: a number, "auto", or "auto:" and the number to begin with.
        device: "auto" begins with 1 on a CPU, which kills a process rather than refuse it memory.

    Raises:
        BadInput: if it is none of these.
    """
    if text == "auto":
        return (1 if device == "cpu" else AUTO_START), True
    number = text.removeprefix("auto:")
    if not number.isdecimal() or int(number) < 1:
        raise BadInput(f"--batch-size {text!r}: expected a number from 1, auto, or auto:NUMBER")
    return int(number), number != text


def _devices(device: str) -> list[str]:
    return [one.strip() for one in device.split(",")]
