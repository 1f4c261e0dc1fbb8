"""This machine's processor: model name, available cores, bfloat16 support.

Only `multiplies_bf16` imports torch.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

BF16 = ("amx_bf16", "avx512_bf16")  # keys of torch.cpu.get_capabilities
BF16_BEFORE = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")  # AMX always includes bf16


def processor() -> str:
    """Return the processor's model name, or the architecture if it is unknown."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def multiplies_bf16() -> bool:
    """Whether the processor has AMX or AVX-512 instructions for bfloat16, according to torch.

    Without them torch computes bfloat16 many times more slowly than float32.
    """
    import torch

    get_capabilities = getattr(torch.cpu, "get_capabilities", None)
    if get_capabilities is not None:
        found = get_capabilities()
        return any(found.get(name, False) for name in BF16)
    checks = (getattr(torch.cpu, name, None) for name in BF16_BEFORE)  # earlier versions of torch
    return any(check() for check in checks if check is not None)
