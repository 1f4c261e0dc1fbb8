"""A whole edition: order, weights handed on, resuming, and a model that fails."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from benchmark.core.checkpoints.resolve import mini_path
from benchmark.core.errors import BadInput, TrainingError, UnknownName
from benchmark.training import Folders, TrainOptions, chosen_recipe
from benchmark.training import editions as edition_module
from benchmark.training.editions import Edition, Member, train_edition
from benchmark.training.recipe import LEARNERS, Turn
from benchmark.training.trainer import Trainer
from detectors import DETECTORS
from inpainters import INPAINTERS


def _members(photographs: Path, out: Path, *names: str) -> list[Member]:
    data = Folders(photographs=photographs)
    return [*train_edition(Edition(name="mini", data=data, out=out, smoke=True), names=names)]


def test_forgers_come_first_and_what_is_done_is_not_done_again(
    photographs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = _members(photographs, out, "psccnet", "ctsdg")
    assert [member.model for member in first] == ["ctsdg", "psccnet"]
    assert all(member.weights is not None and member.seconds > 0 for member in first)
    content = (out / "ctsdg" / "ctsdg.safetensors").read_bytes()
    again = _members(photographs, out, "psccnet", "ctsdg")
    assert [member.seconds for member in again] == [0, 0]
    assert "was there" in again[0].line
    assert (out / "ctsdg" / "ctsdg.safetensors").read_bytes() == content


def test_another_recipes_file_is_not_taken_for_this_ones(photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _members(photographs, out, "madf")
    file = out / "madf" / "madf.safetensors"
    noted = json.loads(safe_open(file, framework="np").metadata()["bench"])
    noted["recipe"]["seed"] += 1
    save_file({"one": np.ones(1)}, file, {"bench": json.dumps(noted)})
    assert _members(photographs, out, "madf")[0].seconds > 0
    file.write_bytes(b"cut off")
    assert _members(photographs, out, "madf")[0].seconds > 0


def test_detectors_learn_from_the_weights_that_were_trained_here(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, given = tmp_path / "out", {}
    _members(photographs, out, "ctsdg")
    train = edition_module.train

    def spied(name: str, **words: object) -> object:
        given[name] = words["forgers"]
        return train(name, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(edition_module, "train", spied)
    recipe = edition_module.chosen_recipe
    monkeypatch.setattr(
        edition_module, "chosen_recipe", lambda name, edition, smoke=False: recipe(name, edition)
    )
    monkeypatch.setattr(edition_module, "made_by", lambda file, recipe: False)

    def stop(*_: object, **__: object) -> object:
        raise TrainingError("iidnet: enough")

    train = stop
    (member,) = _members(photographs, out, "iidnet")
    assert given["iidnet"] == {"ctsdg": out / "ctsdg" / "ctsdg.safetensors"}
    assert member.weights is None
    assert member.line == "iidnet: iidnet: enough"


def test_an_edition_there_is_not() -> None:
    data = Folders(photographs=Path())
    with pytest.raises(UnknownName, match="mini"):
        next(train_edition(Edition(name="maxi", data=data, out=Path())))


def test_names_come_in_the_editions_order_and_must_be_of_it(
    photographs: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnknownName, match=r"model of the mini edition named 'madff'.*'madf'"):
        _members(photographs, tmp_path, "madff")


def test_after_a_stopped_model_no_other_is_begun(photographs: Path, tmp_path: Path) -> None:
    plain = Trainer._train_step

    def stopping(trainer: Trainer, turn: Turn) -> dict[str, float]:
        os.kill(os.getpid(), signal.SIGINT)
        return plain(trainer, turn)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_train_step", stopping)
        (stopped,) = _members(photographs, tmp_path, "aotgan", "madf")
    assert (stopped.model, stopped.stopped, stopped.steps) == ("madf", True, 1)
    assert stopped.line == "madf: stopped after 1 steps"
    assert [m.model for m in _members(photographs, tmp_path, "aotgan", "madf")] == [
        "madf",
        "aotgan",
    ]


def test_jobs_share_one_device(tmp_path: Path) -> None:
    running = TrainOptions(device="cuda:0,cuda:1")
    data = Folders(photographs=tmp_path)
    edition = Edition(name="mini", data=data, out=tmp_path, running=running)
    with pytest.raises(BadInput, match="name one only"):
        next(train_edition(edition, jobs=2))


@pytest.mark.slow
def test_models_side_by_side_are_those_trained_in_turn(photographs: Path, tmp_path: Path) -> None:
    in_turn = _members(photographs, tmp_path / "turn", "aotgan", "madf")
    data = Folders(photographs=photographs)
    edition = Edition(name="mini", data=data, out=tmp_path / "side", smoke=True)
    packed = [*train_edition(edition, names=("aotgan", "madf"), jobs=2)]
    assert {member.model for member in packed} == {"aotgan", "madf"}
    for member in in_turn:
        assert member.weights is not None
        other = edition.file(member.model)
        assert other.read_bytes() == member.weights.read_bytes(), member.model


@pytest.mark.slow
def test_data_that_cannot_be_used_end_jobs_in_one_line(tmp_path: Path) -> None:
    data = Folders(photographs=tmp_path / "nowhere")
    edition = Edition(name="mini", data=data, out=tmp_path / "out", smoke=True)
    with pytest.raises(TrainingError, match="nowhere: no such folder"):
        list(train_edition(edition, names=("aotgan", "madf"), jobs=2))


@pytest.mark.parametrize("name", LEARNERS)
def test_what_ships_was_made_by_the_recipe_that_ships(name: str) -> None:
    registry = DETECTORS if name in DETECTORS else INPAINTERS
    file = mini_path(registry.card(name))
    assert file is not None
    assert edition_module.made_by(file, chosen_recipe(name, "mini"))


@pytest.mark.parametrize("name", LEARNERS)
def test_what_ships_is_small_and_has_its_card(name: str) -> None:
    registry = DETECTORS if name in DETECTORS else INPAINTERS
    file = mini_path(registry.card(name))
    assert file is not None
    assert file.stat().st_size <= 8_000_000
    assert file.with_suffix(".md").is_file()
