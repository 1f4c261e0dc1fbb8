"""Earlier name of `benchmark.runner.settings`, kept for scripts."""

from benchmark.runner.settings import Settings

__all__ = ["Settings"]
