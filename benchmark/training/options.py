"""How a training is carried out: its devices, its data workers, what it tells."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.core.errors import BadInput
from benchmark.core.processor import available_cores

WORKERS = 2  # of each GPU by default: one makes the next batch while the other hands one over


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """How a training is carried out. Its numbers are the recipe's, up to rounding.

    Attributes:
        device: a torch device, or several with commas between, such as "cuda:0,cuda:1".
        devices: how many processes share each batch, a device each; with "cpu" all are the CPU.
        workers: processes that make batches ahead, for each device; None: a default.
        tensorboard: whether losses and images are written for TensorBoard too.
        as_json: whether each row of the log is a line of JSON on standard output.
        bar: whether progress is a bar where there is a terminal.
    """

    device: str = "cpu"
    devices: int = 1
    workers: int | None = None
    tensorboard: bool = False
    as_json: bool = False
    bar: bool = True

    @property
    def places(self) -> tuple[str, ...]:
        """A torch device for each process.

        Raises:
            BadInput: if the two options contradict each other, or there are workers below none.
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
                f"--devices {self.devices} of --device {self.device}: name each, as in "
                "cuda:0,cuda:1, or give --device cuda or cpu"
            )
        return tuple(f"cuda:{number}" for number in range(self.devices))

    @property
    def data_workers(self) -> int:
        """Processes that make batches ahead, for each device: `workers`, or a default.

        By default none on CPUs, where the networks use every core, and on GPUs two each, as far as
        there are cores beside those of the processes that train.
        """
        if self.workers is not None:
            return self.workers
        if self.places[0] == "cpu":
            return 0
        return max(0, min(WORKERS, available_cores() // len(self.places) - 1))


PLAIN = TrainOptions()


def _distinct(named: tuple[str, ...], count: int) -> tuple[str, ...]:
    if count not in (1, len(named)):
        raise BadInput(f"--device names {len(named)} devices, --devices says {count}")
    if len(set(named)) < len(named) or not all(name.startswith("cuda:") for name in named):
        raise BadInput(
            f"--device {','.join(named)}: expected different CUDA devices such as cuda:0,cuda:1"
        )
    return named
