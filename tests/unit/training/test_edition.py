"""A whole edition: order, weights handed on, resuming, and a model that fails."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from benchmark.core.errors import TrainingError, UnknownName
from benchmark.training import Folders
from benchmark.training import edition as edition_module
from benchmark.training.edition import Edition, Member, train_edition


def _members(photographs: Path, out: Path, *names: str) -> list[Member]:
    data = Folders(photographs=photographs)
    return [*train_edition(Edition(name="mini", data=data, out=out, smoke=True), names=names)]


def test_forgers_come_first_and_what_is_done_is_not_done_again(
    photographs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = _members(photographs, out, "psccnet", "madf")
    assert [member.model for member in first] == ["madf", "psccnet"]
    assert all(member.weights is not None and member.seconds > 0 for member in first)
    content = (out / "madf" / "madf.safetensors").read_bytes()
    again = _members(photographs, out, "psccnet", "madf")
    assert [member.seconds for member in again] == [0, 0]
    assert "was there" in again[0].line
    assert (out / "madf" / "madf.safetensors").read_bytes() == content


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
    _members(photographs, out, "madf")
    train = edition_module.train

    def spied(name: str, **words: object) -> object:
        given[name] = words["forgers"]
        return train(name, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(edition_module, "train", spied)
    recipe = edition_module.chosen_recipe
    monkeypatch.setattr(
        edition_module, "chosen_recipe", lambda name, edition, smoke=False: recipe(name, edition)
    )
    monkeypatch.setattr(edition_module, "_made_by", lambda file, recipe: False)

    def stop(*_: object, **__: object) -> object:
        raise TrainingError("iidnet: enough")

    train = stop
    (member,) = _members(photographs, out, "iidnet")
    assert given["iidnet"] == {"madf": out / "madf" / "madf.safetensors"}
    assert member.weights is None
    assert member.line == "iidnet: iidnet: enough"


def test_an_edition_there_is_not() -> None:
    data = Folders(photographs=Path())
    with pytest.raises(UnknownName, match="mini"):
        next(train_edition(Edition(name="maxi", data=data, out=Path())))
