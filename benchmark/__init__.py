"""SafePaint Bench: can a forgery detector still find what an inpainting model inpainted?

The public API; every name is imported on first use, so that `import benchmark` stays fast.
`run(plan)` does the same as `bench run` and returns a `RunRecord`: `Plan` holds everything that
changes a number, `Settings` everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.api import RunRecord, run
    from benchmark.core.card import Card
    from benchmark.datasets.base import Dataset
    from benchmark.metrics.base import Metric
    from benchmark.postprocess.base import Launder
    from benchmark.runner.plan import Plan
    from benchmark.runner.settings import Settings
    from benchmark.runner.stages import Progress
    from detectors import create_detector
    from detectors.base import Detector
    from inpainters import create_inpainter
    from inpainters.base import Inpainter

    __version__: str

__all__ = [
    "Card",
    "Dataset",
    "Detector",
    "Inpainter",
    "Launder",
    "Metric",
    "Plan",
    "Progress",
    "RunRecord",
    "Settings",
    "__version__",
    "create_detector",
    "create_inpainter",
    "run",
]

_MODULES = {
    "Card": "benchmark.core.card",
    "Dataset": "benchmark.datasets.base",
    "Detector": "detectors.base",
    "Inpainter": "inpainters.base",
    "Launder": "benchmark.postprocess.base",
    "Metric": "benchmark.metrics.base",
    "Plan": "benchmark.runner.plan",
    "Progress": "benchmark.runner.stages",
    "RunRecord": "benchmark.api",
    "Settings": "benchmark.runner.scheduler",
    "create_detector": "detectors",
    "create_inpainter": "inpainters",
    "run": "benchmark.api",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 (a module's attribute can be anything)
    """Import a public name on first use, so that `bench --help` loads none of them."""
    if name == "__version__":
        from importlib.metadata import version

        return version("safepaint-bench")
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'benchmark' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
