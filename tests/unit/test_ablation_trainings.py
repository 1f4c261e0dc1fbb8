"""benchmarks/ablation_trainings.py: comparable recipes, base models first, resuming."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from safetensors import safe_open

from benchmark.core.training_exposure import read_bench_metadata
from benchmark.training import Recipe, read_recipe
from benchmarks import ablation_trainings as script
from tests.unit.training.conftest import write_photographs

SEED = 11


@pytest.fixture(scope="module")
def recipes() -> dict[str, Recipe]:
    return {one.name: one.recipe for one in script.trainings(SEED, Path("out"))}


def without(recipe: Recipe, *names: str) -> dict[str, object]:
    return {name: v for name, v in recipe.model_dump().items() if name not in names}


def test_each_training_follows_those_that_it_starts_from() -> None:
    written: set[Path] = set()
    for one in script.trainings(SEED, Path("out")):
        assert one.needs is None or one.needs in written
        assert one.start in {None, one.needs}
        written.add(Path("out") / one.name / f"{one.recipe.model}.safetensors")
    assert len(written) == 12


def test_a_row_is_its_mini_recipe_with_a_third_of_the_steps(recipes: dict[str, Recipe]) -> None:
    short, whole = recipes[f"rows/safepaint-{SEED}"], read_recipe("safepaint", "mini")
    assert short.seed == SEED
    assert [stage.steps for stage in short.stages] == [667, 833, 267, 400, 20]
    assert without(short, "seed", "stages", "about") == without(whole, "seed", "stages", "about")


@pytest.mark.parametrize("host", script.HOSTS)
def test_a_base_model_is_trained_on_as_its_row_with_rwsa(
    host: str, recipes: dict[str, Recipe]
) -> None:
    own, other = recipes[f"rows/{host}-{SEED}"], recipes[f"rows/{host}+rwsa-{SEED}"]
    but = ("model", "network", "losses")
    assert without(own, *but) == without(other, *but)
    assert other.network == own.network | {"rwsa": True}
    assert other.losses == own.losses | {"warm": f"out/hosts/{host}-{SEED}/{host}.safetensors"}


def test_the_forms_differ_in_their_formulas_alone(recipes: dict[str, Recipe]) -> None:
    program, text = recipes[f"forms/program-{SEED}"], recipes[f"forms/text-{SEED}"]
    assert without(program, "losses") == without(text, "losses")
    assert {name for name in text.losses if text.losses[name] != program.losses.get(name)} == {
        *script.FORM_OPTIONS
    }


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["ablation_trainings.py", *map(str, arguments)])
    return script.main()


def test_rows_with_and_without_rwsa_start_from_one_base_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photographs = tmp_path / "photographs"
    write_photographs(photographs)
    options = ("--data", photographs, "--out", tmp_path, "--smoke", "--seeds", SEED)
    rows = f"rows/aotgan+rwsa-{SEED},rows/aotgan-{SEED}"
    assert command(monkeypatch, *options, "--only", rows) == 2
    assert "train that first" in capsys.readouterr().out
    assert command(monkeypatch, *options, "--only", f"hosts/aotgan-{SEED},{rows}") == 0
    for model in ("aotgan", "aotgan+rwsa"):
        path = tmp_path / "rows" / f"{model}-{SEED}" / f"{model}.safetensors"
        assert read_bench_metadata(path)["seed"] == SEED
        with safe_open(path, "pt") as file:
            assert any("rwsa" in name for name in file.keys()) is ("+" in model)  # noqa: SIM118
    capsys.readouterr()
    assert command(monkeypatch, *options, "--only", rows) == 0
    assert capsys.readouterr().out.count("finished before") == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--seeds", "eleven"), "expected numbers"),
        (("--only", "rows/lama-11"), "rows/lama-11: expected some of"),
    ],
)
def test_wrong_options_are_named(
    options: tuple[str, str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(monkeypatch, "--data", ".", "--out", "out", *options) == 2
    assert message in capsys.readouterr().out
