"""Write what was trained: safetensors in half precision, and files in the authors' layout."""

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
SMALLEST = torch.finfo(torch.float16).tiny  # below it half precision has fewer digits


def export_safetensors(network: nn.Module, path: Path, noted: dict[str, Any]) -> None:
    """Write a network in half precision, with what is noted of it under the metadata key "bench".

    Args:
        network: its state is written as `halves` has it.
        path: the file, replaced in one piece.
        noted: at least `model` and `config`; also recipe, steps and seed.

    Raises:
        OutputError: if the file cannot be written.
    """
    content = save(halves(network), metadata={"bench": json.dumps(noted, sort_keys=True)})
    with atomic(path, durable=True) as draft:
        draft.write_bytes(content)


def export_official(files: dict[str, dict[str, Any]], folder: Path) -> list[Path]:
    """Write files in the authors' layout, as torch.save does.

    Args:
        files: their content by name.
        folder: where they go.

    Returns:
        Their paths.

    Raises:
        OutputError: if a file cannot be written.
    """
    paths = []
    for name, content in files.items():
        write_torch(content, folder / name)
        paths.append(folder / name)
    return paths


def write_torch(content: dict[str, Any], path: Path) -> None:
    """Write what torch.save writes, in one piece.

    Raises:
        OutputError: if the disk is full or the folder cannot be written.
    """
    memory = io.BytesIO()  # torch.save reports a full disk as a bug of its own
    torch.save(content, memory)
    with atomic(path, durable=True) as draft:
        draft.write_bytes(memory.getbuffer())


def halves(network: nn.Module) -> dict[str, Tensor]:
    """A network's state in half precision, on the CPU.

    Numbers that are no floats keep their type, and so do tensors with values that half precision
    cannot hold, and variances, which are divided by, that it holds with few digits.
    """
    return {name: _half(name, value) for name, value in network.state_dict().items()}


def _half(name: str, value: Tensor) -> Tensor:
    value = value.detach().cpu().contiguous()
    if not value.is_floating_point() or float(value.abs().max()) > LARGEST:
        return value
    if name.endswith("running_var") and float(value.min()) < SMALLEST:
        return value
    return value.half()
