"""A batch that does not fit is halved where that was asked for, else one line says what to do."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from benchmark.core.errors import BadInput, BatchWarning
from benchmark.runner.batching import BatchSizer

FITS = 3


def doubled(images: Tensor, masks: Tensor) -> list[float]:
    """A model that has memory for three."""
    assert images.shape == masks.shape
    if len(images) > FITS:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    return [2 * float(image) for image in images]


def test_a_batch_is_halved_until_it_fits_and_stays_so() -> None:
    memory = BatchSizer("cpu", 16, shrink=True)
    images = torch.arange(20.0)
    with pytest.warns(BatchWarning) as said:
        assert memory.fitting("fake", doubled, images, images) == [2.0 * n for n in range(20)]
    assert [str(one.message) for one in said] == [
        f"fake: out of memory on cpu with {size} at once; going on with {size // 2}"
        for size in (16, 8, 4)
    ]
    assert memory.fitting("fake", doubled, images, images) == [2.0 * n for n in range(20)]
    with pytest.warns(BatchWarning, match="other: out of memory"):  # it may have room for more
        memory.fitting("other", doubled, images, images)


def test_a_stated_batch_that_does_not_fit_is_an_error() -> None:
    images = torch.arange(8.0)
    with pytest.raises(BadInput, match=r"fake: out of memory on cpu with 8 at once: .*'auto'"):
        BatchSizer("cpu", 8, shrink=False).fitting("fake", doubled, images, images)


def test_one_that_does_not_fit_alone_is_an_error() -> None:
    def never(images: Tensor) -> list[float]:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    with pytest.raises(BadInput, match="with 1 at once: take a smaller --size"):
        BatchSizer("cpu", 1, shrink=True).fitting("fake", never, torch.zeros(1))


def test_other_errors_are_no_lack_of_memory() -> None:
    def broken(images: Tensor) -> list[float]:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        BatchSizer("cpu", 4, shrink=True).fitting("fake", broken, torch.zeros(2))
