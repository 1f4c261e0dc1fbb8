"""Recipes: found by name, read strictly."""

from __future__ import annotations

import json
import math
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from benchmark.core.errors import TrainingError
from benchmark.core.training_exposure import SYNTHETIC_FORGERIES
from benchmark.training import LEARNERS, read_recipe
from benchmark.training.data.options import Postprocessing, Shapes
from benchmark.training.facts import recipe_digest
from benchmark.training.lr_schedule import lr_factor
from benchmark.training.recipe import Recipe, read_part, recipes_of
from benchmark.training.recipe_tables import Schedule, Stage
from detectors import DETECTORS
from inpainters import INPAINTERS
from tests.unit.training.conftest import recipe

SHORT = 'model = "safepaint"\n[optimizer]\nkind = "adam"\nrate = 1e-3\n'
STAGE = "[[stages]]\nsteps = 1\nbatch = 1\ncrop = 64\nsides = [64]\n"


@pytest.mark.parametrize("model", sorted(LEARNERS))
def test_every_model_comes_with_a_mini_and_a_paper_recipe(model: str) -> None:
    known = {"mini", "paper"} | ({"text"} if model == "safepaint" else set())
    assert set(recipes_of(model)) - {"made"} == known  # with forgeries made from images
    for name in known:
        found = read_recipe(model, name)
        assert found.model == model
        assert found.about
        read_part(LEARNERS.load(model).Losses, found.losses, name)


@pytest.mark.parametrize("name", ["mini", "made"])
@pytest.mark.parametrize("model", [name for name in LEARNERS if name in DETECTORS])
def test_no_detector_meets_whom_it_is_to_judge_unprepared(model: str, name: str) -> None:
    """Neither SafePaint nor a variant, nor EdgeConnect, nor shiftmap, nor a file of weights."""
    found = read_recipe(model, name)
    forgers = [one for stage in found.stages for one in stage.forgers]
    assert forgers
    for forger in forgers:
        assert not forger.name.startswith(("safepaint", "edgeconnect", "shiftmap"))
        assert forger.name in {*INPAINTERS, *SYNTHETIC_FORGERIES}
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
    assert found.history == Postprocessing()
    assert found.holes.shapes == Shapes(strokes=1)
    assert found.postprocessing == Postprocessing(jpeg=(0.5, 30, 100), noise=(0.1, 3.0))
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
    assert {"original", "flat", "retouched", "telea"} <= set(shares)
    assert set(shares) & set(LEARNERS) == {"aotgan", "lama", "ctsdg"}  # all others stay unmet
    assert found.retouching.share > 0.5
    assert all(found.retouching.kinds.values())
    assert all(found.holes.shapes.model_dump().values())
    assert found.history.noise[0] > 0  # whole images have grain too
    assert found.postprocessing.noise[0] > 0
    assert found.history.grey > 0


@pytest.mark.parametrize("model", ["psccnet", "trufor", "iidnet"])
def test_the_paper_recipes_of_detectors_make_no_forgeries_and_say_what_they_need(
    model: str,
) -> None:
    found, made = read_recipe(model, "paper"), read_recipe(model, "made")
    assert not found.makes_forgeries
    assert found.forgeries.share == 1
    assert found.forgeries.needs
    assert found.met == ()
    assert made.makes_forgeries
    same = ("optimizer", "schedule", "losses", "network")  # only the images differ
    assert all(getattr(found, name) == getattr(made, name) for name in same)
    steps = [(stage.steps, stage.batch, stage.lr_factor) for stage in found.stages]
    assert steps == [(stage.steps, stage.batch, stage.lr_factor) for stage in made.stages]


def test_a_table_that_is_new_is_not_written_where_it_has_defaults() -> None:
    assert "forgeries" not in recipe("trufor").as_written()
    changed = recipe("trufor", forgeries={"share": 0.25})
    assert changed.as_written()["forgeries"]["share"] == 0.25


def test_the_recipe_of_psccnet_that_makes_forgeries_has_its_four_kinds_in_equal_parts() -> None:
    for stage in read_recipe("psccnet", "made").stages:
        shares = {one.name: one.share for one in stage.forgers}
        removals = sum(v for name, v in shares.items() if name in INPAINTERS and name != "original")
        kinds = (shares["original"], shares["splice"], shares["copy-move"], removals)
        assert kinds == pytest.approx((0.25, 0.25, 0.25, 0.25))


def test_the_paper_recipe_of_safepaint_is_the_papers() -> None:
    found = read_recipe("safepaint", "paper")
    assert found.network == {}
    assert (found.optimizer.lr, found.optimizer.betas) == (2e-4, (0.5, 0.999))
    weights = [found.losses[n] for n in ("l1", "perceptual", "style", "adversarial", "domain")]
    assert weights == [1, 0.1, 250, 0.1, 0.01]
    assert (found.stages[0].batch, found.stages[0].crop) == (4, 256)


