"""The machine of a run: everything that affects the last digits of a number.

This module does not import torch when loaded: a fully cached run does not need it.
"""

from __future__ import annotations

import os
import platform
import sys
from typing import Any

from benchmark.core.errors import BadInput
from benchmark.core.processor import available_cores, processor

# Variables that select the kernels of torch and oneDNN; they have to be set before torch is loaded.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
INSTRUCTIONS = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
_X86 = ("x86_64", "amd64")


def machine_of(device: str, threads: int | None) -> dict[str, Any]:
    """Return the description of the machine for record.json.

    Args:
        device: the torch devices of the run, separated by commas.
        threads: torch threads of networks in each process, or None if the run computed nothing:
            then its numbers come from the runs that filled the store, torch was not loaded, and its
            values are left out.

    Returns:
        `processor`, `architecture`, `cores` (available to this process), `threads`,
        `instruction_set` (of torch's kernels, such as "AVX2"), `environment` (the variables that
        set the last two), and with a GPU `gpu`, `cuda`, `cudnn`.
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
    """Limit this process, and those it starts, to one thread and to AVX2 kernels.

    Then all x86-64 processors with AVX2 run the same kernels in the same order. On another
    architecture only the number of threads is set.

    Args:
        device: the torch devices of the run.
        executor: the executor's name, or None for the default.

    Returns:
        What was set, in one line.

    Raises:
        BadInput: if torch is loaded already, or the run uses anything but this machine's CPU.
    """
    if device != "cpu":
        raise BadInput(f"--reproducible sets up a CPU, not {device}: use --device cpu")
    if executor == "ray":
        raise BadInput(
            "--reproducible sets up this machine only; with ray, set the variables named in "
            "docs/reproducibility.md on every node"
        )
    if "torch" in sys.modules:
        raise BadInput(
            "--reproducible has no effect after torch is loaded: set OMP_NUM_THREADS=1, "
            "ATEN_CPU_CAPABILITY=avx2 and ONEDNN_MAX_CPU_ISA=AVX2 before Python starts"
        )
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if platform.machine().lower() not in _X86:
        return f"Reproducible: one thread; no choice of instruction set on {platform.machine()}."
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
