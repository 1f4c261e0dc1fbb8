"""AOT-GAN's discriminator against reference outputs, on the authors' composites."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.core.checkpoints.load import load_strict
from inpainters.training.aotgan import Discriminator
from tests.parity.goldens import golden, needs_goldens, seeded_part, summary

pytestmark = needs_goldens


@pytest.mark.parametrize(("case", "patches"), [("case1", (30, 30)), ("case2", (23, 37))])
def test_the_composite_is_judged_as_the_authors_do(case, patches):
    expected = golden("aotgan", case)
    network = Discriminator()
    state = seeded_part("aotgan", "discriminator", int(expected["seed"]))
    load_strict(network, state, Path("D0010000.pt"))
    with torch.inference_mode():
        answer = network(torch.from_numpy(expected["filled"])[None] * 2 - 1)
    assert answer.shape == (1, 1, *patches)
    np.testing.assert_allclose(summary(answer), expected["tap_discriminator"], rtol=1e-3, atol=1e-3)
