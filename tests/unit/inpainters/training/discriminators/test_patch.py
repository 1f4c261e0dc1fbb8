"""The discriminator's entries, its answer's size, and its two names for one layer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmark.core.checkpoint import load_strict
from inpainters.training.discriminators.patch import Discriminator


def test_number_of_parameters_is_the_specifications():
    assert sum(p.numel() for p in Discriminator().parameters()) == 2_763_776


@pytest.mark.parametrize(("side", "patches"), [(64, 6), (256, 30)])
def test_one_answer_per_patch(side, patches):
    answer = Discriminator(width=4).eval()(torch.rand(2, 3, side, side))
    assert answer.shape == (2, 1, patches, patches)


def test_features_overwrite_the_other_name_of_the_first_layer():
    network = Discriminator(width=4)
    state = network.state_dict()
    state["conv1.0.weight_orig"] = torch.zeros_like(state["conv1.0.weight_orig"])
    state["features.0.weight_orig"] = torch.ones_like(state["features.0.weight_orig"])
    load_strict(network, state, Path("discriminator.pth"))
    assert network.conv1 is network.features
    assert network.state_dict()["conv1.0.weight_orig"].eq(1).all()


def test_a_power_iteration_runs_in_training_only():
    network, images = Discriminator(width=4), torch.rand(1, 3, 64, 64)
    before = network.conv2[0].weight_u.clone()
    network.eval()(images)
    assert torch.equal(network.conv2[0].weight_u, before)
    network.train()(images)
    assert not torch.equal(network.conv2[0].weight_u, before)
