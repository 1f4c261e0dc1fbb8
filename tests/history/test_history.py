"""Runs, stores, plans and recipes of commit 1351f48 load, report and resume; keys stay."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import Weights, find_weights
from benchmark.runner.plan import Plan, make_plan
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import ResolvedPlan, resolve_plan
from benchmark.runner.waves import count_missing
from benchmark.store.store import Store
from benchmark.training.recipe import read_recipe
from detectors import DETECTORS
from inpainters import INPAINTERS
from inpainters.retired import RETIRED
from tests.cli.conftest import Bench

HERE = Path(__file__).parent / "1351f48"
KEYS: dict[str, Any] = json.loads((HERE / "keys.json").read_text())


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the commit wrote, as the current folder."""
    folder = tmp_path / "old"
    shutil.copytree(HERE, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def old_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mini weights count as those of the commit: new ones rightly answer anew."""

    def find(card: Card, wanted: str | None = None) -> Weights:
        found = find_weights(card, wanted)
        known = KEYS["weights"].get(card.name)
        return replace(found, sha256=known) if found.edition == "mini" and known else found

    monkeypatch.setattr("benchmark.runner.resolve_models.find_weights", find)
    monkeypatch.setattr("benchmark.runner.worker.refuse_changed", lambda card, weights: None)


def keys_of(resolved: ResolvedPlan) -> dict[str, Any]:
    """The keys of a plan's first sample, by the words of keys.json."""
    jobs = PlanJobs(resolved)
    found: dict[str, Any] = {
        "sample": resolved.samples[0].key,
        "fill": {},
        "judge": {},
        "measure": {},
    }
    for inpainter in resolved.inpainters:
        found["fill"][inpainter.name] = jobs.inpaint_keys(inpainter)[0]
        for detector in resolved.detectors:
            for launder in resolved.launders:
                name = f"{inpainter.name} {detector.name} {launder}".strip()
                found["judge"][name] = jobs.detect_keys(detector, inpainter, "", launder)[0]
        for column in jobs.measure_jobs(inpainter):
            job = column.job(0)
            judge = (
                f"{job.detect_job.detector.name} {job.detect_job.launder}" if job.detect_job else ""
            )
            metric = {"fpr": "acc"}.get(job.metric, job.metric)  # of untouched images
            found["measure"][f"{inpainter.name} {metric} {judge}".strip()] = job.key
    return found


METRICS_THEN = ["auc", "f1", "acc", "psnr", "lpips", "gmsd"]  # a plan's, where it named none


@pytest.mark.parametrize("name", KEYS["plans"])
def test_a_default_adds_nothing_to_a_key(name: str, old: Path, old_weights: None) -> None:
    then = KEYS["plans"][name]
    plan = {"metrics": METRICS_THEN, **then["plan"]}
    for registry, key in ((INPAINTERS, "inpainters"), (DETECTORS, "detectors")):
        assert set(plan[key]) <= {*registry.built_in, *RETIRED}
    now = keys_of(resolve_plan(make_plan(plan)))
    assert now["sample"] == then["sample"]
    for stage in ("fill", "judge", "measure"):
        assert {key: now[stage].get(key) for key in then[stage]} == then[stage], stage


def test_a_store_recomputes_none_of_the_built_in_models(old: Path, old_weights: None) -> None:
    resolved = replace(
        resolve_plan(Plan.load(Path("plan.toml"))), null_inpainter=None
    )  # the null came later
    jobs = PlanJobs(resolved)
    with Store("store") as store:
        missing = count_missing(jobs, store)
        known = {
            key
            for inpainter in resolved.inpainters
            for keys in (
                jobs.inpaint_keys(inpainter),
                *(jobs.detect_keys(detector, inpainter) for detector in resolved.detectors),
            )
            for key in keys
        }
        assert store.known(sorted(known)) == known
    assert missing == 0


def test_a_finished_run_loads_and_reports(bench: Bench, old: Path) -> None:
    checked = bench("check", "run", "--store", "store")
    assert checked.exit_code == 0, checked.output
    shutil.rmtree("store")  # a finished run's numbers come from its files alone
    table = bench("table", "3", "--run", "run")
    assert table.exit_code == 0, table.output
    assert "SafePaint" in table.stdout
    assert "Unknown, so not marked: training of trufor on images of any inpainter" in table.stdout
    assert "¶" not in table.stdout
    assert bench("table", "stats", "--run", "run").exit_code == 0
    report = bench("report", "run")
    assert report.exit_code == 0, report.output
    assert Path("run/index.html").is_file()
    same = bench("report", "--compare", "run", "run")
    assert same.exit_code == 0, same.output


def test_a_finished_plan_runs_again_to_the_same_numbers(
    bench: Bench, old: Path, old_weights: None
) -> None:
    then = numbers(Path("run/results.csv"))
    named = {"false_alarm": "fpr"}  # what the metric was called then
    before = {(*key[:-1], named.get(key[-1], key[-1])): value for key, value in then.items()}
    # The plan of the run's own folder names its metrics; plan.toml took the default, GMSD in it.
    result = bench("run", "run/plan.toml", "--store", "store", "--out", "again")
    assert result.exit_code == 0, result.output
    record = json.loads(Path("again/record.json").read_text())
    assert record["jobs_run"]["fill"] == record["jobs_run"]["judge"] == 0
    after = numbers(Path("again/results.csv"))
    assert {key: after.get(key) for key in before} == before


def test_the_same_command_goes_on_in_a_folder_begun_with_earlier_defaults(
    bench: Bench, old: Path
) -> None:
    before = Path("run/plan.toml").read_text()
    result = bench("run", "plan.toml", "--store", "store", "--out", "run")  # names no metrics
    assert result.exit_code == 0, result.output
    assert Path("run/plan.toml").read_text() == before
    other = bench("run", "plan.toml", "--store", "store", "--out", "run", "--seed", "1")
    assert other.exit_code == 2
    assert "another plan" in other.stderr


def test_an_unfinished_run_resumes(bench: Bench, old: Path) -> None:
    words = ("unfinished/run/plan.toml", "--store", "unfinished/store", "--out", "unfinished/run")
    half = bench("table", "all", "--run", "unfinished/run", "--store", "unfinished/store")
    assert half.exit_code == 2  # its plan names images, and its files do not say their keys
    assert "its plan names its own images" in half.stderr
    result = bench("run", *words)
    assert result.exit_code == 0, result.output
    record = json.loads(Path("unfinished/run/record.json").read_text())
    assert record["jobs_stored"]["fill"] == 4  # two images, inpainted by two inpainters
    assert record["jobs_stored"]["judge"] >= 2


def test_a_recipe_loads(old: Path) -> None:
    recipe = read_recipe("lama", Path("own.toml"))
    assert (recipe.model, recipe.seed, recipe.steps) == ("lama", 10, 2060)


def numbers(path: Path) -> dict[tuple[str, ...], str]:
    """Every number of a results.csv by what it is of, without its interval."""
    with path.open(newline="") as file:
        return {
            tuple(row[name] for name in ("detector", "launder", "inpainter",
                                         "mask_ratio_percent", "metric")): row["value"]
            for row in csv.DictReader(file)
        }  # fmt: skip
