"""The machine that computed a run: all that moves the last digits of a number.

Nothing here imports torch: a run whose every output was stored computes nothing and loads none.
"""

from __future__ import annotations

import os
import platform
import sys
from typing import Any

from benchmark.core.errors import BadInput
from benchmark.core.processor import available_cores, processor

# What decides which kernels torch and oneDNN take; all have to be set before torch is loaded.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
INSTRUCTIONS = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
_X86 = ("x86_64", "amd64")


def machine_of(device: str, threads: int | None) -> dict[str, Any]:
    """What record.json says of the machine.

    Args:
        device: the torch devices of the run, with commas between.
        threads: of torch that networks got in each process, or None where the run computed
            nothing: then its numbers are those of the runs that filled the store, and torch, which
            was not loaded, has no values here.

    Returns:
        `processor`, `architecture`, `cores` (that this process may use), `threads`,
        `instruction_set` (that torch's kernels use, such as "AVX2"), `environment` (the variables
        that set those two), and with a GPU `gpu`, `cuda`, `cudnn`.
    """
    found: dict[str, Any] = {
        "processor": processor(),
        "architecture": platform.machine(),
        "cores": available_cores(),
        "threads": threads,
        "instruction_set": None,
        "environment": {
            name: os.environ[name] for name in (*THREADS, *INSTRUCTIONS) if name in os.environ
        },
    }
    if threads is not None:
        import torch

        found["instruction_set"] = torch.backends.cpu.get_cpu_capability()
        found |= _gpus(device)
    return found


def make_reproducible(device: str, executor: str | None) -> str:
    """Pin this process, and those it starts, to one thread and to AVX2 kernels.

    Then any two x86-64 processors with AVX2 compute with the same kernels in the same order. On
    another architecture only the thread is pinned.

    Args:
        device: the torch devices of the run.
        executor: the executor's name, or None for the default.

    Returns:
        What was pinned, in a line.

    Raises:
        BadInput: if torch is loaded already, which is too late, or the run computes elsewhere than
            on this machine's processor.
    """
    if device != "cpu":
        raise BadInput(f"--reproducible pins a CPU's arithmetic, not {device}'s: use --device cpu")
    if executor == "ray":
        raise BadInput(
            "--reproducible pins this machine alone; with ray set the variables named in "
            "docs/reproducibility.md on every node"
        )
    if "torch" in sys.modules:
        raise BadInput(
            "--reproducible comes too late here, torch is loaded: set OMP_NUM_THREADS=1, "
            "ATEN_CPU_CAPABILITY=avx2 and ONEDNN_MAX_CPU_ISA=AVX2 before Python starts"
        )
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if platform.machine().lower() not in _X86:
        return f"Reproducible: one thread; {platform.machine()} has no instruction set to choose."
    os.environ.update(INSTRUCTIONS)
    return "Reproducible: one thread, AVX2 kernels."


def _gpus(device: str) -> dict[str, Any]:
    import torch

    names = [one.strip() for one in device.split(",") if one.strip().startswith("cuda")]
    if not names:
        return {}
    return {
        "gpu": {name: torch.cuda.get_device_name(name) for name in names},
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
    }
