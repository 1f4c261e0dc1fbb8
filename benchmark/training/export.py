"""Export trained networks: half-precision safetensors, and files in the authors' layout."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from benchmark.core.paths import atomic

LARGEST = torch.finfo(torch.float16).max
SMALLEST = torch.finfo(torch.float16).tiny  # subnormal below: fewer significant digits


def export_safetensors(network: nn.Module, path: Path, metadata: dict[str, Any]) -> None:
    """Write a network in half precision, with its metadata under the key "bench".

    Args:
        network: its `half_precision_state` is written.
        path: the file, replaced atomically.
        metadata: at least `model` and `config`; also recipe, steps and seed.

    Raises:
        OutputError: if the file cannot be written.
    """
    content = save(
        half_precision_state(network), metadata={"bench": json.dumps(metadata, sort_keys=True)}
    )
    with atomic(path, durable=True) as draft:
        draft.write_bytes(content)


def export_official(files: dict[str, dict[str, Any]], folder: Path) -> list[Path]:
    """Write files in the authors' layout, with torch.save.

    Args:
        files: content by file name.
        folder: the output folder.

    Returns:
        The paths of the files.

    Raises:
        OutputError: if a file cannot be written.
    """
    paths = []
    for name, content in files.items():
        write_torch(content, folder / name)
        paths.append(folder / name)
    return paths


def write_torch(content: dict[str, Any], path: Path) -> None:
    """torch.save, atomically.

    Raises:
        OutputError: if the disk is full or the folder cannot be written.
    """
    memory = io.BytesIO()  # torch.save reports a full disk as an internal error
    torch.save(content, memory)
    with atomic(path, durable=True) as draft:
        draft.write_bytes(memory.getbuffer())


def half_precision_state(network: nn.Module) -> dict[str, Tensor]:
    """The state dict of a network in half precision, on the CPU.

    Shapes are unchanged. Tensors keep their dtype if they are not floating-point, if values exceed
    the range of half precision, or if they are variances (which are divided by) that would be
    subnormal.
    """
    return {name: _half(name, value) for name, value in network.state_dict().items()}


def _half(name: str, value: Tensor) -> Tensor:
    value = value.detach().cpu().contiguous()
    if not value.is_floating_point() or float(value.abs().max()) > LARGEST:
        return value
    if name.endswith("running_var") and float(value.min()) < SMALLEST:
        return value
    return value.half()
