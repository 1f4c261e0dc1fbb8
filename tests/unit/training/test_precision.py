"""bf16 in training: refused where it is slow, on inside networks alone, and near float32."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmark.core import processor as processor_module
from benchmark.core.checkpoints.load import read_checkpoint
from benchmark.core.errors import TrainingError
from benchmark.core.processor import multiplies_bf16
from benchmark.training import LEARNERS, read_recipe, train
from benchmark.training import precision as precision_module
from benchmark.training.checkpoint import CHECKPOINT
from benchmark.training.precision import autocast_networks, check_precision
from benchmark.training.recipe import Turn, read_part
from tests.unit.training.conftest import recipe
from tests.unit.training.test_distributed import rows

CPU = torch.device("cpu")
FAMILIES = sorted({LEARNERS.entry(name): name for name in LEARNERS}.values())  # one a learner


@pytest.fixture
def _able(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that multiplies in bf16; torch computes it on any."""
    monkeypatch.setattr(precision_module, "multiplies_bf16", lambda: True)


@pytest.fixture
def _unable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision_module, "multiplies_bf16", lambda: False)
    monkeypatch.setattr(precision_module, "processor", lambda: "a made-up 8088")


@pytest.mark.parametrize(
    ("found", "able"),
    [
        ({"amx_bf16": True, "avx512_bf16": False}, True),
        ({"avx512_bf16": True}, True),
        ({"avx512_f": True, "avx2": True, "amx_bf16": False, "avx512_bf16": False}, False),
        ({"architecture": "arm64", "bf16": True}, False),
    ],
)
def test_torch_is_asked_what_the_processor_has(
    found: dict[str, Any], able: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "cpu", SimpleNamespace(get_capabilities=lambda: found))
    assert multiplies_bf16() is able


