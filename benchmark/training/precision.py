"""A recipe's `precision`: networks in bfloat16 where the hardware has it, all else in float32.

Autocast is on inside networks alone. Around a whole step it would round losses as well: on a CPU it
widens neither means nor absolute differences, and a matrix product such as a Gram matrix is rounded
on any device.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from benchmark.core.errors import TrainingError
from benchmark.core.inference import as_float32
from benchmark.core.processor import multiplies_bf16, processor
from benchmark.training.recipe import Recipe


def check_precision(recipe: Recipe, device: torch.device) -> None:
    """Refuse what the device computes no faster.

    Raises:
        TrainingError: if the recipe asks for bf16 and the device is neither CUDA nor a processor
            that multiplies in it.
    """
    if recipe.precision == "exact" or device.type == "cuda":
        return
    if device.type == "cpu" and multiplies_bf16():
        return
    here = f"this one is {processor()}" if device.type == "cpu" else f"not {device.type}"
    raise TrainingError(
        f"recipe of {recipe.model}: precision {recipe.precision!r} takes a CUDA device or a "
        f'processor with AMX or AVX-512 bf16, {here}; set precision = "exact" or train with '
        "--device cuda:0"
    )


@contextmanager
def computing(precision: str, device: torch.device) -> Iterator[None]:
    """Within it, networks compute in a recipe's precision, and answer in float32.

    A network is whatever module is called by something that is no module. Weights, gradients and
    what is computed between the calls stay float32.
    """
    if precision == "exact":
        yield
        return
    inside, depth = ExitStack(), 0

    def enter(_module: nn.Module, _planes: object) -> None:
        nonlocal depth
        if not depth:
            inside.enter_context(torch.autocast(device.type, torch.bfloat16))
        depth += 1

    def leave(_module: nn.Module, _planes: object, answer: Any) -> Any:  # noqa: ANN401 (any network's)
        nonlocal depth
        depth -= 1
        if depth:
            return None  # leaves the answer as it is
        inside.close()
        return as_float32(answer)

    with (
        inside,
        register_module_forward_pre_hook(enter),
        register_module_forward_hook(leave, always_call=True),
    ):
        yield
