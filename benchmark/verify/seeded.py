"""Seeded weights: state dicts generated from tensor names, so that no checkpoint is needed.

A reference output is the output of the authors' program when every tensor of its checkpoint is
generated from its name, its shape and the case's seed. The rule, tensor by tensor:

- integers and booleans are zero;
- noise is standard normal, from NumPy's PCG64 seeded with (seed, CRC-32 of the name);
- variances are 1 + 0.2 |noise|, running means and biases 0.1 noise;
- power iteration vectors are noise of length 1, and `weight_v` is then W^T u of length 1;
- other tensors of at most one dimension are 1 + 0.1 noise;
- all others are noise times gain / sqrt(fan-in).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

State = dict[str, Tensor]
Entry = tuple[str, Sequence[int], str]  # name, shape, type


def seeded_tensor(entry: Entry, *, seed: int, gain: float) -> Tensor:
    """Generate one tensor.

    Args:
        entry: its name, shape and type, such as ("conv.weight", [8, 3, 3, 3], "float32").
        seed: the case's.
        gain: scale of the weights of layers.

    Returns:
        The tensor, of the entry's shape and type.
    """
    name, shape, kind = entry
    dtype: torch.dtype = getattr(torch, kind)
    if not dtype.is_floating_point:
        return torch.zeros(tuple(shape), dtype=dtype)
    source = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))
    noise = np.asarray(source.standard_normal(tuple(shape)), dtype=np.float32)
    leaf = name.rpartition(".")[2]
    values: NDArray[np.floating[Any]]
    if leaf == "running_var":
        values = 1.0 + 0.2 * np.abs(noise)
    elif leaf in {"running_mean", "bias"} or leaf.endswith("_bias"):
        values = 0.1 * noise
    elif leaf in {"weight_u", "weight_v"}:
        values = noise / np.linalg.norm(noise)
    elif len(shape) <= 1:
        values = 1.0 + 0.1 * noise
    else:
        values = gain / np.sqrt(int(np.prod(shape[1:]))) * noise
    return torch.tensor(np.asarray(values, dtype=np.float32)).reshape(tuple(shape)).to(dtype)


def seeded_state(entries: Sequence[Entry], *, seed: int, gain: float) -> State:
    """Generate the state dict of one part of a manifest, in its order.

    Args:
        entries: name, shape and type of each tensor.
        seed: the case's.
        gain: the part's.

    Returns:
        The state dict; each `weight_v` is consistent with its `weight_orig` and `weight_u`, so that
        the spectral norm is never close to zero.
    """
    state = {entry[0]: seeded_tensor(entry, seed=seed, gain=gain) for entry in entries}
    for name in state:
        stem, found, rest = name.rpartition("weight_v")
        if found and not rest:
            weight, left = state[f"{stem}weight_orig"], state[f"{stem}weight_u"]
            if weight.shape[0] != left.numel():  # a transposed convolution
                weight = weight.transpose(0, 1)
            state[name] = F.normalize(weight.flatten(1).t() @ left, dim=0)
    return state
