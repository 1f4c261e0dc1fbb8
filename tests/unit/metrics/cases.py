"""Cases that the tests of metrics share."""

from __future__ import annotations

from benchmark.core.types import Case
from benchmark.testing import metrics

SIDE = 24


def draw_case(n: int = 3, *, seed: int = 0, side: int = SIDE) -> Case:
    """Small ones: N images whose holes are noise, and a detector that half sees it."""
    return metrics.draw_case(n, seed=seed, side=side)
