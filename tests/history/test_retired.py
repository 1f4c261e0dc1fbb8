"""What names `safepaint+`, which was retired, is still read; running or training it is refused."""

from __future__ import annotations

import json
import shutil
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from benchmark.core.errors import RetiredName, UnknownName
from benchmark.results.required_keys import _columns
from benchmark.runner.plan import Plan
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import resolve_plan
from benchmark.training.recipe import LEARNERS, read_recipe
from benchmark.verify.checks import Request
from inpainters import INPAINTERS, create_inpainter
from inpainters.retired import RETIRED
from tests.cli.conftest import Bench

HERE = Path(__file__).parent / "1351f48"
KEYS: dict[str, Any] = json.loads((HERE / "keys.json").read_text())
WHY = "'safepaint+' was retired and cannot be run or trained any more: commit 1351f48 still has it"


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The commit's runs, in which safepaint+ inpainted instead of safepaint."""
    folder = tmp_path / "old"
    shutil.copytree(HERE, folder)
    for file in {*folder.glob("run/*.*"), *folder.glob("**/plan.toml")}:
        file.write_text(file.read_text().replace("safepaint", "safepaint+"))
    record = json.loads((folder / "run/record.json").read_text())
    del record["files"]  # sums of what they were
    (folder / "run/record.json").write_text(json.dumps(record))
    plan = folder / "unfinished/run/plan.toml"
    plan.write_text(plan.read_text().replace('"telea"', '"telea", "safepaint+"'))
    monkeypatch.chdir(folder)
    return folder


def test_a_finished_run_is_read_as_ever(bench: Bench, old: Path) -> None:
    shutil.rmtree("store")  # its numbers come from its files alone
    table = bench("table", "3", "--run", "run")
    assert table.exit_code == 0, table.output
    assert "safepaint+" in table.stdout
    for words in (("table", "stats", "--run", "run", "--all"), ("report", "run"),
                  ("report", "--compare", "run", "run")):  # fmt: skip
        result = bench(*words)
        assert result.exit_code == 0, result.output
        assert "safepaint+" in result.output or Path("run/index.html").is_file()
    shutil.copytree("run", "runs/one")
    listed = bench("list", "runs")
    assert "damaged" not in listed.output
    assert "complete" in listed.output


def test_its_run_and_store_are_checked_and_cleaned(bench: Bench, old: Path) -> None:
    checked = bench("check", "run", "--store", "store")
    assert checked.exit_code == 0, checked.output
    cleaned = bench("clean", "run", "--store", "store", "--unneeded", "--dry-run")
    assert cleaned.exit_code == 2  # its files do not hold the keys: all is kept
    assert "cannot determine what this run needs (its plan names its own images" in cleaned.stderr


def test_its_answers_keep_their_keys(old: Path) -> None:
    """So an old store's answers of it are found."""
    then = KEYS["plans"]["every model"]
    plan = Plan(**then["plan"])
    keys = set(chain.from_iterable(_columns(PlanJobs(resolve_plan(plan)))))
    wanted = {
        key
        for stage in ("fill", "judge", "measure")
        for name, key in then[stage].items()
        if name.split()[0] == "safepaint+"
        # measurements of what detectors say hold the detectors' weights, which may be new
        and (stage == "fill" or name.split()[1] in {"flatness", "chance", "psnr", "gmsd"})
    }
    assert len(wanted) >= 3
    assert wanted <= keys


def test_an_unfinished_run_that_names_images_is_not_shown(bench: Bench, old: Path) -> None:
    words = ("--run", "unfinished/run", "--store", "unfinished/store")
    half = bench("table", "all", *words)
    assert half.exit_code == 2
    assert "its plan names its own images" in half.stderr


@pytest.mark.parametrize("plan", ["run/plan.toml", "plan.toml", "unfinished/run/plan.toml"])
def test_running_it_is_refused_in_a_line(plan: str, bench: Bench, old: Path) -> None:
    result = bench("run", plan, "--out", "anew", "--store", "store")
    assert result.exit_code == 2
    assert WHY in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not Path("anew").exists()


def test_a_new_plan_may_not_name_it(bench: Bench, old: Path) -> None:
    result = bench("run", "--inpainter", "telea,safepaint+", "--out", "anew")
    assert result.exit_code == 2
    assert WHY in result.stderr


def test_its_recipes_and_recipes_that_name_it_load(bench: Bench, old: Path) -> None:
    own = Path("own.toml").read_text().replace('"lama"', '"safepaint+"')
    Path("plus.toml").write_text(own)
    assert read_recipe("safepaint+", Path("plus.toml")).model == "safepaint+"
    with pytest.raises(RetiredName, match="was retired"):
        read_recipe("safepaint+", "mini")
    for recipe in ("mini", "plus.toml"):
        result = bench("train", "safepaint+", "--recipe", recipe, "--data", "images", "--out", "o")
        assert result.exit_code == 2, result.output
        assert WHY in result.stderr
        assert not Path("o").exists()


def test_it_is_listed_nowhere_and_cannot_be_made() -> None:
    assert set(RETIRED) == {"safepaint+"}
    for registry in (INPAINTERS, LEARNERS):
        assert "safepaint+" not in [*registry, *registry.built_in]
        assert "safepaint+" not in registry
    with pytest.raises(RetiredName, match=r"docs/safepaint-plus\.md explains why"):
        create_inpainter("safepaint+")
    with pytest.raises(UnknownName):
        _ = Request(names=("safepaint+",)).models
    assert INPAINTERS.card("safepaint+").paints
    assert (Path(__file__).parents[2] / RETIRED["safepaint+"].page).is_file()


def test_a_detector_s_recipe_that_names_it_loads_and_is_refused_before_training(
    bench: Bench, old: Path
) -> None:
    from benchmark.training.recipe import recipes_of

    text = recipes_of("iidnet")["mini"].read_text()
    assert 'name = "aotgan"' in text
    Path("judge.toml").write_text(text.replace('name = "aotgan"', 'name = "safepaint+"'))
    assert "safepaint+" in (read_recipe("iidnet", Path("judge.toml")).met or ())
    result = bench("train", "iidnet", "--recipe", "judge.toml", "--data", "images", "--out", "o",
                   "--smoke")  # fmt: skip
    assert result.exit_code == 2, result.output
    assert "Error" in result.stderr
