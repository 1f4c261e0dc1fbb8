"""Metric inputs shared by the tests."""

from __future__ import annotations

from benchmark.core.types import Case
from benchmark.testing import metrics

SIDE = 24


def draw_case(n: int = 3, *, seed: int = 0, side: int = SIDE) -> Case:
    """Return N small images with noise in the holes, and an imperfect detector's output."""
    return metrics.draw_case(n, seed=seed, side=side)
