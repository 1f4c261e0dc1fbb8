"""Whether a run is only looked at: then nothing that it names is imported, started or read.

A run may be a stranger's. `bench table`, `report`, `check`, `clean`, `merge` and `list runs` look;
to run a plan is to trust what it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LOOKING: ContextVar[bool] = ContextVar("looking", default=False)


@contextmanager
def inspecting() -> Iterator[None]:
    """Within the block, or the function that it decorates, a run is only looked at."""
    before = _LOOKING.set(True)
    try:
        yield
    finally:
        _LOOKING.reset(before)


def is_inspecting() -> bool:
    """Whether a run is only looked at."""
    return _LOOKING.get()