@pytest.mark.parametrize("name", processor_module.BF16_BEFORE)
def test_a_torch_without_capabilities_is_asked_its_older_way(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for able in (True, False):
        monkeypatch.setattr(torch, "cpu", SimpleNamespace(**{name: lambda able=able: able}))
        assert multiplies_bf16() is able
    monkeypatch.setattr(torch, "cpu", SimpleNamespace())
    assert not multiplies_bf16()


@pytest.mark.usefixtures("_unable")
def test_bf16_is_refused_before_anything_is_read_or_written(tmp_path: Path) -> None:
    chosen = recipe("aotgan", precision="bf16")
    with pytest.raises(TrainingError) as refusal:
        train("aotgan", recipe=chosen, data=tmp_path / "nowhere", out=tmp_path / "out")
    assert str(refusal.value) == (
        "recipe of aotgan: precision 'bf16' needs a CUDA device or a processor with AMX or AVX-512 "
        'bf16, this one is a made-up 8088; set precision = "exact" or train with --device cuda:0'
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("_able")
def test_what_is_neither_cpu_nor_cuda_is_refused() -> None:
    chosen = recipe(precision="bf16")
    check_precision(chosen, CPU)
    check_precision(chosen, torch.device("cuda", 0))
    with pytest.raises(TrainingError, match=r"AVX-512 bf16, not mps; set"):
        check_precision(chosen, torch.device("mps"))


class Nested(nn.Module):
    """A convolution whose answer's type is noted before the outermost call ends."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 1)
        self.seen: list[torch.dtype] = []

    def forward(self, planes: Tensor, fail: bool = False) -> Tensor:
        """The planes twice through it."""
        if fail:
            raise ValueError("on purpose")
        planes = self.layer(planes)
        self.seen.append(planes.dtype)
        answer: Tensor = self.layer(planes)
        return answer


def test_networks_compute_in_bf16_and_all_else_in_float32() -> None:
    network, planes = Nested(), torch.rand(1, 3, 4, 4)
    with autocast_networks("bf16", CPU):
        answer = network(planes)
        product = planes @ planes
    assert network.seen == [torch.bfloat16]
    assert answer.dtype == product.dtype == torch.float32
    assert torch.equal(answer, answer.bfloat16().float())  # of which 16 bits are used
    assert torch.equal(product, planes @ planes)
    answer.sum().backward()
    assert network.layer.weight.grad is not None
    assert network.layer.weight.grad.dtype == torch.float32
    network(planes)  # outside nothing is left of it
    with autocast_networks("exact", CPU):
        network(planes)
    assert network.seen[1:] == [torch.float32] * 2


def test_a_network_that_fails_leaves_no_autocast_behind() -> None:
    network, planes = Nested(), torch.rand(1, 3, 4, 4)
    with autocast_networks("bf16", CPU):
        with pytest.raises(ValueError, match="on purpose"):
            network(planes, fail=True)
        assert not torch.is_autocast_enabled("cpu")
        network(planes)
        assert not torch.is_autocast_enabled("cpu")
    assert network.seen == [torch.bfloat16]


@pytest.mark.parametrize("model", FAMILIES)
def test_every_models_losses_and_gradients_are_float32(model: str) -> None:
    kind = LEARNERS.load(model)
    torch.manual_seed(0)
    learner = kind(kind.tiny["network"], read_part(kind.Losses, kind.tiny["losses"], model), CPU)
    learner.begin(read_recipe(model).stages[-1].phase, fresh=True)
    images, masks = torch.rand(2, 3, 64, 64), (torch.rand(2, 1, 64, 64) > 0.6).float()
    for role in kind.roles:
        with autocast_networks("bf16", CPU):
            terms = learner.training_step(role, images, masks)
        assert {term.dtype for term in terms.values()} <= {torch.float32}
        if terms:
            torch.stack(list(terms.values())).sum().backward()
    weights = [p for module in learner.modules.values() for p in module.parameters()]
    assert {p.dtype for p in weights} == {torch.float32}
    assert {p.grad.dtype for p in weights if p.grad is not None} == {torch.float32}


@pytest.mark.usefixtures("_able")
def test_a_training_in_bf16_goes_as_one_in_float32(photographs: Path, tmp_path: Path) -> None:
    stages = [{"steps": 8, "batch": 2, "crop": 64, "sides": [64, 72], "phase": "coarse"}]
    late: dict[str, float] = {}  # what is lost in the last four steps
    for name, precision, rate in (
        ("exact", "exact", 5e-3),
        ("bf16", "bf16", 5e-3),
        ("still", "exact", 1e-9),
    ):
        optimizer = {"kind": "adam", "lr": rate}
        chosen = recipe(precision=precision, stages=stages, optimizer=optimizer)
        train("safepaint", recipe=chosen, data=photographs, out=tmp_path / name)
        late[name] = sum(row["l1"] for row in rows(tmp_path / name)[4:])
    assert late["bf16"] != late["exact"]  # it is another arithmetic
    assert late["bf16"] == pytest.approx(late["exact"], rel=0.02)
    assert late["bf16"] < 0.97 * late["still"]  # the control: the same batches, nothing learned
    content = read_checkpoint(tmp_path / "bf16" / CHECKPOINT)
    states = [*content["modules"].values(), content["average"]]
    states += content["optimisers"]["all"]["state"].values()
    kept = {v.dtype for state in states for v in state.values() if isinstance(v, Tensor)}
    assert kept <= {torch.float32, torch.int64}


@pytest.mark.usefixtures("_able")
def test_a_stopped_training_in_bf16_resumes_to_the_same_bytes(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmark.training.trainer import Trainer

    chosen = recipe("aotgan", precision="bf16")
    whole = train("aotgan", recipe=chosen, data=photographs, out=tmp_path / "whole")
    plain = Trainer._train_step

    def dying(trainer: Trainer, turn: Turn) -> dict[str, float]:
        if trainer.state.step == 3:
            raise KeyboardInterrupt
        return plain(trainer, turn)

    monkeypatch.setattr(Trainer, "_train_step", dying)
    with pytest.raises(KeyboardInterrupt):
        train("aotgan", recipe=chosen, data=photographs, out=tmp_path / "part")
    monkeypatch.undo()
    monkeypatch.setattr(precision_module, "multiplies_bf16", lambda: True)
    rest = train("aotgan", recipe=chosen, data=photographs, out=tmp_path / "part")
    assert whole.weights is not None
    assert rest.weights is not None
    assert whole.weights.read_bytes() == rest.weights.read_bytes()
