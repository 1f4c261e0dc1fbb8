"""The shipped plans: the contents of the paper's tables, and `bench run PLAN`."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan
from benchmark.core.errors import UnknownName
from benchmark.core.external import optional
from benchmark.plans import PLANS, plan_file
from benchmark.results.reported import TABLES
from detectors import DETECTORS
from inpainters import INPAINTERS
from tests.cli.conftest import Bench
from tools.classics import main as classics_table

VARIANTS = {  # Table 5 calls the project's models by their parts
    "Backbone": "safepaint-backbone",
    "Backbone+DDL": "safepaint-ddl",
    "Backbone+RWSA": "safepaint-rwsa",
    "Backbone+DDL+RWSA": "safepaint",
    "EdgeConnect+RWSA": "edgeconnect+rwsa",
    "AOT-GAN+RWSA": "aotgan+rwsa",
}
# What the plans add to the paper, each with its reason.
OURS = {"original", "telea", "navierstokes", "shiftmap"}
QUICK = ("--inpainter", "meanfill,original", "--size", "64", "--limit", "2")


def printed(*tables: str) -> list[dict[str, str]]:
    with TABLES.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["table"] in tables]


def ours() -> dict[str, str]:
    """The project's names by the paper's."""
    cards = [registry.card(name) for registry in (INPAINTERS, DETECTORS) for name in registry]
    return {card.reported: card.name for card in cards if card.reported} | VARIANTS


@pytest.mark.parametrize(
    "name", [name for name in PLANS if name not in {"classics", "controls", "splice"}]
)
def test_a_plan_holds_what_its_table_prints(name: str) -> None:
    rows = printed(*("123456" if name in {"paper", "mini"} else name[-1]))
    plan, names = Plan.load(plan_file(name)), ours()
    assert plan.name == name
    expected = {"samples"} if name == "mini" else {row["dataset"] for row in rows}
    assert set(plan.datasets) == expected
    assert set(plan.buckets) == {row["mask_ratio_percent"] for row in rows}
    assert set(plan.metrics) - OURS == {row["metric"] for row in rows}
    assert set(plan.inpainters) - OURS == {names[row["inpainter"]] for row in rows}
    assert set(plan.detectors) == {names[row["detector"]] for row in rows if row["detector"]}
    assert ("original" in plan.inpainters) == ("acc" in plan.metrics)
    assert plan.size == 256


def test_a_name_or_a_path(tmp_path: Path) -> None:
    assert plan_file("table3").is_file()
    assert plan_file("mine.toml") == Path("mine.toml")
    assert plan_file("folder/mine") == Path("folder/mine")
    with pytest.raises(UnknownName, match=r"Did you mean 'table3'.*paper, splice, table1, table2"):
        plan_file("tabel3")


def test_a_plan_nobody_knows_is_one_line(bench: Bench) -> None:
    result = bench("run", "table7")
    assert result.exit_code == 2
    assert "Error: no plan named 'table7'" in result.stderr
    assert "mini, paper, splice, table1, table2, table3, table4, table5, table6" in result.stderr


def test_the_plan_classics_crosses_both_kinds(bench: Bench, photos: Path) -> None:
    plan = Plan.load(plan_file("classics"))
    assert {"telea", "navierstokes", "criminisi", "patchmatch", "shiftmap"} <= set(plan.inpainters)
    assert {"laplacian", "block-similarity"} <= set(plan.detectors)
    result = bench("run", "classics", "--images", photos, "--inpainter", "telea,criminisi,original",
                   "--out", "out", "--size", "64", "--limit", "1", "--retouch", "none")  # fmt: skip
    assert result.exit_code == 0, result.output
    lines = classics_table(Path("out")).splitlines()
    assert (
        lines[0] == "| inpainter | `laplacian` | `block-similarity` | `flatness` | `residual_kl` |"
    )
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        "`telea`", "`criminisi`", "`original`"
    ]  # fmt: skip
    with Path("out/results.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["detector"] in ("", "block-similarity")]
    found = {(row["inpainter"], row["metric"]): float(row["value"]) for row in rows if row["value"]}
    assert lines[3].endswith(f" | {found['criminisi', 'residual_kl']:.3f} |")
    assert f" {found['original', 'auc_null']:.2f} null |" in lines[4]


def test_a_missing_package_leaves_its_inpainter_out(
    bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optional, "version", lambda name: "2.1.0")
    result = bench("run", "--images", photos, "--inpainter", "telea,patchmatch", "--detector",
                   "flatness", "--out", "out", "--size", "32", "--limit", "1", "--metrics", "auc",
                   "--buckets", "30-40")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Left out: patchmatch: pypatchmatch 2.1.0 is installed, but <2.3,>=2.2" in result.output
    assert "patchmatch: not installed here." in Path("out/table.md").read_text()
    alone = bench("run", "--images", photos, "--inpainter", "patchmatch", "--size", "32")
    assert alone.exit_code == 2
    assert "Error: patchmatch: pypatchmatch 2.1.0 is installed" in alone.stderr


def test_on_any_folder_instead(bench: Bench, photos: Path) -> None:
    result = bench("run", "table3", "--images", photos, "--detector", "flatness", "--out", "out",
                   *QUICK)  # fmt: skip
    assert result.exit_code == 0, result.output
    plan = tomllib.loads(Path("out/plan.toml").read_text())
    assert (plan["name"], plan["datasets"], plan["limit"]) == ("table3", ["folder"], 2)
    assert plan["buckets"] == ["10-20", "30-40", "50-60"]
    assert "| meanfill | flatness† | AUC ↓ |" in Path("out/table.md").read_text()


def test_on_the_samples_instead(bench: Bench) -> None:
    result = bench("run", "table1", "--dataset", "samples", "--out", "out", *QUICK)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("samples: ")


def test_all_that_is_missing_is_said_in_a_line_each(bench: Bench, tmp_path: Path) -> None:
    result = bench("run", "table1", "--data-root", tmp_path / "data", "--out", "out", *QUICK)
    assert result.exit_code == 2
    lines = result.stderr[result.stderr.index("Error: ") :].removeprefix("Error: ").splitlines()
    begins = [line.split(":")[0] for line in lines[:4]]
    assert begins == ["places2", "paris-street-view", "celeba", "irregular-masks"]
    assert all(str(tmp_path / "data") in line and "http" in line for line in lines[:4])
    assert lines[4:] == ["or use any folder of images, with generated masks: --images DIR"]
    assert not Path("out").exists()


def publish(root: Path) -> None:
    """Two data sets of two images and the masks, small, in their published layout."""
    generator = np.random.default_rng(5)
    masks = root / "mask" / "testing_mask_dataset"
    masks.mkdir(parents=True)
    for number, share in enumerate((0.05, 0.15, 0.15, 0.35, 0.35, 0.55, 0.55)):
        grey = np.zeros((64, 64), np.uint8)
        grey[: round(64 * share)] = 255
        Image.fromarray(np.roll(grey, 5 * number, axis=0)).save(masks / f"{number:05}.png")
    for folder, names in {
        "val_256": ["Places365_val_00000001.jpg", "Places365_val_00000002.jpg"],
        "paris_eval/paris_eval_gt": ["Places365_val_00000001.png", "001_im.png"],
    }.items():
        (root / folder).mkdir(parents=True)
        for name in names:
            fine = generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(fine).resize((80, 64)).save(root / folder / name)


def test_several_data_sets_in_their_published_layout(bench: Bench, tmp_path: Path) -> None:
    publish(tmp_path / "data")
    words = ("run", "table1", "--data-root", tmp_path / "data", "--detector", "flatness",
             "--dataset", "places2,paris-street-view", "--metrics", "psnr,auc,acc")  # fmt: skip
    result = bench(*words, *QUICK, "--save-images", "--strict", "--out", "out")
    assert result.exit_code == 0, result.output
    table = Path("out/table.md").read_text()
    assert "| places2 | meanfill | flatness† | AUC ↓ |" in table
    assert "| paris-street-view | meanfill | - | PSNR ↑ |" in table
    assert "\nplaces2:\n" in result.stdout
    assert "\nparis-street-view:\n" in result.stdout
    with Path("out/results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    each = 18 + 3 * 3  # the null's three metrics, of three buckets, beside them
    assert [row["dataset"] for row in rows] == ["places2"] * each + ["paris-street-view"] * each
    assert {row["n"] for row in rows if row["inpainter"] == "meanfill"} == {"2"}
    with Path("out/samples.csv").open(newline="") as file:
        samples = list(csv.DictReader(file))
    assert len(samples) == 2 * 2 * 3 * 2
    assert {row["mask"].rsplit("/")[-1] for row in samples} == {f"0000{n}.png" for n in range(1, 7)}
    # one image of each set has the same name: neither takes the other's answer
    same = {
        (row["dataset"], row["psnr"])
        for row in samples
        if row["sample"] == "Places365_val_00000001" and row["inpainter"] == "meanfill"
    }
    assert len(same) == 6
    record = json.loads(Path("out/record.json").read_text())
    assert record["samples"] == 12
    assert record["unused"] == []
    assert record["folders"]["places2"].endswith("val_256")
    for name in ("places2", "paris-street-view"):
        assert Path("out/images", name, "30-40/Places365_val_00000001/meanfill.png").exists()
    again = bench("run", "out/plan.toml", "--out", "again")
    assert again.exit_code == 0, again.output
    for name in ("plan.toml", "results.csv", "samples.csv", "table.md"):
        assert Path("out", name).read_bytes() == Path("again", name).read_bytes()


def test_a_plans_places_go_with_its_data_sets(bench: Bench, photos: Path, tmp_path: Path) -> None:
    publish(tmp_path / "data")
    words = ("--detector", "none", "--metrics", "psnr", *QUICK)
    first = bench("run", "table1", "--dataset", "places2", "--data-root", tmp_path / "data",
                  "--out", "one", *words)  # fmt: skip
    assert first.exit_code == 0, first.output
    second = bench("run", "one/plan.toml", "--images", photos, "--out", "two")
    assert second.exit_code == 0, second.output
    assert "data_root" not in tomllib.loads(Path("two/plan.toml").read_text())
    third = bench("run", "two/plan.toml", "--dataset", "samples", "--out", "three")
    assert third.exit_code == 0, third.output
    assert "images" not in tomllib.loads(Path("three/plan.toml").read_text())
