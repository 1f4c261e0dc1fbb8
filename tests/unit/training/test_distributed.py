"""Several processes on the CPU: one model, the numbers of one process up to rounding."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from benchmark.core.checkpoints.load import read_checkpoint
from benchmark.core.errors import BadInput, TrainingError
from benchmark.training import TrainOptions, distributed, train
from benchmark.training.checkpoint import CHECKPOINT
from benchmark.training.options import DEFAULT_OPTIONS
from tests.unit.training.conftest import recipe

TWO = TrainOptions(devices=2)


def rows(out: Path) -> list[dict[str, float]]:
    """The log without the seconds."""
    with (out / "log.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    return [
        {name: float(value) for name, value in row.items() if value and name != "seconds"}
        for row in found
    ]


@pytest.fixture
def _fabric() -> None:
    pytest.importorskip("lightning_fabric", reason="takes the extra 'train'")


@pytest.mark.slow
@pytest.mark.usefixtures("_fabric")
def test_two_processes_train_as_one_does(photographs: Path, tmp_path: Path) -> None:
    # Gradient descent as it is: Adam divides by gradients that are near nothing, so that rounding
    # grows from step to step. AOT-GAN has no batch norm, and all its losses are plain means.
    plain = {"kind": "sgd", "lr": 1e-2}
    for name, rate, running in (
        ("one", 1e-2, DEFAULT_OPTIONS),
        ("two", 1e-2, TWO),
        ("half", 5e-3, DEFAULT_OPTIONS),
    ):
        chosen = recipe("aotgan", optimizer=plain | {"lr": rate})
        out = tmp_path / name
        done = train("aotgan", recipe=chosen, data=photographs, out=out, running=running)
        assert done.finished
    alone, shared = rows(tmp_path / "one"), rows(tmp_path / "two")
    assert len(alone) == len(shared) == 4
    for row, other in zip(alone, shared, strict=True):
        assert other == pytest.approx(row, rel=1e-5)
    one, two, half = (weights(tmp_path / name) for name in ("one", "two", "half"))
    assert (two - one).abs().max() < 1e-4 * (half - one).abs().max()


def weights(out: Path) -> torch.Tensor:
    """All numbers of both networks at the end, in full precision."""
    modules = read_checkpoint(out / CHECKPOINT)["modules"].values()
    return torch.cat([value.flatten() for state in modules for value in state.values()])


@pytest.mark.slow
@pytest.mark.usefixtures("_fabric")
def test_a_mistake_in_a_process_is_one_line(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"8 of 8 files .* at least 9 images$"):
        train(
            "aotgan",
            recipe=recipe("aotgan", minimum=9),
            data=photographs,
            out=tmp_path / "out",
            running=TWO,
        )


@pytest.mark.slow
@pytest.mark.usefixtures("_fabric")
def test_a_batch_that_cannot_be_shared_is_refused(photographs: Path, tmp_path: Path) -> None:
    said = r"a batch of 2 cannot be split into 4 equal parts \(2 for each of 2 devices\)"
    with pytest.raises(TrainingError, match=said):
        train(
            "aotgan",
            recipe=recipe("aotgan", accumulate=2),
            data=photographs,
            out=tmp_path / "out",
            running=TWO,
        )


def test_without_fabric_one_line_says_how_to_get_it(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lightning_fabric", None)
    with pytest.raises(TrainingError, match="pip install 'lightning-fabric>="):
        train("aotgan", recipe=recipe("aotgan"), data=photographs, out=tmp_path, running=TWO)


def test_one_process_exchanges_nothing() -> None:
    alone = distributed.ProcessGroup()
    tensor = torch.ones(2)
    alone.average([tensor])
    assert torch.equal(tensor, torch.ones(2))
    assert alone.mean({"l1": 0.1}) == {"l1": 0.1}
    assert (alone.any(False), alone.any(True), alone.is_rank_zero) == (False, True, True)


@pytest.mark.parametrize(
    ("device", "devices", "places"),
    [
        ("cpu", 1, ("cpu",)),
        ("cpu", 2, ("cpu", "cpu")),
        ("cuda:1", 1, ("cuda:1",)),
        ("cuda", 2, ("cuda:0", "cuda:1")),
        ("cuda:0, cuda:2", 1, ("cuda:0", "cuda:2")),
        ("cuda:0,cuda:2", 2, ("cuda:0", "cuda:2")),
    ],
)
def test_devices_by_name_or_by_number(device: str, devices: int, places: tuple[str, ...]) -> None:
    assert TrainOptions(device=device, devices=devices).torch_devices == places


@pytest.mark.parametrize(
    ("device", "devices", "said"),
    [
        ("cuda:0", 2, "name each"),
        ("cuda:0,cuda:1", 3, "names 2 devices"),
        ("cuda:0,cuda:0", 1, "different CUDA devices"),
        ("cpu,cpu", 1, "different CUDA devices"),
        ("cpu", 0, "from 1"),
    ],
)
def test_devices_that_make_no_team(device: str, devices: int, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        _ = TrainOptions(device=device, devices=devices).torch_devices


def test_a_device_that_is_not_here_is_named(photographs: Path, tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric", reason="takes the extra 'train'")
    if torch.cuda.device_count() > 7:
        pytest.skip("this machine has eight")
    running = TrainOptions(device="cuda:0,cuda:7")
    with pytest.raises(BadInput, match=r"cuda:7.*not on this machine"):
        train("aotgan", recipe=recipe("aotgan"), data=photographs, out=tmp_path, running=running)
