"""SafePaint Bench: can a forgery detector still find what an inpainting model inpainted?

`run(plan)` does what `bench run` does and returns the record of it; `Plan` says what to run, and
`Settings` how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.api import RunRecord, run
    from benchmark.runner.plan import Plan
    from benchmark.runner.settings import Settings
    from benchmark.runner.stages import Progress

    __version__: str

__all__ = ["Plan", "Progress", "RunRecord", "Settings", "__version__", "run"]

_WHERE = {
    "Plan": "benchmark.runner.plan",
    "Progress": "benchmark.runner.stages",
    "RunRecord": "benchmark.api",
    "Settings": "benchmark.runner.settings",
    "run": "benchmark.api",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 (a module's attribute can be anything)
    """Import what is asked for, when it is, so that `bench --help` loads none of it."""
    if name == "__version__":
        from importlib.metadata import version

        return version("safepaint-bench")
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'benchmark' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
