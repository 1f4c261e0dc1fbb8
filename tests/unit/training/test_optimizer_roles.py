"""Steps of several roles: their order, what each moves, and how a run of them resumes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from benchmark.core.checkpoints.load import read_checkpoint
from benchmark.core.errors import TrainingError
from benchmark.core.seeds import seed_of
from benchmark.training import train
from benchmark.training.data.batches import InpaintingData
from benchmark.training.data.images import read_training_images
from benchmark.training.data.masks import Masks
from benchmark.training.learner import Learner
from benchmark.training.recipe import Recipe, Turn
from benchmark.training.trainer import CHECKPOINT, Trainer
from inpainters.training.safepaint import SafePaintLearner, SafePaintLosses
from tests.unit.training.conftest import recipe

CPU = torch.device("cpu")


class Pair:
    """Two roles with a 1x1 convolution each: one inpaints a color, the other judges it."""

    Losses: ClassVar[type[BaseModel]] = SafePaintLosses
    tiny: ClassVar[dict[str, dict[str, Any]]] = {"network": {}, "losses": {}}
    terms: ClassVar[tuple[str, ...]] = ("likeness", "verdict")
    roles: ClassVar[dict[str, tuple[str, ...]]] = {"painter": ("painter",), "judge": ("judge",)}

    def __init__(
        self,
        network: dict[str, Any] | None = None,
        losses: BaseModel | None = None,
        device: torch.device = CPU,
        *,
        resting: str = "",
    ) -> None:
        torch.manual_seed(1)
        self.network, self.judge = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 1, 1)
        self.modules: dict[str, nn.Module] = {"painter": self.network, "judge": self.judge}
        self.calls: list[tuple[str, Tensor, bool, bool]] = []
        self._resting = resting

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Nothing is frozen."""

    def training_step(self, role: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """Both see both networks."""
        painter, judge = self.network.weight, self.judge.weight
        self.calls.append(
            (role, painter.detach().clone(), painter.requires_grad, judge.requires_grad)
        )
        if role == self._resting:
            return {}
        verdict = self.judge(self.network(images)).square().mean()
        if role == "painter":
            return {"likeness": (self.network(images) - images).square().mean() + verdict}
        return {"verdict": -verdict}

    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """The images."""
        return [images]

    def finish(self) -> None:
        """Nothing to take out."""

    def config(self) -> dict[str, Any]:
        """No sizes."""
        return {}

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """No files."""
        return {}


def trainer_of(learner: Learner, chosen: Recipe, photographs: Path, out: Path) -> Trainer:
    read = read_training_images(photographs, sides=(64, 72), minimum=1)
    source = InpaintingData(chosen, read, Masks(chosen.holes, seed=chosen.seed))
    out.mkdir()
    return Trainer(chosen, learner, source, out=out, device=CPU)


def state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_one_role_steps_as_one_optimizer_over_everything_does(
    photographs: Path, tmp_path: Path
) -> None:
    chosen = recipe(ema_decay=0.0)

    def fresh() -> SafePaintLearner:
        torch.manual_seed(3)
        return SafePaintLearner(chosen.network, SafePaintLosses.model_validate(chosen.losses), CPU)

    moved, plain = fresh(), fresh()
    trainer = trainer_of(moved, chosen, photographs, tmp_path / "out")
    losses = trainer._train_step(chosen.at(0))
    everything = [p for network in plain.modules.values() for p in network.parameters()]
    optimizer = torch.optim.Adam(everything, lr=1e-3 / 2)  # the first of two warm-up steps
    images, masks = trainer.source.batch(0)
    torch.manual_seed(seed_of(chosen.seed, "step", 0))
    plain.begin("joint", fresh=True)
    terms = plain.training_step("all", images, masks)
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(everything, 1.0)
    optimizer.step()
    assert losses == {name: float(term.detach()) for name, term in terms.items()}
    for name, network in plain.modules.items():
        got = moved.modules[name].state_dict()
        for entry, value in network.state_dict().items():
            torch.testing.assert_close(got[entry], value, rtol=1e-6, atol=1e-9, msg=entry)


def test_roles_move_one_after_the_other_and_only_themselves(
    photographs: Path, tmp_path: Path
) -> None:
    pair = Pair()
    before = pair.network.weight.detach().clone()
    trainer = trainer_of(pair, recipe(), photographs, tmp_path / "out")
    losses = trainer._train_step(trainer.recipe.at(0))
    (first, seen, *trained), (second, moved, *others) = pair.calls
    assert (first, second) == ("painter", "judge")
    assert (trained, others) == ([True, False], [False, True])
    assert torch.equal(seen, before)
    assert torch.equal(
        moved, pair.network.weight
    )  # the inpainter had moved when the judge was asked
    assert not torch.equal(moved, before)
    assert set(losses) == {"likeness", "verdict"}
    assert all(p.requires_grad for network in pair.modules.values() for p in network.parameters())


def test_an_idle_role_is_left_alone(photographs: Path, tmp_path: Path) -> None:
    pair = Pair(resting="judge")
    before = state(pair.judge)
    optimizer = {"kind": "adamw", "lr": 1e-2, "weight_decay": 0.5}  # decay would move it
    trainer = trainer_of(pair, recipe(optimizer=optimizer), photographs, tmp_path / "out")
    losses = trainer._train_step(trainer.recipe.at(0))
    assert set(losses) == {"likeness"}
    assert all(torch.equal(before[name], value) for name, value in pair.judge.state_dict().items())


def test_each_role_has_its_own_rate(photographs: Path, tmp_path: Path) -> None:
    pair = Pair()
    before = {name: state(network) for name, network in pair.modules.items()}
    plain = {"kind": "adam", "lr": 1e-3}
    chosen = recipe(optimizer=plain, optimizers={"judge": {"lr": 1e-5}}, schedule={})
    trainer_of(pair, chosen, photographs, tmp_path / "out")._train_step(chosen.at(0))
    for name, rate in (("painter", 1e-3), ("judge", 1e-5)):
        step = pair.modules[name].state_dict()["weight"] - before[name]["weight"]
        assert np.allclose(step.abs().numpy(), rate, rtol=1e-2), name  # Adam's first step


def test_parts_of_a_batch_step_as_the_whole(photographs: Path, tmp_path: Path) -> None:
    whole, cut = Pair(), Pair()
    found = []
    for pair, parts in ((whole, 1), (cut, 2)):
        chosen = recipe(accumulate=parts)
        trainer = trainer_of(pair, chosen, photographs, tmp_path / str(parts))
        found.append(trainer._train_step(chosen.at(0)))
    assert [name for name, *_ in cut.calls] == ["painter", "painter", "judge", "judge"]
    assert found[0] == pytest.approx(found[1], rel=1e-5)
    torch.testing.assert_close(cut.network.weight, whole.network.weight)
    torch.testing.assert_close(cut.judge.weight, whole.judge.weight)


def test_a_killed_run_of_two_roles_resumes_to_the_same_numbers(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = recipe("aotgan", optimizers={"discriminator": {"lr": 2e-4}})
    whole = train("aotgan", recipe=chosen, data=photographs, out=tmp_path / "whole")
    plain = Trainer._step_role
    moves: list[str] = []

    def dying(trainer: Trainer, role: str, turn: Turn, parts: list[tuple[Tensor, Tensor]]) -> Any:
        moves.append(role)
        if len(moves) == 6:  # the third step's discriminator, when its generator has moved
            raise KeyboardInterrupt
        return plain(trainer, role, turn, parts)

    monkeypatch.setattr(Trainer, "_step_role", dying)
    with pytest.raises(KeyboardInterrupt):
        train("aotgan", recipe=chosen, data=photographs, out=tmp_path / "part")
    monkeypatch.undo()
    assert read_checkpoint(tmp_path / "part" / CHECKPOINT)["step"] == 2
    rest = train("aotgan", recipe=chosen, data=photographs, out=tmp_path / "part")
    assert whole.weights is not None
    assert rest.weights is not None
    assert whole.weights.read_bytes() == rest.weights.read_bytes()
    kept = [read_checkpoint(tmp_path / name / CHECKPOINT)["modules"] for name in ("whole", "part")]
    for name, value in kept[0]["discriminator"].items():
        assert torch.equal(kept[1]["discriminator"][name], value), name


def test_an_unknown_role_is_refused(photographs: Path, tmp_path: Path) -> None:
    changed = recipe("aotgan", optimizers={"critic": {"lr": 1e-4}})
    named = r"aotgan: optimizers\.critic: unknown optimizer role; known: generator, discriminator"
    with pytest.raises(TrainingError, match=named):
        train("aotgan", recipe=changed, data=photographs, out=tmp_path / "out")


def test_an_older_checkpoint_is_refused(photographs: Path, tmp_path: Path) -> None:
    train("aotgan", recipe=recipe("aotgan"), data=photographs, out=tmp_path / "out")
    path = tmp_path / "out" / CHECKPOINT
    content = read_checkpoint(path)
    content["optimiser"] = content.pop("optimisers")
    torch.save(content, path)
    with pytest.raises(TrainingError, match="an earlier version"):
        train("aotgan", recipe=recipe("aotgan"), data=photographs, out=tmp_path / "out")


def test_missing_options_of_a_role_are_the_common_ones() -> None:
    common = {"kind": "adam", "lr": 1e-3, "betas": [0.5, 0.9]}
    chosen = recipe(optimizer=common, optimizers={"discriminator": {"lr": 1e-5}})
    found = chosen.optimizer_of("discriminator")
    assert (found.kind, found.lr, found.betas) == ("adam", 1e-5, (0.5, 0.9))
    assert chosen.optimizer_of("generator") == chosen.optimizer
    assert Recipe.model_validate_json(chosen.text()) == chosen


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"accumulate": 4}, "a batch of 2 cannot be split into 4 equal parts"),
        ({"optimizers": {"judge": {"speed": 1}}}, "speed"),
        ({"precision": "fp16"}, "'exact' or 'bf16'"),
    ],
)
def test_what_makes_no_step_is_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        recipe(**changes)
