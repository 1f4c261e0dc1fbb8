"""Batches that do not fit into memory: halved, or refused with advice."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from benchmark.core.errors import BadInput, BatchWarning
from benchmark.runner.batching import BatchSizer

FITS = 3


def doubled(images: Tensor, masks: Tensor) -> list[float]:
    """A model with memory for three images."""
    assert images.shape == masks.shape
    if len(images) > FITS:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    return [2 * float(image) for image in images]


def test_a_batch_is_halved_until_it_fits_and_the_size_is_kept() -> None:
    sizer = BatchSizer("cpu", 16, shrink=True)
    images = torch.arange(20.0)
    with pytest.warns(BatchWarning) as caught:
        assert sizer.run("fake", doubled, images, images) == [2.0 * n for n in range(20)]
    assert [str(one.message) for one in caught] == [
        f"fake: out of memory on cpu with {size} at once; continuing with {size // 2}"
        for size in (16, 8, 4)
    ]
    assert sizer.run("fake", doubled, images, images) == [2.0 * n for n in range(20)]
    with pytest.warns(BatchWarning, match="other: out of memory"):  # sizes are per model
        sizer.run("other", doubled, images, images)


def test_a_fixed_batch_that_does_not_fit_is_an_error() -> None:
    images = torch.arange(8.0)
    with pytest.raises(BadInput, match=r"fake: out of memory on cpu with 8 at once: .*'auto'"):
        BatchSizer("cpu", 8, shrink=False).run("fake", doubled, images, images)


def test_a_single_sample_that_does_not_fit_is_an_error() -> None:
    def never(images: Tensor) -> list[float]:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    with pytest.raises(BadInput, match="with 1 at once: use a smaller --size"):
        BatchSizer("cpu", 1, shrink=True).run("fake", never, torch.zeros(1))


def test_other_errors_are_not_out_of_memory() -> None:
    def broken(images: Tensor) -> list[float]:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        BatchSizer("cpu", 4, shrink=True).run("fake", broken, torch.zeros(2))
