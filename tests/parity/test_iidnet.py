"""IID-Net beyond its reference outputs: memory does not grow from image to image."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.verify.golden import Asked, ask, play, reference_of
from tests.parity.goldens import GOLDENS, needs_goldens

pytestmark = needs_goldens


@pytest.fixture(scope="module")
def asked() -> Asked:
    return play(GOLDENS, "iidnet", GOLDENS / "iidnet" / "case3.npz")


def test_the_second_time_gives_the_same_bits(asked: Asked) -> None:
    """The constrained kernel is normalized in each pass; it must not add up."""
    again = ask(asked.model, reference_of("iidnet"), asked.expected)
    assert torch.equal(again.given["heatmap"], asked.given["heatmap"])
    for name, values in asked.taps.items():
        assert np.array_equal(again.taps[name], values), name
