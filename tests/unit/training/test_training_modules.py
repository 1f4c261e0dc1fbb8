"""The contract of all training modules: roles, terms, unknown phases and sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from benchmark.core.errors import BadInput, TrainingError
from benchmark.training import LEARNERS, read_recipe
from benchmark.training.recipe import read_part, recipes_of

CPU = torch.device("cpu")
EVERY = pytest.mark.parametrize("model", sorted(LEARNERS))


def tiny(model: str, **network: Any) -> Any:
    """A training module with the sizes of a smoke run."""
    kind = LEARNERS.load(model)
    losses = read_part(kind.Losses, kind.tiny["losses"], model)
    return kind(kind.tiny["network"] | network, losses, CPU)


@EVERY
def test_each_module_has_at_most_one_role_and_no_module_is_within_another(model: str) -> None:
    learner = tiny(model)
    trained = [name for names in learner.roles.values() for name in names]
    assert len(trained) == len(set(trained))
    assert set(trained) <= set(learner.modules)
    assert len(learner.terms) == len(set(learner.terms))
    inside = [id(m) for part in learner.modules.values() for m in list(part.modules())[1:]]
    assert not {id(part) for part in learner.modules.values()} & set(inside)


@EVERY
def test_an_unknown_phase_is_refused_with_those_of_the_recipes(model: str) -> None:
    with pytest.raises((TrainingError, BadInput), match="has no phase 'nonsense'; known: ") as told:
        tiny(model).begin("nonsense", fresh=True)
    known = str(told.value).partition("known: ")[2].split(", ")
    recipes = [read_recipe(model, name) for name in recipes_of(model)]
    assert {stage.phase for recipe in recipes for stage in recipe.stages} <= set(known)
    assert "joint" in known


@EVERY
def test_an_unknown_size_is_refused(model: str) -> None:
    with pytest.raises(TrainingError, match=r"recipe of \S+, network: .*depth"):
        tiny(model, depth=3)
