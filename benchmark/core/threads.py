"""One rule for threads: networks get the cores; small work between them runs on one thread.

OpenMP's threads spin for a while after each parallel operation. Between networks a run does
thousands of tiny ones (conversions, checks, metrics), so on a busy machine a pool that is woken for
them spends most of the run spinning. What is computed does not depend on this, but for the last
digits of sums (docs/reproducibility.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import torch

_network_threads: list[int] = []  # what networks get, of each block that is open


@contextmanager
def threads_for_networks(count: int | None = None) -> Iterator[int]:
    """Within the block, torch and OpenCV use one thread, except inside `network_threads()`.

    Args:
        count: threads that networks get; by default as many as torch has now.

    Returns:
        That number. Both libraries have their threads back after the block.
    """
    torch_before, opencv_before = torch.get_num_threads(), cv2.getNumThreads()
    _network_threads.append(count or torch_before)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield _network_threads[-1]
    finally:
        _network_threads.pop()
        torch.set_num_threads(torch_before)
        cv2.setNumThreads(opencv_before)


@contextmanager
def network_threads(*, heavy: bool = True) -> Iterator[None]:
    """Give torch the cores for a network, where a run has taken them away; else change nothing.

    Args:
        heavy: False for a model that needs no pool, such as a classical one.
    """
    if not heavy or not _network_threads:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(_network_threads[-1])
    try:
        yield
    finally:
        torch.set_num_threads(before)
