"""Runtime options of a training: devices, data workers, output."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.core.errors import BadInput
from benchmark.core.processor import available_cores

WORKERS = 2  # default per GPU: one builds the next batch while the other hands one over


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Runtime options of a training; they do not change its numbers, up to rounding.

    Attributes:
        device: a torch device, or several separated by commas, such as "cuda:0,cuda:1".
        devices: number of processes that share each batch, one per device; with "cpu" all run on
            the CPU.
        workers: data workers per device; None chooses a default.
        tensorboard: also write losses and sample images for TensorBoard.
        as_json: also print each row of the log as a line of JSON on standard output.
        bar: show a progress bar on a terminal.
    """

    device: str = "cpu"
    devices: int = 1
    workers: int | None = None
    tensorboard: bool = False
    as_json: bool = False
    bar: bool = True

    @property
    def torch_devices(self) -> tuple[str, ...]:
        """A torch device for each process.

        Raises:
            BadInput: if the two options contradict each other, or a count is out of range.
        """
        if (self.workers or 0) < 0 or self.devices < 1:
            raise BadInput("--workers counts from 0 and --devices from 1")
        named = tuple(name.strip() for name in self.device.split(","))
        if len(named) > 1:
            return _distinct(named, self.devices)
        if self.devices == 1 or self.device == "cpu":
            return named * self.devices
        if self.device != "cuda":
            raise BadInput(
                f"--devices {self.devices} of --device {self.device}: name each device, as in "
                "cuda:0,cuda:1, or give --device cuda or cpu"
            )
        return tuple(f"cuda:{number}" for number in range(self.devices))

    @property
    def data_workers(self) -> int:
        """Data workers per device: `workers`, or a default.

        The default is none on CPUs, where the networks use every core, and two per GPU, limited by
        the cores that the training processes leave free.
        """
        if self.workers is not None:
            return self.workers
        if self.torch_devices[0] == "cpu":
            return 0
        return max(0, min(WORKERS, available_cores() // len(self.torch_devices) - 1))


DEFAULT_OPTIONS = TrainOptions()


def _distinct(named: tuple[str, ...], count: int) -> tuple[str, ...]:
    if count not in (1, len(named)):
        raise BadInput(f"--device names {len(named)} devices, --devices is {count}")
    if len(set(named)) < len(named) or not all(name.startswith("cuda:") for name in named):
        raise BadInput(
            f"--device {','.join(named)}: expected different CUDA devices such as cuda:0,cuda:1"
        )
    return named
