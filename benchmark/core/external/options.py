"""Options of a run that a scheme's model may be unable to honor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a run asks of every model.

    Attributes:
        precision: "exact", or "bf16" for networks in bfloat16.
        compiled: whether networks run under torch.compile.
        devices: names of the torch devices that models may be loaded on.
        prompts: whether every image has a prompt of its own.
    """

    precision: Literal["exact", "bf16"] = "exact"
    compiled: bool = False
    devices: tuple[str, ...] = ("cpu",)
    prompts: bool = False
