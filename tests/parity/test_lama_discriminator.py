"""LaMa's discriminator against outputs of the authors' program under seeded weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.core.checkpoints.load import load_strict
from inpainters.training.lama import Discriminator
from tests.parity.goldens import golden, needs_goldens, seeded, seeded_part

pytestmark = needs_goldens


def test_names_and_shapes_are_the_manifest_s():
    with torch.device("meta"):
        state = Discriminator().state_dict()
    listed = seeded().load_manifest("lama")["parts"]["discriminator"]
    found = [[name, list(value.shape)] for name, value in state.items()]
    assert found == [[name, shape] for name, shape, _ in listed]


@pytest.mark.parametrize("case", ["case1", "case2"])
def test_answers_to_the_painted_image(case):
    expected, network = golden("lama", case), Discriminator()
    state = seeded_part("lama", "discriminator", int(expected["seed"]))
    load_strict(network, state, Path("discriminator.pth"))
    with torch.inference_mode():
        logits = network.eval()(torch.from_numpy(expected["raw"])[None])
    np.testing.assert_allclose(logits[0, 0], expected["disc_logits"], rtol=0, atol=2e-4)