def test_the_paper_recipe_of_trufor_has_its_two_phases() -> None:
    found = read_recipe("trufor", "paper")
    assert [stage.phase for stage in found.stages] == ["localisation", "confidence"]
    assert (found.optimizer.kind, found.optimizer.lr) == ("sgd", 0.005)
    assert (found.schedule.kind, found.schedule.over) == ("polynomial", "stage")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"{SHORT}{STAGE}color = 3\n", r"stages\.0\.color: unknown key"),
        (f"speed = 3\n{SHORT}{STAGE}", r"speed: unknown key; known: .*schedule"),
        (f"{SHORT}", "stages: is missing"),
        (f"{SHORT}{STAGE.replace('crop = 64', 'crop = 96')}", "96 does not fit a side of 64"),
        (f"{SHORT}{STAGE}".replace("1e-3", "-1"), r"optimizer\.rate"),
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


EARLIER = """
model = "aotgan"
average = 0.9
norm_batches = 3
false_alarms = 0.05
[optimiser]
kind = "adam"
rate = 1e-3
decay = 0.1
clip = 2.0
[optimisers.discriminator]
rate = 2e-4
[laundering]
median = 0.5
[[stages]]
steps = 1
batch = 1
crop = 64
sides = [64]
rate = 0.5
"""
PRESENT = {
    "average": "ema_decay",
    "norm_batches": "precise_bn_batches",
    "false_alarms": "false_positive_rate",
    "optimisers": "optimizers",
    "optimiser": "optimizer",
    "decay": "weight_decay",
    "clip": "grad_clip_norm",
    "laundering": "postprocessing",
}


def present(text: str) -> str:
    """The same recipe under the present names."""
    for earlier, name in PRESENT.items():
        text = re.sub(rf"\b{earlier}\b", name, text)
    optimizers, stages = text.split("[[stages]]")
    return (
        re.sub(r"\brate\b", "lr", optimizers)
        + "[[stages]]"
        + re.sub(r"\brate\b", "lr_factor", stages)
    )


def test_keys_are_read_under_both_names(tmp_path: Path) -> None:
    found = []
    for name, text in (("earlier", EARLIER), ("present", present(EARLIER))):
        path = tmp_path / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        found.append(read_recipe("aotgan", path))
    earlier, now = found
    assert earlier == now
    assert earlier.text() == now.text()
    assert recipe_digest(earlier) == recipe_digest(now)
    assert (now.ema_decay, now.precise_bn_batches, now.false_positive_rate) == (0.9, 3, 0.05)
    assert now.postprocessing.median == 0.5
    assert now.stages[0].lr_factor == 0.5
    own = now.optimizer_of("discriminator")
    assert (own.lr, own.weight_decay, own.grad_clip_norm) == (2e-4, 0.1, 2.0)


def test_files_keep_the_earlier_names(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(present(EARLIER), encoding="utf-8")
    written = json.loads(read_recipe("aotgan", path).text())
    assert set(PRESENT) - {"decay", "clip"} <= set(written)
    assert not set(PRESENT.values()) & set(written)
    assert {"rate", "decay", "clip"} < set(written["optimiser"])
    assert written["stages"][0]["rate"] == 0.5
    assert Recipe.model_validate(written) == read_recipe("aotgan", path)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (
            "average = 0.9",
            "average = 0.9\nema_decay = 0.9",
            "recipe: ema_decay and average are",
        ),
        (
            "clip = 2.0",
            "clip = 2.0\ngrad_clip_norm = 2.0",
            "optimiser: grad_clip_norm and clip",
        ),
        ("rate = 2e-4", "rate = 2e-4\nlr = 2e-4", "optimisers.discriminator: lr and rate are the"),
        (
            "rate = 0.5",
            "rate = 0.5\nlr_factor = 0.5",
            "stages.0: lr_factor and rate are the",
        ),
        (
            "[optimiser]",
            '[optimizer]\nkind = "sgd"\nlr = 1.0\n[optimiser]',
            "recipe: optimizer and optimiser are the same key; keep optimizer",
        ),
    ],
)
def test_a_key_under_both_names_is_refused_in_one_line(
    old: str, new: str, named: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(EARLIER.replace(old, new), encoding="utf-8")
    with pytest.raises(TrainingError, match=re.escape(named)) as caught:
        read_recipe("aotgan", path)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named_by_its_present_name(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(f'model = "aotgan"\n{STAGE}', encoding="utf-8")
    with pytest.raises(TrainingError, match="optimizer: is missing"):
        read_recipe("aotgan", path)


@pytest.mark.parametrize("model", sorted(LEARNERS))
def test_shipped_recipes_use_the_present_names(model: str) -> None:
    for path in recipes_of(model).values():
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        tables = [content["optimizer"], *content.get("optimizers", {}).values()]
        assert not {"average", "norm_batches", "false_alarms", "laundering"} & set(content)
        assert not {"rate", "decay", "clip"} & {key for table in tables for key in table}
        assert not any("rate" in stage for stage in content["stages"])


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
