"""`bench run` end to end, with models without weights."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import Bench

QUICK = ("--inpainter", "meanfill,original", "--detector", "flatness,chance", "--size", "64")
SET = (*QUICK, "--metrics", "auc,f1,acc,psnr,ssim", "--buckets", "10-20,30-40")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_writes_what_it_promises(bench: Bench, photos: Path) -> None:
    result = bench("run", *SET, "--images", photos, "--out", "out")
    assert result.exit_code == 0, result.output
    names = {path.name for path in Path("out").iterdir()}
    assert names == {"plan.toml", "record.json", "results.csv", "samples.csv", "table.md"}
    rows = rows_of(Path("out/results.csv"))
    assert list(rows[0]) == [
        "dataset", "launder", "detector", "inpainter", "retouch", "mask_ratio_percent", "metric",
        "value", "n", "expected", "low", "high", "reported", "weights", "sees_hole", "reason",
        "met",
    ]  # fmt: skip
    assert len(rows) == 2 * 2 * (2 * 3 + 2) + 2 * 2 * 3  # the null's three beside them
    found = {
        (row["inpainter"], row["detector"], row["metric"], row["mask_ratio_percent"]): row
        for row in rows
    }
    flat = found["meanfill", "flatness", "auc", "30-40"]
    assert float(flat["value"]) > 0.9
    assert (flat["n"], flat["expected"]) == ("3", "3")
    assert float(flat["low"]) <= float(flat["value"]) <= float(flat["high"])
    assert flat["weights"] == "meanfill=none flatness=none"
    assert found["original", "", "psnr", "10-20"]["value"] == ""
    assert ("original", "chance", "fpr", "10-20") in found
    samples = rows_of(Path("out/samples.csv"))
    assert len(samples) == 3 * 2 * 2 * 2
    assert {row["sample"] for row in samples} == {"a", "b", "c"}
    plan = tomllib.loads(Path("out/plan.toml").read_text())
    assert plan["buckets"] == ["10-20", "30-40"]
    record = json.loads(Path("out/record.json").read_text())
    assert record["checkpoints"]["meanfill"] == {"edition": "none", "sha256": ""}
    assert record["jobs_run"]["fill"] == 12
    assert record["failures"] == []


def test_the_second_run_computes_nothing_and_writes_the_same_bytes(
    bench: Bench, photos: Path
) -> None:
    bench("run", *SET, "--images", photos, "--out", "first")
    result = bench("run", *SET, "--images", photos, "--out", "second")
    assert result.exit_code == 0, result.output
    record = json.loads(Path("second/record.json").read_text())
    assert set(record["jobs_run"].values()) == {0}
    assert all(record["jobs_stored"].values())
    for name in ("plan.toml", "results.csv", "samples.csv", "table.md"):
        assert Path("first", name).read_bytes() == Path("second", name).read_bytes()


def test_a_plan_file_builds_the_same_run_as_its_options(bench: Bench, photos: Path) -> None:
    bench("run", *SET, "--images", photos, "--out", "first")
    result = bench("run", "first/plan.toml", "--out", "second")
    assert result.exit_code == 0, result.output
    assert Path("first/plan.toml").read_bytes() == Path("second/plan.toml").read_bytes()
    assert Path("first/results.csv").read_bytes() == Path("second/results.csv").read_bytes()


def test_json_is_one_document(bench: Bench, photos: Path) -> None:
    result = bench("run", *SET, "--images", photos, "--json")
    document = json.loads(result.stdout)
    assert document["samples"] == 6
    assert {row["metric"] for row in document["results"]} >= {"auc", "fpr", "psnr"}


def test_results_go_to_a_new_folder_by_default(bench: Bench, photos: Path) -> None:
    bench("run", *SET, "--images", photos)
    bench("run", *SET, "--images", photos)
    assert len(list(Path("runs").iterdir())) == 2


def test_another_plans_folder_is_left_alone(bench: Bench, photos: Path) -> None:
    bench("run", *SET, "--images", photos, "--out", "out")
    before = Path("out/results.csv").read_bytes()
    result = bench("run", *SET, "--images", photos, "--out", "out", "--seed", "5")
    assert result.exit_code == 2
    assert "contains the results of another plan" in result.stderr
    assert Path("out/results.csv").read_bytes() == before


def test_save_images_gives_images_readable_names(bench: Bench, photos: Path) -> None:
    result = bench("run", *SET, "--images", photos, "--out", "out", "--save-images", "--limit", "1")
    assert result.exit_code == 0, result.output
    names = {path.name for path in Path("out/images/30-40/a").iterdir()}
    assert names == {
        "original.png", "mask.png", "meanfill.png", "original.flatness.png",
        "meanfill.flatness.png", "meanfill.chance.png", "original.chance.png",
    }  # fmt: skip


def test_a_new_metric_measures_only_what_is_new(bench: Bench, photos: Path) -> None:
    bench("run", *SET, "--images", photos, "--out", "first")
    bench("run", *SET[:-4], "--metrics", "auc,iou", "--buckets", "10-20,30-40",
          "--images", photos, "--out", "second")  # fmt: skip
    record = json.loads(Path("second/record.json").read_text())
    assert record["jobs_run"] == {"fill": 0, "judge": 0, "measure": 3 * 2 * 2 * 2}


def test_lpips_without_its_backbone_is_a_gap_with_its_reason(bench: Bench, photos: Path) -> None:
    result = bench("run", *QUICK, "--metrics", "psnr,lpips", "--images", photos, "--out", "out")
    assert result.exit_code == 0, result.output
    gaps = [row for row in rows_of(Path("out/results.csv")) if row["metric"] == "lpips"]
    assert gaps
    assert all(row["value"] == "" and "alexnet" in row["reason"] for row in gaps)
    assert result.stdout.count("bench weights add alexnet") == 1


def test_samples_ship_with_the_bench(bench: Bench) -> None:
    result = bench("run", *SET, "--limit", "2", "--out", "out", "--size", "96")
    assert result.exit_code == 0, result.output
    assert {row["dataset"] for row in rows_of(Path("out/results.csv"))} == {"samples"}


def test_laundered_images_are_looked_at_besides_the_others(bench: Bench, photos: Path) -> None:
    bench("run", *SET, "--images", photos, "--out", "plain")
    result = bench("run", *SET, "--images", photos, "--out", "out",
                   "--launder", "jpeg:50,resize:0.75,noise:2.0")  # fmt: skip
    assert result.exit_code == 0, result.output
    steps = ["", "jpeg:50", "resize:0.75", "noise:2"]
    assert tomllib.loads(Path("out/plan.toml").read_text())["launder"] == steps[1:]
    assert "| post-processing | inpainter |" in Path("out/table.md").read_text()
    assert "detector   post-processing  " in result.stdout
    rows = rows_of(Path("out/results.csv"))
    assert list(dict.fromkeys(row["launder"] for row in rows)) == steps
    assert [row for row in rows if not row["launder"]] == rows_of(Path("plain/results.csv"))
    washed = [row for row in rows if row["launder"]]
    nulls = {"auc_null", "f1_null", "area_null"}
    assert {row["metric"] for row in washed} == {"auc", "f1", "acc", "fpr", *nulls}
    assert all(row["detector"] and not row["reported"] for row in washed)
    auc = {
        row["launder"]: float(row["value"])
        for row in rows
        if (row["inpainter"], row["detector"], row["metric"]) == ("meanfill", "flatness", "auc")
        and row["mask_ratio_percent"] == "30-40"
    }
    assert len(set(auc.values())) == len(steps)
    samples = rows_of(Path("out/samples.csv"))
    assert len(samples) == 3 * 2 * 2 * 2 * len(steps)
    assert all(bool(row["psnr"]) != bool(row["launder"]) for row in samples)
    assert all(row["score"] for row in samples)


def test_laundering_writes_the_same_bytes_again(bench: Bench, photos: Path) -> None:
    words = ("run", *QUICK, "--images", photos, "--metrics", "auc,acc", "--buckets", "30-40",
             "--launder", "noise:2,blur:1,jpeg:70")  # fmt: skip
    bench(*words, "--out", "first")
    bench(*words, "--out", "stored")
    bench(*words, "--out", "fresh", "--store", "fresh-store")
    for name in ("plan.toml", "results.csv", "samples.csv", "table.md"):
        assert Path("first", name).read_bytes() == Path("stored", name).read_bytes()
        assert Path("first", name).read_bytes() == Path("fresh", name).read_bytes()


@pytest.mark.usefixtures("no_minis")
def test_models_without_weights_are_named_in_a_line_each(bench: Bench, photos: Path) -> None:
    result = bench("run", "--inpainter", "meanfill,madf,lama", "--detector", "flatness,iidnet",
                   "--size", "64", "--buckets", "30-40", "--images", photos, "--hole-blind",
                   "--out", "out")  # fmt: skip
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("Left out: ")]
    assert [line.split()[2] for line in lines] == ["madf", "lama", "iidnet"]
    assert all("bench weights" in line for line in lines)
    assert tomllib.loads(Path("out/plan.toml").read_text())["hole_blind"] is True


def test_a_size_of_our_own_rule_is_said_in_a_line(bench: Bench, photos: Path) -> None:
    result = bench("run", "--inpainter", "safepaint", "--detector", "none", "--size", "64",
                   "--buckets", "30-40", "--images", photos, "--metrics", "psnr")  # fmt: skip
    assert result.exit_code == 0, result.output
    said = [line for line in result.stderr.splitlines() if "64x64" in line]
    assert len(said) == 1
    assert said[0].startswith(
        "Warning: safepaint: the authors' program does not support 64x64 images"
    )


@pytest.mark.parametrize("words", [(), ("run",), ("list",), ("show",), ("weights",), ("train",)])
def test_help_shows_an_example(bench: Bench, words: tuple[str, ...]) -> None:
    result = bench(*words, "--help")
    assert result.exit_code == 0
    assert "bench " in result.output.split("Usage:")[1].split("\n", 1)[1]
