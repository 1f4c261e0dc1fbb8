"""PSCC-Net's training step: weights of its losses, pretrained trunk, exported files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmark.core.checkpoints.load import flat_state, load_strict, read_checkpoint
from benchmark.core.errors import TrainingError, WeightsError
from benchmark.core.paths import home
from benchmark.training.export import export_official
from detectors.psccnet import PSCCNetConfig, PSCCNetNetwork, published_files
from detectors.training.psccnet import (
    INIT_STD,
    PSCCNetLearner,
    PSCCNetLosses,
    as_input,
    class_loss,
    mask_loss,
    mask_targets,
)

TINY = PSCCNetLearner.tiny["network"]
CPU = torch.device("cpu")


def learner(**losses: Any) -> PSCCNetLearner:
    torch.manual_seed(0)
    return PSCCNetLearner(TINY, PSCCNetLosses(**losses), CPU)


def network(seed: int) -> PSCCNetNetwork:
    torch.manual_seed(seed)
    sizes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in TINY.items()}
    return PSCCNetNetwork(PSCCNetConfig(**sizes))


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    masks = torch.zeros(2, 1, 64, 64)
    masks[0, :, 10:50, 10:50] = 1
    return torch.rand(2, 3, 64, 64, generator=generator), masks


def test_a_step_has_all_terms_and_a_gradient_everywhere(batch: tuple[Tensor, Tensor]) -> None:
    made = learner()
    made.begin("joint", fresh=True)
    assert made.network.training
    answer = made.training_step("all", *batch)
    assert tuple(answer) == made.terms
    torch.stack(list(answer.values())).sum().backward()  # type: ignore[no-untyped-call]
    for name, parameter in made.network.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name


def test_terms_are_the_specifications_with_their_weights(batch: tuple[Tensor, Tensor]) -> None:
    made = learner(localisation=2.0, detection=3.0)
    made.network.eval()
    images, masks = batch
    found = made.training_step("all", images, masks)
    answer = made.network(as_input(images))
    plain = mask_loss(answer.masks, mask_targets(masks, (32, 16, 8, 4)))
    torch.testing.assert_close(found["localisation"], 2 * plain)
    judged = class_loss(answer.logits, torch.tensor([True, False]))
    torch.testing.assert_close(found["detection"], 3 * judged)


def test_it_learns_a_batch_by_heart(batch: tuple[Tensor, Tensor]) -> None:
    made = learner()
    made.begin("joint", fresh=True)
    optimizer = torch.optim.Adam(made.network.parameters(), lr=3e-3)
    totals = []
    for _ in range(25):
        optimizer.zero_grad()
        total = torch.stack(list(made.training_step("all", *batch).values())).sum()
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        totals.append(float(total.detach()))
    assert totals[-1] < 0.7 * totals[0]


def test_images_go_in_as_eight_bits() -> None:
    levels = torch.arange(256) / 255
    assert torch.equal(as_input(levels + 0.001), levels)


def test_fresh_trunks_are_small() -> None:
    made = learner()
    state = made.network.state_dict()
    small, usual = state["hrnet.layer1.0.conv2.weight"], state["nlc.getmask1.g.weight"]
    assert float(small.std()) == pytest.approx(INIT_STD, rel=0.2)
    assert float(usual.std()) > 10 * INIT_STD


def test_the_trunk_starts_from_its_file() -> None:
    given = network(7).hrnet.state_dict()
    content = {f"model.{name}": value for name, value in given.items() if "stage4" not in name}
    content["classifier.weight"] = torch.zeros(5)  # ImageNet's is ignored
    folder = home() / "weights" / "psccnet"
    folder.mkdir(parents=True)
    torch.save(content, folder / "hrnet.pth")
    fresh = learner().network.hrnet.state_dict()
    started = learner(trunk="hrnet.pth").network.hrnet.state_dict()
    for name, value in started.items():
        assert torch.equal(value, (fresh if "stage4" in name else given)[name]), name


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"conv1.weight": torch.zeros(8, 3, 3, 3)}, "1 with a shape mismatch, such as conv1"),
        ({"fc.weight": torch.zeros(8)}, r"does not match the trunk: 0 of \d+ names found"),
    ],
    ids=["another size", "another network"],
)
def test_a_file_that_does_not_fit_is_refused(
    content: dict[str, Tensor], named: str, tmp_path: Path
) -> None:
    torch.save(content, tmp_path / "hrnet.pth")
    with pytest.raises(TrainingError, match=named):
        learner(trunk=str(tmp_path / "hrnet.pth"))


def test_a_file_that_is_no_checkpoint_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hrnet.pth").write_bytes(b"nothing")
    with pytest.raises(WeightsError):
        learner(trunk=str(tmp_path / "hrnet.pth"))
    with pytest.raises(TrainingError, match=r"w18\.pth: this recipe starts from it; put it at"):
        learner(trunk="w18.pth")


def test_the_authors_layout_is_read_back(tmp_path: Path) -> None:
    made = learner()
    export_official(made.official(7), tmp_path)
    other = network(9)
    for part, file in published_files(tmp_path).items():
        content = read_checkpoint(file)
        assert all(name.startswith("module.") for name in content)
        load_strict(other.get_submodule(part), flat_state(content, file), file)
    for name, value in made.network.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_it_shows_the_truth_and_four_masks(batch: tuple[Tensor, Tensor]) -> None:
    columns = learner().show(*batch)
    assert [tuple(column.shape) for column in columns] == 6 * [(2, 3, 64, 64)]
