"""Write a network as StyleGAN programs do: a pickle whose objects contain their source code."""

from __future__ import annotations

import io
import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.verify.stand_ins import stand_in_modules

_PERSISTENCE = "torch_utils.persistence"
# A reader that unpickles the file as its authors do executes this; ours must not.
_SOURCE = "raise SystemExit('the source text in a checkpoint was run')"


class _Persistent:
    """An object that is pickled as a call that reconstructs it from its source code."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def __reduce__(self) -> tuple[object, ...]:
        meta = {
            "type": "class",
            "version": 6,
            "module_src": _SOURCE,
            "class_name": "Generator",
            "state": self.state,
        }
        return sys.modules[_PERSISTENCE]._reconstruct_persistent_obj, (meta,)


def _module_state(state: dict[str, Tensor], plain: type) -> dict[str, Any]:
    """The attribute dictionary of a module with this state dict; leaves are plain modules."""
    attributes: dict[str, Any] = {
        "training": False,
        "_parameters": OrderedDict(bias_that_is_none=None),
        "_buffers": OrderedDict(),
        "_non_persistent_buffers_set": set(),
        "_modules": OrderedDict(absent=None),
        "gain": np.float64(1.5),
    }
    children: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        head, _, rest = name.partition(".")
        if rest:
            children.setdefault(head, {})[rest] = value
        elif head in {"resample_filter", "noise_const", "w_avg"}:
            attributes["_buffers"][head] = value
        else:
            attributes["_parameters"][head] = torch.nn.Parameter(value, requires_grad=False)
    for head, below in children.items():
        inner = _module_state(below, plain)
        if any("." in name for name in below):
            attributes["_modules"][head] = _Persistent(inner)
        else:
            made: object = object.__new__(plain)
            made.__dict__.update(inner)
            attributes["_modules"][head] = made
    return attributes


def save_as_authors(path: Path, state: dict[str, Tensor], *, protocol: int = 3) -> None:
    """Write `G_ema` with this state dict, and another network, with the authors' class names.

    Args:
        path: the file.
        state: the tensors, by dotted name.
        protocol: the pickle protocol.
    """
    names = ("torch_utils", _PERSISTENCE, "training", "training.ffc", "dnnlib", "dnnlib.util")
    modules = {name: ModuleType(name) for name in names}

    def rebuild(meta: object) -> None:
        raise AssertionError(meta)

    rebuild.__module__, rebuild.__qualname__ = _PERSISTENCE, "_reconstruct_persistent_obj"
    modules[_PERSISTENCE].__dict__["_reconstruct_persistent_obj"] = rebuild
    plain = type("FFC", (), {"__module__": "training.ffc"})
    modules["training.ffc"].__dict__["FFC"] = plain
    easy = type("EasyDict", (dict,), {"__module__": "dnnlib.util"})
    modules["dnnlib.util"].__dict__["EasyDict"] = easy
    with stand_in_modules(modules):
        content = {
            "training_set_kwargs": easy(path="places", resolution=256),
            "G": _Persistent(_module_state({"other.weight": torch.ones(2)}, plain)),
            "G_ema": _Persistent({**_module_state(state, plain), "_init_kwargs": easy(z_dim=512)}),
            "augment_pipe": None,
        }
        buffer = io.BytesIO()
        pickle.dump(content, buffer, protocol=protocol)
    path.write_bytes(buffer.getvalue())
