"""Backbones drawn at random, taken for the published ones, in each file they may come in."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

from benchmark.core import backbones
from benchmark.core.backbones import BACKBONES, Backbone, content_of
from benchmark.core.checkpoints.digests import sha256_of

State = dict[str, NDArray[np.float32]]


def draw(name: str = "alexnet", seed: int = 0) -> State:
    """Convolutions of a backbone's shapes, scaled so that answers neither vanish nor explode."""
    generator = np.random.default_rng(seed)
    state = {}
    for key, shape in BACKBONES[name].shapes.items():
        spread = float(np.prod(shape[1:])) ** -0.5
        numbers = generator.standard_normal(shape, dtype=np.float32)
        state[key] = numbers * np.float32(spread) if len(shape) == 4 else 0 * numbers
    return state


def pretend(
    patch: pytest.MonkeyPatch, state: State, file: Path | None = None, name: str = "alexnet"
) -> Backbone:
    """Take these convolutions for the published ones, and `file` for torchvision's."""
    known = replace(BACKBONES[name], content=content_of(state))
    if file is not None:
        size, digits = file.stat().st_size, sha256_of(file)[:8]
        known = replace(known, published=replace(known.published, size=size, sha256=digits))
    patch.setitem(backbones._TABLE, name, known)
    backbones._is_verified.cache_clear()
    return known


def write_published(path: Path, state: State) -> Path:
    """As torchvision has it: with a classifier."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {key: torch.from_numpy(value) for key, value in state.items()}
    torch.save({**content, "classifier.1.weight": torch.zeros(3)}, path)
    return path


def write_safetensors(path: Path, state: State) -> Path:
    """As this project keeps it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path)
    return path


def write_pickle(path: Path, state: State, name: str = "alexnet", protocol: int = 3) -> Path:
    """As the package on PyPI has it, with what is not wanted beside it."""
    layers: dict[str, dict[str, NDArray[np.float32]]] = {}
    for number, key in enumerate(state):
        kernel = key.endswith("weight")
        value = state[key].transpose(2, 3, 1, 0) if kernel else state[key]
        layer = layers.setdefault(f"Conv_{number // 2}", {})
        layer["kernel" if kernel else "bias"] = np.ascontiguousarray(value)
    content = {BACKBONES[name].packed_as: layers, "NetLinLayer_0": {"kernel": np.ones(3)}}
    said = pickle.dumps(content, protocol)  # numpy 2 calls its modules otherwise than numpy 1
    path.write_bytes(said.replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n"))
    return path
