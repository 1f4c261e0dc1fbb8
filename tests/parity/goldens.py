"""Find the reference outputs, which do not ship with the project, and read training-only parts."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from numpy.typing import NDArray

from benchmark.verify import golden as verified
from benchmark.verify.seeded import State
from benchmark.verify.tolerance import summary

__all__ = ["GOLDENS", "SHARED", "golden", "needs_goldens", "seeded", "seeded_part", "summary"]

SHARED = Path(__file__).resolve().parents[3] / "shared"
GOLDENS = SHARED / "goldens"

needs_goldens = pytest.mark.skipif(
    not (GOLDENS / "seeded.py").is_file(),
    reason=f"the reference outputs are not here: expected {GOLDENS}",
)


@cache
def seeded() -> ModuleType:
    """The reference outputs' own module that draws a checkpoint's tensors from their names."""
    spec = importlib.util.spec_from_file_location("seeded", GOLDENS / "seeded.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def golden(model: str, case: str) -> dict[str, NDArray[Any]]:
    """The arrays of `goldens/<model>/<case>.npz`, read whole."""
    return verified.read_case(GOLDENS / model / f"{case}.npz")


def seeded_part(model: str, part: str, seed: int) -> State:
    """State dict of one part of a model's manifest, drawn with the case's seed."""
    return verified.seeded_part(GOLDENS, model, part, seed=seed)
