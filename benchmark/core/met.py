"""Earlier name of `benchmark.core.training_exposure`, kept for scripts."""

from benchmark.core.training_exposure import training_inpainters as met_by

__all__ = ["met_by"]
