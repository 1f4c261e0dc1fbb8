"""FcF's discriminator against outputs of the authors' program under seeded weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.core.checkpoints.load import load_strict
from inpainters.fcf import FcFConfig
from inpainters.training.fcf import Discriminator
from tests.parity.goldens import golden, needs_goldens, seeded, seeded_part

pytestmark = needs_goldens


def seeded_discriminator(seed):
    """The state dict, with the values that the manifest fixes."""
    state = seeded_part("fcf", "discriminator", seed)
    fixed = seeded().load_manifest("fcf")["fixed"]
    return {name: torch.tensor(fixed[name]) if name in fixed else state[name] for name in state}


def test_names_and_shapes_are_the_manifest_s():
    with torch.device("meta"):
        state = Discriminator(FcFConfig()).state_dict()
    listed = seeded().load_manifest("fcf")["parts"]["discriminator"]
    found = [[name, list(value.shape)] for name, value in state.items()]
    assert found == [[name, shape] for name, shape, _ in listed]


@pytest.mark.parametrize("case", ["case1", "case2"])
def test_the_answer_to_the_composite(case):
    expected, network = golden("fcf", case), Discriminator(FcFConfig())
    load_strict(network, seeded_discriminator(int(expected["seed"])), Path("places.pkl"))
    masks = torch.from_numpy(expected["mask"] > 0)[None, None].float()
    with torch.inference_mode():
        logits = network.eval()(2 * torch.from_numpy(expected["filled"])[None] - 1, masks)
    np.testing.assert_allclose(logits[0], expected["disc_logits"], rtol=0, atol=2e-4)
