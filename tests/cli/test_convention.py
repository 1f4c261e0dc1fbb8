"""`bench run --convention`: other metrics of the same heatmaps, and a note that names them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.cli.conftest import Bench

QUICK = ("--inpainter", "meanfill", "--detector", "flatness", "--size", "64", "--metrics", "auc,f1",
         "--buckets", "30-40")  # fmt: skip


def test_a_second_run_scores_the_kept_heatmaps(bench: Bench, photos: Path) -> None:
    words = ("run", *QUICK, "--images", photos, "--store", "store")
    assert bench(*words, "--out", "paper").exit_code == 0
    again = bench(*words, "--out", "theirs", "--convention", "photoholmes")
    assert again.exit_code == 0, again.output
    record = json.loads(Path("theirs/record.json").read_text())
    assert record["jobs_run"] == {"fill": 0, "judge": 0, "measure": 6}
    assert "a curve that lacks" in Path("theirs/table.md").read_text()
    with Path("theirs/results.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["inpainter"] == "meanfill"]
    assert [row["metric"] for row in rows] == ["auc_photoholmes", "f1_photoholmes"]
    assert all(row["value"] and not row["reported"] for row in rows)


def test_an_option_replaces_the_convention_of_a_written_plan(bench: Bench, photos: Path) -> None:
    words = ("--images", photos, "--store", "store")
    assert bench("run", *QUICK, *words, "--out", "first", "--convention", "trufor").exit_code == 0
    again = bench("run", "first/plan.toml", "--convention", "imdlbenco", "--store", "store",
                  "--out", "second")  # fmt: skip
    assert again.exit_code == 0, again.output
    with Path("second/results.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["inpainter"] == "meanfill"]
    assert {row["metric"] for row in rows} == {"auc_imdlbenco", "f1_imdlbenco"}


def test_an_unknown_convention_is_one_line(bench: Bench) -> None:
    result = bench("run", "--convention", "trufro")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: options: convention: ")
    assert "'trufor'" in result.stderr
    assert result.stderr.count("\n") == 1
