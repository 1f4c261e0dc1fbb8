"""Training in `precision = "bf16"`: autocast inside networks, float32 everywhere else.

Autocast around a whole step would also round losses: on a CPU it does not promote means and
absolute differences to float32, and matrix products such as Gram matrices are rounded on any
device.
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
    """Refuse bf16 on devices where it is not faster.

    Raises:
        TrainingError: if the recipe has precision "bf16" and the device is neither CUDA nor a
            processor with bf16 multiplication.
    """
    if recipe.precision == "exact" or device.type == "cuda":
        return
    if device.type == "cpu" and multiplies_bf16():
        return
    here = f"this one is {processor()}" if device.type == "cpu" else f"not {device.type}"
    raise TrainingError(
        f"recipe of {recipe.model}: precision {recipe.precision!r} needs a CUDA device or a "
        f'processor with AMX or AVX-512 bf16, {here}; set precision = "exact" or train with '
        "--device cuda:0"
    )


@contextmanager
def autocast_networks(precision: str, device: torch.device) -> Iterator[None]:
    """Run networks in a recipe's precision; their outputs are float32.

    A network is any module that is not called by another module. Weights, gradients and everything
    computed between the calls stay float32.
    """
    if precision == "exact":
        yield
        return
    inside, depth = ExitStack(), 0

    def enter(_module: nn.Module, _inputs: object) -> None:
        nonlocal depth
        if not depth:
            inside.enter_context(torch.autocast(device.type, torch.bfloat16))
        depth += 1

    def leave(_module: nn.Module, _inputs: object, output: Any) -> Any:  # noqa: ANN401 (of any network)
        nonlocal depth
        depth -= 1
        if depth:
            return None  # leaves the output unchanged
        inside.close()
        return as_float32(output)

    with (
        inside,
        register_module_forward_pre_hook(enter),
        register_module_forward_hook(leave, always_call=True),
    ):
        yield
