"""IID-Net's training step: weights of its losses, constant filters, exported file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmark.core.checkpoints.load import flat_state, load_strict, read_checkpoint
from benchmark.training.export import export_official
from detectors.iidnet import SMOOTHING, IIDNetConfig, IIDNetNetwork
from detectors.training.iidnet import (
    IIDNetLearner,
    IIDNetLosses,
    as_input,
    cross_entropy_loss,
    focal_loss,
)

TINY = IIDNetLearner.tiny["network"]
CPU = torch.device("cpu")
CONSTANT = {"att.local_att.weight", "median.weight"}


def learner(**losses: Any) -> IIDNetLearner:
    torch.manual_seed(0)
    return IIDNetLearner(TINY, IIDNetLosses(**losses), CPU)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    masks = torch.zeros(2, 1, 64, 64)
    masks[0, :, 10:50, 10:50] = 1
    return torch.rand(2, 3, 64, 64, generator=generator), masks


def test_a_step_has_all_terms_and_gradients_but_for_constants(
    batch: tuple[Tensor, Tensor],
) -> None:
    made = learner()
    made.begin("joint", fresh=True)
    assert made.network.training
    answer = made.training_step("all", *batch)
    assert tuple(answer) == made.terms
    torch.stack(list(answer.values())).sum().backward()  # type: ignore[no-untyped-call]
    for name, parameter in made.network.named_parameters():
        assert (parameter.grad is None) == (name in CONSTANT), name
        assert parameter.grad is None or bool(parameter.grad.isfinite().all()), name


def test_terms_are_the_specifications_with_their_weights(batch: tuple[Tensor, Tensor]) -> None:
    made = learner(cross_entropy=2.0, focal=3.0)
    made.network.eval()
    images, masks = batch
    found = made.training_step("all", images, masks)
    logits = made.network(as_input(images))
    torch.testing.assert_close(found["cross_entropy"], 2 * cross_entropy_loss(logits, masks))
    torch.testing.assert_close(found["focal"], 3 * focal_loss(logits, masks))


def test_it_learns_a_batch_by_heart_and_leaves_the_smoothing(batch: tuple[Tensor, Tensor]) -> None:
    made = learner()
    made.begin("joint", fresh=True)
    optimizer = torch.optim.AdamW(made.network.parameters(), lr=3e-3)
    totals = []
    for _ in range(40):
        optimizer.zero_grad()
        total = torch.stack(list(made.training_step("all", *batch).values())).sum()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        totals.append(float(total.detach()))
    assert totals[-1] < 0.7 * totals[0]
    assert torch.equal(made.network.median.weight[0, 0], torch.tensor(SMOOTHING))


def test_images_go_in_as_eight_bits_blue_first() -> None:
    images = torch.tensor([0.0, 100.2 / 255, 1.0]).reshape(1, 3, 1, 1)
    wanted = torch.tensor([1.0, 200 / 255 - 1, -1.0])
    torch.testing.assert_close(as_input(images).flatten(), wanted)


def test_the_authors_layout_is_read_back(tmp_path: Path) -> None:
    made = learner()
    (file,) = export_official(made.official(7), tmp_path)
    assert file.name == "IID_weights.pth"
    content = read_checkpoint(file)
    assert all(name.startswith("module.") for name in content)
    config = made.network.config
    other = IIDNetNetwork(IIDNetConfig(**made.config()))
    assert other.config == config
    load_strict(other, flat_state(content, file), file)
    for name, value in made.network.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_it_shows_the_truth_and_the_heatmap(batch: tuple[Tensor, Tensor]) -> None:
    columns = learner().show(*batch)
    assert [tuple(column.shape) for column in columns] == 3 * [(2, 3, 64, 64)]
