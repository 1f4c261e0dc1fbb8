"""CTSDG's discriminator: parameter names, inputs of each branch, and gradients."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmark.core.checkpoints.load import load_strict
from inpainters.training.ctsdg import Discriminator


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Discriminator(width=4, edge_width=4).eval()


@pytest.fixture
def given():
    torch.manual_seed(1)
    edges = (torch.rand(2, 1, 64, 64) > 0.9).float()
    return torch.rand(2, 3, 64, 64) * 2 - 1, torch.rand(2, 1, 64, 64), edges


def test_numbers_of_parameters_are_the_specification_s():
    parts = Discriminator().named_children()
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in parts}
    assert counts == {
        "texture_branch": 2_763_776,
        "structure_branch": 2_762_752,
        "edge_detector": 5_201,
    }


def test_entries_are_named_as_the_specification_says():
    state = Discriminator().state_dict()
    branch = {f"conv{k}.0.weight_{kind}" for k in range(1, 6) for kind in ("orig", "u", "v")}
    branch |= {name.replace("conv1", "features") for name in branch if name.startswith("conv1")}
    detector = {
        f"{part}.{entry}"
        for parts, entries in (
            (("projection.0", "res_layer.0", "res_layer.3", "out_layer"), ("weight", "bias")),
            (
                ("projection.1", "res_layer.1", "res_layer.4"),
                ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"),
            ),
        )
        for part in parts
        for entry in entries
    }
    expected = {f"{side}_branch.{name}" for side in ("texture", "structure") for name in branch}
    assert set(state) == expected | {f"edge_detector.{name}" for name in detector}
    assert state["structure_branch.conv1.0.weight_orig"].shape == (64, 2, 4, 4)
    assert state["edge_detector.projection.0.weight"].shape == (16, 3, 3, 3)


def test_its_own_entries_load_strictly(network):
    again = Discriminator(width=4, edge_width=4)
    load_strict(again, network.state_dict(), Path("discriminator.pth"))
    images, gray = torch.rand(1, 3, 32, 32), torch.rand(1, 1, 32, 32)
    assert torch.equal(again(images, gray).decisions, network(images, gray).decisions)


def test_sizes_and_range(network, given):
    images, gray, edges = given
    judged = network(images, gray, edges)
    assert judged.decisions.shape == (2, 2, 6, 6)
    assert judged.edges.shape == (2, 1, 64, 64)
    assert 0 <= judged.edges.min() <= judged.edges.max() <= 1


def test_structure_of_a_real_image_is_judged_by_the_edges_given(network, given):
    images, gray, edges = given
    one, other = network(images, gray, edges), network(images, gray, 1 - edges)
    assert torch.equal(one.decisions[:, 0], other.decisions[:, 0])
    assert not torch.allclose(one.decisions[:, 1], other.decisions[:, 1])
    assert torch.equal(one.edges, other.edges)
    stacked = torch.cat((edges, gray), dim=1)  # edges first
    assert torch.equal(one.decisions[:, 1:], network.structure_branch(stacked))
    assert torch.equal(one.decisions[:, :1], network.texture_branch(images))


def test_structure_of_a_painted_image_is_judged_by_the_edges_found(network, given):
    images, gray, _ = given
    painted = network(images, gray)
    assert torch.equal(painted.decisions, network(images, gray, painted.edges).decisions)


def test_the_edge_detector_adds_its_block_to_what_it_read(network):
    for layer in network.edge_detector.res_layer:  # the block now answers 0
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
    nn.init.zeros_(network.edge_detector.projection[0].weight)
    nn.init.constant_(network.edge_detector.projection[0].bias, 2)
    nn.init.constant_(network.edge_detector.out_layer.weight, 0.5)
    nn.init.constant_(network.edge_detector.out_layer.bias, -4)
    # four channels of 2, half of each, less 4: the sigmoid of 0
    found = network.edge_detector(torch.rand(1, 3, 32, 32))
    torch.testing.assert_close(found, torch.full((1, 1, 32, 32), 0.5), rtol=0, atol=1e-4)


def test_gradients_reach_the_image_through_each_part(network, given):
    images, gray, edges = given
    images.requires_grad_()

    def moved(answer):
        (gradient,) = torch.autograd.grad(answer.sum(), images)
        return bool(gradient.abs().sum() > 0)

    assert moved(network(images, gray).decisions[:, 0])
    assert moved(network(images, gray).decisions[:, 1])  # through the edges found
    assert moved(network(images, gray).edges)
    assert not moved(network(images, gray, edges).decisions[:, 1])
