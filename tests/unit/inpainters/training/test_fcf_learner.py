"""FcF's training step: style mixing, the lazy penalty, progressive growing, resuming."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmark.core.checkpoints.load import load_strict, read_checkpoint
from benchmark.core.errors import BadInput, TrainingError
from inpainters.fcf import STYLE_EMA_DECAY, FcFConfig, Generator
from inpainters.training.fcf import mixed_styles
from tests.unit.inpainters.training.steps import (
    Drawn,
    learner_of,
    moved,
    official_of,
    state_of,
    trainer_of,
    turns_of,
)


def test_each_role_moves_its_own_network_only(tmp_path: Path) -> None:
    made = learner_of("fcf")
    turns = turns_of(trainer_of(made, tmp_path))
    assert turns["generator"][1] == {"generator"}
    assert turns["discriminator"][1] == {"discriminator"}
    assert {*turns["generator"][0], *turns["discriminator"][0]} == {*made.terms} - {"lattice"}


def test_the_penalty_comes_once_in_so_many_turns_and_counts_as_many() -> None:
    made = learner_of("fcf", lazy=3)
    batch = Drawn().batch(0)
    made.begin("joint", fresh=True)
    due = []
    for _ in range(7):
        made.training_step("generator", *batch)
        due.append("gradient_penalty" in made.training_step("discriminator", *batch))
    assert due == [True, False, False, True, False, False, True]
    weights = {}
    for lazy in (1, 4):
        made = learner_of("fcf", lazy=lazy)
        made.begin("joint", fresh=True)
        made.training_step("generator", *batch)
        weights[lazy] = made.training_step("discriminator", *batch)["gradient_penalty"].detach()
    torch.testing.assert_close(weights[4], 4 * weights[1])


def test_a_stopped_run_resumes_to_the_numbers_of_one_that_was_not(tmp_path: Path) -> None:
    straight, part = (learner_of("fcf", lazy=2) for _ in range(2))  # the penalty: steps 1 and 3
    whole = trainer_of(straight, tmp_path / "whole", steps=3)
    whole.run()
    first = trainer_of(part, tmp_path / "part", steps=3)
    first._train_step(first.recipe.at(0))
    first.state.step += 1
    first._save()
    again = learner_of("fcf", lazy=2)
    rest = trainer_of(again, tmp_path / "part", steps=3)
    rest.run()
    wanted, found = state_of(straight), state_of(again)
    for name, entries in wanted.items():
        for entry, value in entries.items():
            assert torch.equal(found[name][entry], value), f"{name}.{entry}"
    assert int(found["turns"]["count"]) == 3
    pairs = zip(
        whole.network_to_export().parameters(), rest.network_to_export().parameters(), strict=True
    )
    assert all(torch.equal(one, other) for one, other in pairs)


def test_in_training_every_answer_is_another_and_the_mean_style_follows() -> None:
    network = learner_of("fcf").network.train()
    images, masks = Drawn().batch(0)
    nn.init.constant_(network.synthesis.b64.conv1.noise_strength, 1.0)
    z, noise4 = torch.randn(4, 4), torch.zeros(4, 1, 4, 4)
    with torch.no_grad():
        assert not torch.equal(*(network(images, masks, z, noise4) for _ in range(2)))
        network.mapping.w_avg.zero_()
        style = network.mapping(z)
        torch.testing.assert_close(network.mapping.w_avg, (1 - STYLE_EMA_DECAY) * style.mean(dim=0))
        network.eval()
        near = network.mapping(z)
        torch.testing.assert_close(
            near - network.mapping.w_avg, (style - network.mapping.w_avg) / 10
        )
        assert torch.equal(*(network(images, masks, z, noise4) for _ in range(2)))


def test_the_encoder_compares_images_in_training_only() -> None:
    network = learner_of("fcf").network
    images, masks = Drawn().batch(0)
    other = images.clone()
    other[1:] = 0.5
    changed = {}
    for mode in (True, False):
        network.encoder.train(mode)
        with torch.no_grad():
            seen = [
                network.encoder(torch.cat((m, p), 1))[0][4][0]
                for m, p in ((0.5 - masks, images), (0.5 - masks, other))
            ]
        changed[mode] = not torch.allclose(*seen)
    assert changed == {True: True, False: False}
    with pytest.raises(BadInput, match="batch of 6"):
        network.encoder.train()(torch.zeros(6, 4, 64, 64))


def test_a_second_style_takes_over_from_some_row_on() -> None:
    network = learner_of("fcf").network.train()
    rows = network.config.rows
    assert FcFConfig().rows == 14
    breaks = []
    torch.manual_seed(3)
    for _ in range(200):
        styles = mixed_styles(network, 2).detach()
        assert styles.shape == (2, rows, 4)
        steps = (styles[:, 1:] != styles[:, :-1]).any(dim=2)
        assert torch.equal(steps[0], steps[1])
        breaks.append(steps[0].nonzero().flatten().tolist())
    assert max(map(len, breaks)) == 1
    assert 0.04 < sum(not found for found in breaks) / 200 < 0.18  # one in ten is not mixed
    assert {found[0] for found in breaks if found} == set(range(rows - 1))


def test_each_layer_has_the_row_of_the_specification() -> None:
    network = learner_of("fcf").network.eval()
    images, masks = Drawn().batch(0)
    rows, synthesis = network.config.rows, network.synthesis
    styles = torch.arange(rows).float()[None, :, None].expand(4, -1, 4)
    seen: dict[str, float] = {}
    for name, module in synthesis.named_modules():
        if name.endswith("affine"):
            module.register_forward_pre_hook(
                lambda _, given, name=name: seen.update({name: float(given[0][0, 0])})
            )
    with torch.no_grad():
        network.from_style(images, masks, styles, None)
    wanted = {"foreword.conv": 0, "foreword.torgb": 1}
    for power in range(3, 7):
        block = f"b{2**power}"
        wanted |= {f"{block}.conv0": 2 * power - 5, f"{block}.conv1": 2 * power - 4}
        wanted[f"{block}.torgb"] = 2 * power - 3
    assert seen == {f"{name}.affine": row for name, row in wanted.items()}


def test_inner_blocks_learn_first(tmp_path: Path) -> None:
    made = learner_of("fcf", network={"resolution": 128}, growth=(64,))
    before = state_of(made)
    assert not made.network.synthesis.b64.torgb.weight.any()  # gray
    trainer_of(made, tmp_path, steps=2).run()
    assert moved(made, before) == {"generator", "entries", "discriminator", "judge_entries"}
    for name in ("generator", "discriminator"):
        for entry, parameter in made.modules[name].named_parameters():
            outer = ".b128." in f".{entry}"
            if outer:
                assert torch.equal(before[name][entry], parameter), entry
    torgb = made.network.synthesis.b128.torgb.weight
    assert not torgb.any()
    assert made.network.synthesis.b64.torgb.weight.any()
    # The inner network is the whole one's blocks: nothing of it is trained twice.
    owned = [p for part in made.modules.values() for p in part.parameters()]
    assert len({id(p) for p in owned}) == len(owned)
    inner = {id(p) for p in made._generators[64].parameters()}
    assert inner <= {id(p) for p in owned}


def test_the_authors_layout_is_read_back(tmp_path: Path) -> None:
    made = learner_of("fcf")
    files = official_of(made, tmp_path)
    network: nn.Module = Generator(made.sizes)
    load_strict(network, read_checkpoint(files["fcf_G.pth"]), files["fcf_G.pth"])
    assert set(read_checkpoint(files["fcf_D.pth"])) == set(made.discriminator.state_dict())


def test_wrong_recipes_are_named() -> None:
    images, masks = Drawn().batch(0)
    with pytest.raises(TrainingError, match=r"images of 64 pixels, not of 32: a stage's crop"):
        learner_of("fcf").training_step("generator", images[..., :32, :32], masks[..., :32, :32])
    with pytest.raises(TrainingError, match="resolution: expected a power of two"):
        learner_of("fcf", network={"resolution": 96})
    with pytest.raises(TrainingError, match="multiples of 32"):
        learner_of("fcf", network={"width": 24})
    with pytest.raises(TrainingError, match="growth: expected some of 8, 16, 32, ascending"):
        learner_of("fcf", growth=(32, 16))
