"""CTSDG's training step: inputs of the generator and the discriminator."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from benchmark.core.checkpoints.load import load_strict, part_of, read_checkpoint
from benchmark.core.tensors import to_pixels
from inpainters.ctsdg import Generator, outlines_of
from tests.unit.inpainters.training.steps import (
    Drawn,
    learner_of,
    official_of,
    trainer_of,
    turns_of,
)


def test_each_role_moves_its_own_network_only(tmp_path: Path) -> None:
    made = learner_of("ctsdg")
    turns = turns_of(trainer_of(made, tmp_path))
    assert list(turns) == ["generator", "discriminator"]
    assert turns["generator"][1] == {"generator"}
    assert turns["discriminator"][1] == {"discriminator"}
    assert {*turns["generator"][0], *turns["discriminator"][0]} == {*made.terms} - {"lattice"}


def test_the_judge_sees_the_edges_of_the_image_and_the_painting_before_the_step() -> None:
    made = learner_of("ctsdg")
    made.begin("joint", fresh=True)
    images, masks = Drawn().batch(0)
    seen: list[tuple[Tensor, ...]] = []
    made.discriminator.register_forward_pre_hook(lambda _, given: seen.append(given))
    made.training_step("generator", images, masks)
    made.training_step("discriminator", images, masks)
    painted, real, fake = seen
    outlines = outlines_of(to_pixels(images))
    assert (len(painted), len(real), len(fake)) == (2, 3, 2)
    assert torch.equal(real[0], 2 * images - 1)
    assert torch.equal(real[2], outlines[:, :1])
    assert all(torch.equal(given[1], outlines[:, 1:]) for given in seen)
    assert torch.equal(painted[0], fake[0])
    assert (painted[0].requires_grad, fake[0].requires_grad) == (True, False)


def test_the_fine_phase_keeps_the_statistics_and_trains_the_norms(tmp_path: Path) -> None:
    made = learner_of("ctsdg")
    stage = {"steps": 1, "batch": 4, "crop": 64, "sides": [64], "phase": "fine"}
    norm = made.network.ec_texture_2.bn
    mean, weight = norm.running_mean.clone(), norm.weight.clone()
    turns_of(trainer_of(made, tmp_path, stages=[stage]))
    assert torch.equal(norm.running_mean, mean)
    assert not torch.equal(norm.weight, weight)
    judge = made.discriminator.edge_detector.projection[1]
    assert int(judge.num_batches_tracked) > 0


def test_fresh_weights_are_the_programs() -> None:
    made = learner_of("ctsdg", network={"width": 16}, discriminator_width=16, edge_width=16)
    assert float(made.network.dc_texture_2.conv.weight.detach().std()) == pytest.approx(
        0.02, rel=0.1
    )
    stored = made.discriminator.structure_branch.conv2[0].weight_orig
    assert float(stored.detach().std()) == pytest.approx(0.02, rel=0.1)
    fan = 16 * 9  # torch draws evenly between -1 and 1 over the root of the fan-in
    edges = made.discriminator.edge_detector.res_layer[0].weight
    assert float(edges.detach().abs().max()) == pytest.approx(fan**-0.5, rel=0.02)


def test_a_step_in_parts_keeps_each_parts_painting(tmp_path: Path) -> None:
    made = learner_of("ctsdg")
    trainer = trainer_of(made, tmp_path, steps=2, accumulate=2)
    assert trainer.run().finished
    assert not made._generated


def test_the_authors_layout_is_read_back(tmp_path: Path) -> None:
    made = learner_of("ctsdg")
    file = official_of(made, tmp_path)["generator.pth"]
    content = read_checkpoint(file)
    network: nn.Module = Generator(made.sizes)
    load_strict(network, part_of(content, "generator", file), file)
    assert content["n_iter"] == 7
    assert set(content["discriminator"]) == set(made.discriminator.state_dict())
