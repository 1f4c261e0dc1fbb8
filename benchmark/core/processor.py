"""This machine's processor: its name, the cores there are, what it multiplies in 16 bits.

Only `multiplies_bf16` loads torch.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

BF16 = ("amx_bf16", "avx512_bf16")  # as torch.cpu.get_capabilities calls them
BF16_BEFORE = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")  # AMX never came without bf16


def processor() -> str:
    """The processor's name as its maker has it, or the architecture where nobody says."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def multiplies_bf16() -> bool:
    """Whether torch says that the processor has AMX or AVX-512 instructions for bfloat16.

    Elsewhere torch computes bfloat16 too, many times slower than float32.
    """
    import torch

    ask = getattr(torch.cpu, "get_capabilities", None)
    if ask is not None:
        found = ask()
        return any(found.get(name, False) for name in BF16)
    asked = (getattr(torch.cpu, name, None) for name in BF16_BEFORE)  # of earlier versions
    return any(one() for one in asked if one is not None)
