"""Find and read the goldens: what the authors' programs answer under seeded weights."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

SHARED = Path(__file__).resolve().parents[3] / "shared"
GOLDENS = SHARED / "goldens"

needs_goldens = pytest.mark.skipif(
    not (GOLDENS / "seeded.py").is_file(),
    reason=f"the goldens are not here: expected {GOLDENS}",
)


@cache
def seeded() -> ModuleType:
    """The module that draws a checkpoint's tensors from their names, `goldens/seeded.py`."""
    spec = importlib.util.spec_from_file_location("seeded", GOLDENS / "seeded.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def golden(model: str, case: str) -> dict[str, NDArray[Any]]:
    """The arrays of `goldens/<model>/<case>.npz`, read whole."""
    with np.load(GOLDENS / model / f"{case}.npz") as file:
        return {name: file[name] for name in file.files}


def seeded_part(model: str, part: str, seed: int) -> dict[str, Any]:
    """State dict of one part of a model's manifest, drawn with the case's seed."""
    manifest = seeded().load_manifest(model)
    gain = manifest.get("gains", {}).get(part, manifest.get("gain"))
    state: dict[str, Any] = seeded().seeded_state_dict(
        manifest["parts"][part], seed=seed, gain=gain
    )
    return state


def summary(values: Any) -> NDArray[np.float64]:
    """What a tap holds of a tensor: mean, standard deviation, min, max, and its first 8 values."""
    flat = values.detach().double().cpu().numpy().ravel()
    return np.concatenate([[flat.mean(), flat.std(), flat.min(), flat.max()], flat[:8]])
