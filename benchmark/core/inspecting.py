"""Inspection mode: runs are read without importing, starting or opening what they name.

A run may come from an untrusted source. `bench table`, `report`, `check`, `clean`, `merge` and
`list runs` only inspect it; running its plan means trusting what it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_INSPECTING: ContextVar[bool] = ContextVar("inspecting", default=False)


@contextmanager
def inspecting() -> Iterator[None]:
    """Switch inspection mode on, within the block or the decorated function."""
    before = _INSPECTING.set(True)
    try:
        yield
    finally:
        _INSPECTING.reset(before)


def is_inspecting() -> bool:
    """Whether inspection mode is on."""
    return _INSPECTING.get()
