"""Recipes: found by name, read strictly."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from benchmark.core.errors import TrainingError
from benchmark.core.training_exposure import MADE_HERE
from benchmark.training import LEARNERS, read_recipe
from benchmark.training.data.options import Laundering, Shapes
from benchmark.training.lr_schedule import lr_factor
from benchmark.training.recipe import Schedule, Stage, read_part, recipes_of
from detectors import DETECTORS
from inpainters import INPAINTERS
from tests.unit.training.conftest import recipe

SHORT = 'model = "safepaint"\n[optimizer]\nkind = "adam"\nrate = 1e-3\n'
STAGE = "[[stages]]\nsteps = 1\nbatch = 1\ncrop = 64\nsides = [64]\n"


@pytest.mark.parametrize("model", sorted(LEARNERS))
def test_every_model_comes_with_a_mini_and_a_paper_recipe(model: str) -> None:
    known = {"mini", "paper"} | ({"text"} if model == "safepaint" else set())
    assert set(recipes_of(model)) == known
    for name in known:
        found = read_recipe(model, name)
        assert found.model == model
        assert found.about
        read_part(LEARNERS.load(model).Losses, found.losses, name)


@pytest.mark.parametrize("name", ["mini", "paper"])
@pytest.mark.parametrize("model", [name for name in LEARNERS if name in DETECTORS])
def test_no_detector_meets_whom_it_is_to_judge_unprepared(model: str, name: str) -> None:
    """Neither SafePaint nor a variant, nor EdgeConnect, nor shiftmap, nor a file of weights."""
    found = read_recipe(model, name)
    forgers = [one for stage in found.stages for one in stage.forgers]
    assert forgers
    for forger in forgers:
        assert not forger.name.startswith(("safepaint", "edgeconnect", "shiftmap"))
        assert forger.name in {*INPAINTERS, *MADE_HERE}
        assert forger.weights in (None, "official", "mini")
    assert found.met is not None
    assert set(found.met) <= {one.name for one in forgers} | {"meanfill"}


def test_a_recipe_from_before_the_mix_means_what_it_meant(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    forgers = 'forgers = [{ name = "original", share = 0.3 }, { name = "safepaint", pool = 9 }]\n'
    laundering = "[laundering]\njpeg = [0.5, 30, 100]\nnoise = [0.1, 3.0]\n"
    text = f"{SHORT}{laundering}{STAGE}{forgers}".replace('"safepaint"\n[opt', '"trufor"\n[opt')
    path.write_text(text, encoding="utf-8")
    found = read_recipe("trufor", path)
    assert found.retouching.share == 0
    assert found.history == Laundering()
    assert found.holes.shapes == Shapes(strokes=1)
    assert found.laundering == Laundering(jpeg=(0.5, 30, 100), noise=(0.1, 3.0))
    assert found.met == ("safepaint",)  # nobody forbids it in a recipe of one's own


@pytest.mark.parametrize("model", [name for name in LEARNERS if name in INPAINTERS])
def test_inpainters_meet_no_forger(model: str) -> None:
    assert read_recipe(model, "paper").met is None


@pytest.mark.parametrize("model", ["psccnet", "trufor", "iidnet"])
def test_the_mini_recipes_of_detectors_have_the_whole_mix(model: str) -> None:
    found = read_recipe(model, "mini")
    shares = {one.name: one.share for one in found.stages[-1].forgers}
    pasted = {"splice", "copy-move"} <= set(shares)
    assert pasted is (model != "iidnet")  # whose authors learned from neither
    assert {"original", "flat", "retouched", "telea", "aotgan", "lama", "madf"} <= set(shares)
    assert found.retouching.share > 0.5
    assert all(found.retouching.kinds.values())
    assert all(found.holes.shapes.model_dump().values())
    assert found.history.noise[0] > 0  # whole images have grain too
    assert found.laundering.noise[0] > 0
    assert found.history.grey > 0


def test_the_paper_recipe_of_psccnet_has_its_four_kinds_in_equal_parts() -> None:
    for stage in read_recipe("psccnet", "paper").stages:
        shares = {one.name: one.share for one in stage.forgers}
        removals = sum(v for name, v in shares.items() if name in INPAINTERS and name != "original")
        kinds = (shares["original"], shares["splice"], shares["copy-move"], removals)
        assert kinds == pytest.approx((0.25, 0.25, 0.25, 0.25))


def test_the_paper_recipe_of_safepaint_is_the_papers() -> None:
    found = read_recipe("safepaint", "paper")
    assert found.network == {}
    assert (found.optimiser.rate, found.optimiser.betas) == (2e-4, (0.5, 0.999))
    weights = [found.losses[n] for n in ("l1", "perceptual", "style", "adversarial", "domain")]
    assert weights == [1, 0.1, 250, 0.1, 0.01]
    assert (found.stages[0].batch, found.stages[0].crop) == (4, 256)


def test_the_paper_recipe_of_trufor_has_its_two_phases() -> None:
    found = read_recipe("trufor", "paper")
    assert [stage.phase for stage in found.stages] == ["localisation", "confidence"]
    assert (found.optimiser.kind, found.optimiser.rate) == ("sgd", 0.005)
    assert (found.schedule.kind, found.schedule.over) == ("polynomial", "stage")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"{SHORT}{STAGE}colour = 3\n", r"stages\.0\.colour: unknown key"),
        (f"speed = 3\n{SHORT}{STAGE}", r"speed: unknown key; known: .*schedule"),
        (f"{SHORT}", "stages: is missing"),
        (f"{SHORT}{STAGE.replace('crop = 64', 'crop = 96')}", "96 does not fit a side of 64"),
        (f"{SHORT}{STAGE}".replace("1e-3", "-1"), r"optimiser\.rate"),
        (f"{SHORT}{STAGE}".replace("safepaint", "trufor"), "a recipe of trufor, not of safepaint"),
        ("model = ", "not a readable TOML file"),
    ],
)
def test_a_wrong_recipe_is_one_line_that_names_the_key(
    text: str, named: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TrainingError, match=named) as caught:
        read_recipe("safepaint", path)
    assert "\n" not in str(caught.value)
    assert "own.toml" in str(caught.value)


def test_a_recipe_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(TrainingError, match=r"known: mini, paper, text, or a \.toml file"):
        read_recipe("safepaint", "maxi")


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(TrainingError, match="ssim: unknown key; known: adversarial"):
        read_part(LEARNERS.load("safepaint").Losses, {"ssim": 1}, "own.toml, losses")


def test_steps_find_their_stage_and_the_images_seen_before() -> None:
    sizes = {"crop": 64, "sides": [64]}
    two = recipe(stages=[{"steps": 3, "batch": 2, **sizes}, {"steps": 2, "batch": 5, **sizes}])
    assert two.steps == 5
    assert [two.at(step).seen for step in range(5)] == [0, 2, 4, 6, 11]
    assert [two.at(step).number for step in range(5)] == [0, 1, 2, 0, 1]
    with pytest.raises(IndexError):
        two.at(5)


def test_recipes_with_equal_content_have_equal_text() -> None:
    assert recipe().text() == recipe().text()
    assert recipe().text() != recipe(seed=11).text()


def test_recipes_cannot_be_changed() -> None:
    stage = Stage(steps=1, batch=1, crop=64, sides=(64,))
    with pytest.raises(ValidationError):
        stage.steps = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("schedule", "done", "step", "factor"),
    [
        (Schedule(), 0.5, 50, 1.0),
        (Schedule(warmup=9), 0.0, 0, 0.1),
        (Schedule(warmup=9), 0.1, 9, 1.0),
        (Schedule(kind="cosine"), 0.5, 50, 0.5),
        (Schedule(kind="cosine"), 0.25, 50, 0.5 + math.sqrt(0.5) / 2),
        (Schedule(kind="polynomial", power=2), 0.5, 50, 0.25),
    ],
)
def test_the_rate_follows_its_schedule(
    schedule: Schedule, done: float, step: int, factor: float
) -> None:
    assert lr_factor(schedule, done, step) == pytest.approx(factor)
