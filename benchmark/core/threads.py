"""Thread counts of torch and OpenCV: all cores for networks, one thread for small work between.

OpenMP's threads spin for a while after each parallel operation. Between networks a run does
thousands of tiny operations (conversions, checks, metrics), so on a busy machine a pool that is
woken for them spends most of the run spinning. Results do not depend on this, except for the last
digits of sums (docs/reproducibility.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import torch

_network_threads: list[int] = []  # threads for networks, one entry per open block


@contextmanager
def threads_for_networks(count: int | None = None) -> Iterator[int]:
    """Let torch and OpenCV use one thread within the block, except inside `network_threads()`.

    Args:
        count: threads for networks; by default torch's present number.

    Yields:
        That number. Both libraries have their earlier number of threads after the block.
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


def threads_of_networks() -> int:
    """Return how many threads a network gets when it is called."""
    return _network_threads[-1] if _network_threads else torch.get_num_threads()


@contextmanager
def network_threads(*, heavy: bool = True) -> Iterator[None]:
    """Let both use the threads for networks if `threads_for_networks` is active; else no effect.

    Args:
        heavy: False for a model that does not profit from threads, such as a classical one.
    """
    if not heavy or not _network_threads:
        yield
        return
    torch_before, opencv_before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(_network_threads[-1])
    cv2.setNumThreads(_network_threads[-1])
    try:
        yield
    finally:
        torch.set_num_threads(torch_before)
        cv2.setNumThreads(opencv_before)
