"""SafePaint Bench: can a forgery detector still find what an inpainting model painted?

`run(plan)` does what `bench run` does and returns the record of it; `Plan` says what to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.api import run
    from benchmark.runner.plan import Plan

__all__ = ["Plan", "run"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 (a module's attribute can be anything)
    """Import `run` and `Plan` when they are asked for, so that `bench --help` loads neither."""
    if name == "run":
        from benchmark.api import run

        return run
    if name == "Plan":
        from benchmark.runner.plan import Plan

        return Plan
    raise AttributeError(f"module 'benchmark' has no attribute {name!r}")
