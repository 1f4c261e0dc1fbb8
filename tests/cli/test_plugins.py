"""Plugins and external classes: listed and run like built-in ones, or a one-line error."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from benchmark.core.inspecting import inspecting
from benchmark.metrics import METRICS
from tests.cli.conftest import Bench
from tests.cli.test_bad_input import refused
from tests.plugins import DATASET, LOOKER, METRIC, PAINTER, Install, forget
from tests.plugins import install as install  # noqa: PLC0414 (a fixture)

QUICK = ("--size", "64", "--buckets", "30-40", "--metrics", "auc,psnr", "--out", "out")


def results(folder: str = "out") -> list[dict[str, str]]:
    with Path(folder, "results.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if not row["metric"].endswith("_null")]


def ran(folder: str = "out") -> dict[str, int]:
    return dict(json.loads(Path(folder, "record.json").read_text())["jobs_run"])


def line_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.split()[:1] == [name])


def test_a_plugin_is_listed_and_shown_with_its_distribution(bench: Bench, install: Install) -> None:
    install("paint", {"bench.inpainters": {"grey": "greymod:Grey"}}, greymod=PAINTER)
    assert "grey" in json.dumps(json.loads(bench("list", "--json").stdout)["inpainters"])
    assert line_of(bench("list").stdout, "grey").endswith("one grey [paint 1.2]")
    shown = bench("show", "grey").stdout
    assert "grey: one grey (inpainter)" in shown
    assert "plugin:        paint 1.2" in shown


def test_an_edited_copy_of_what_is_installed_is_said(
    bench: Bench, install: Install, photos: Path
) -> None:
    """`bench new`, `pip install .`, an edit, and the same command in the same folder."""
    site = install("paint", {"bench.inpainters": {"grey": "greymod:Grey"}}, greymod=PAINTER)
    Path("greymod.py").write_text(PAINTER)
    words = ("run", "--size", 64, "--buckets", "30-40", "--detector", "none", "--metrics", "psnr",
             "--images", photos, "--inpainter")  # fmt: skip
    same = bench(*words, "grey", "--out", "same")
    assert same.exit_code == 0, same.output
    assert "greymod" not in same.stderr
    Path("greymod.py").write_text(PAINTER.replace("0.5", "0.25"))
    for name in ("grey", "mine=greymod:Grey"):
        result = bench(*words, name, "--out", name[:4])
        assert result.exit_code == 0, result.output
        (line,) = (one for one in result.stderr.splitlines() if "greymod" in one)
        used, other = site / "greymod.py", Path("greymod.py").absolute()
        assert f"greymod: two of this name; {used} is used, and not {other};" in line


def test_plugins_run_like_ours(bench: Bench, install: Install, photos: Path) -> None:
    points = {
        "bench.inpainters": {"grey": "greymod:Grey"},
        "bench.detectors": {"bright": "brightmod:Bright"},
        "bench.metrics": {"redness": "redmod:Redness"},
        "bench.datasets": {"own": "ownmod:Own"},
    }
    install("all", points, greymod=PAINTER, brightmod=LOOKER, redmod=METRIC, ownmod=DATASET)
    words = ("run", "--inpainter", "grey,meanfill", "--detector", "bright", "--dataset", "own",
             "--images", photos, "--size", "64", "--buckets", "30-40",
             "--metrics", "auc,redness", "--out")  # fmt: skip
    result = bench(*words, "out")
    assert result.exit_code == 0, result.output
    rows = results()
    assert {(row["inpainter"], row["detector"], row["metric"]) for row in rows} == {
        (painter, detector, metric)
        for painter in ("grey", "meanfill")
        for detector, metric in (("bright", "auc"), ("", "redness"))
    }
    assert all(row["value"] and row["dataset"] == "own" for row in rows)
    record = json.loads(Path("out/record.json").read_text())
    assert record["brought"]["grey"]["distribution"] == "all 1.2"
    assert set(ran().values()) == {6 + 3, 12 + 9}  # the null beside them
    bench(*words, "again")
    assert set(ran("again").values()) == {0}
    assert bench("table", "stats", "--run", "out").exit_code == 0


def test_a_class_by_its_path_runs_under_its_name_or_a_label(bench: Bench, photos: Path) -> None:
    Path("lying_here.py").write_text(PAINTER)
    result = bench("run", "--inpainter", "lying_here:Grey,mine=lying_here:Grey",
                   "--detector", "none", "--images", photos, *QUICK)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert [row["inpainter"] for row in results()] == ["Grey", "mine"]
    assert results()[0]["value"] == results()[1]["value"] != ""
    assert ran() == {"fill": 3, "judge": 0, "measure": 3}  # one model, whatever it is called
    plan = tomllib.loads(Path("out/plan.toml").read_text())
    assert plan["inpainters"] == ["lying_here:Grey", "mine=lying_here:Grey"]
    assert "one grey (inpainter)" in bench("show", "lying_here:Grey").stdout


def test_a_run_is_read_without_the_module_that_made_it(bench: Bench, photos: Path) -> None:
    Path("gone_soon.py").write_text(PAINTER)
    bench("run", "--inpainter", "mine=gone_soon:Grey,original", "--detector", "flatness",
          "--images", photos, *QUICK)  # fmt: skip
    Path("gone_soon.py").unlink()
    sys.modules.pop("gone_soon", None)
    forget()
    assert "mine" in bench("table", "stats", "--run", "out", "--all").stdout
    result = bench("report", "out")
    assert result.exit_code == 0, result.output
    assert "mine" in Path("out/index.html").read_text()


def test_a_run_is_read_without_its_plugins(bench: Bench, install: Install, photos: Path) -> None:
    points = {
        "bench.inpainters": {"grey": "greymod:Grey"},
        "bench.detectors": {"bright": "brightmod:Bright"},
        "bench.metrics": {"redness": "redmod:Redness", "own_mean": "meanmod:Mean"},
        "bench.datasets": {"own": "ownmod:Own"},
    }
    mean = METRIC.replace("Redness", "Mean").replace('"redness"', '"own_mean"') + OWN_CELL
    site = install("all", points, greymod=PAINTER, brightmod=LOOKER, redmod=METRIC,
                   ownmod=DATASET, meanmod=mean)  # fmt: skip
    result = bench("run", "--inpainter", "grey,meanfill", "--detector", "bright", "--dataset",
                   "own", "--images", photos, "--size", "64", "--buckets", "30-40",
                   "--metrics", "auc,redness,own_mean", "--out", "out")  # fmt: skip
    assert result.exit_code == 0, result.output
    shutil.rmtree(site)
    shutil.rmtree(photos)
    for name in ("greymod", "brightmod", "redmod", "ownmod", "meanmod"):
        sys.modules.pop(name, None)
    forget()
    for words in (("table", "all", "--run", "out"), ("table", "stats", "--run", "out", "--all"),
                  ("report", "--compare", "out", "out"), ("report", "out"), ("check", "out"),
                  ("clean", "out", "--unneeded", "--dry-run")):  # fmt: skip
        result = bench(*words)
        assert result.exit_code == 0, result.output
    page = Path("out/index.html").read_text()
    assert "Redness ↓" in page
    with inspecting():
        assert "values per image are computed by its own code" in METRICS.load("own_mean").note
    record = json.loads(Path("out/record.json").read_text())
    assert set(record["described"]) == {"redness", "own_mean"}
    assert record["described"]["redness"]["plain"]
    assert not record["described"]["own_mean"]["plain"]
    del record["described"]  # as an older version's
    Path("out/record.json").write_text(json.dumps(record))
    forget()
    assert bench("report", "out").exit_code == 0
    page = Path("out/index.html").read_text()
    assert "redness" in page
    assert "Redness ↓" not in page
    with inspecting():
        assert "which direction is better" in METRICS.load("redness").note


OWN_CELL = """
    def reduce(self, rows):
        return 7.0
"""


@pytest.mark.parametrize("how", ["grey", "sourcemod:Grey"])
def test_other_source_never_answers_with_old_numbers(
    bench: Bench, install: Install, photos: Path, how: str
) -> None:
    points = {"bench.inpainters": {"grey": "sourcemod:Grey"}}
    site = install("paint", points, sourcemod=PAINTER)
    words = ("run", "--inpainter", f"{how}", "--detector", "none", "--images", photos, *QUICK[:-1])
    bench(*words, "first")
    bench(*words, "same")
    (site / "sourcemod.py").write_text(PAINTER.replace("0.5", "0.25"))
    sys.modules.pop("sourcemod")
    bench(*words, "second")
    assert [ran(name)["fill"] for name in ("first", "same", "second")] == [3, 0, 3]
    assert results("first")[0]["value"] != results("second")[0]["value"]


def test_another_version_computes_anew(bench: Bench, install: Install, photos: Path) -> None:
    points = {"bench.inpainters": {"grey": "versionmod:Grey"}}
    site = install("paint", points, versionmod=PAINTER)
    words = ("run", "--inpainter", "grey", "--detector", "none", "--images", photos, *QUICK[:-1])
    bench(*words, "first")
    for file in (site / "paint-1.2.dist-info").iterdir():
        file.unlink()
    (site / "paint-1.2.dist-info").rmdir()
    install("paint", points, version="1.3", versionmod=PAINTER)
    bench(*words, "second")
    assert ran("second")["fill"] == 3


def test_a_card_that_is_not_literal_is_read_by_importing(bench: Bench, install: Install) -> None:
    source = PAINTER.replace('title="one grey"', 'title="one " + "grey"')
    install("paint", {"bench.inpainters": {"grey": "notliteral:Grey"}}, notliteral=source)
    assert line_of(bench("list").stdout, "grey").endswith("one grey [paint 1.2]")


BROKEN = "import torch\n\nfrom nowhere_at_all import thing\n"
MADE = PAINTER + "\n    def __init__(self, **options):\n        raise {}\n"
TYPO = "class Grey(:\n    pass\n"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nomodule:Grey", "there is no module 'nomodule'"),
        ("goodmod:Gray", "has no class 'Gray'"),
        ("goodmod:torch", "has no class 'torch'"),
        ("othermod:Bright", "is no Inpainter"),
        ("brokenmod:Grey", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("brokenmod:Grey", "brokenmod.py:3)"),
        ("typomod:Grey", "typomod.py:1)"),
        ("halfmod:Half", "_fill is not implemented"),
        ("raisemod:Grey", "raisemod:Grey: cannot be constructed: ValueError: no network here ("),
        ("exitmod:Grey", "exitmod:Grey: cannot be constructed: SystemExit: 3 ("),
    ],
)
@pytest.mark.parametrize("entry_point", [True, False])
def test_what_cannot_be_used_is_one_line(
    bench: Bench, install: Install, *, target: str, said: str, entry_point: bool
) -> None:
    half = PAINTER.replace("class Grey", "class Half").split("    def ")[0]
    points = {"bench.inpainters": {"it": target}} if entry_point else {}
    install("paint", points, goodmod=PAINTER, othermod=LOOKER, brokenmod=BROKEN,
            typomod=TYPO, halfmod=half, raisemod=MADE.format("ValueError('no network here')"),
            exitmod=MADE.format("SystemExit(3)"))  # fmt: skip
    word = "it" if entry_point else target
    refused(bench("run", "--inpainter", word, "--detector", "none", *QUICK), said)
    assert not Path("out").exists()
    assert bench("list").exit_code == 0


def test_a_name_of_ours_is_not_taken_over(bench: Bench, install: Install) -> None:
    install("paint", {"bench.inpainters": {"telea": "greymod:Grey"}}, greymod=PAINTER)
    result = bench("run", "--inpainter", "telea", "--detector", "none", *QUICK)
    refused(result, "two inpainters are named 'telea'", "this project and paint 1.2")
    assert "cannot be used: two inpainters" in line_of(bench("list").stdout, "telea")


def test_two_plugins_of_one_name(bench: Bench, install: Install) -> None:
    install("one", {"bench.detectors": {"bright": "brightmod:Bright"}}, brightmod=LOOKER)
    install("two", {"bench.detectors": {"bright": "brightmod:Bright"}})
    result = bench("run", "--inpainter", "telea", "--detector", "bright", *QUICK)
    refused(result, "one 1.2 and two 1.2")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--inpainter", "telea=labelmod:Grey"), "'telea' is the name of another inpainter"),
        (("--inpainter", "a b=labelmod:Grey"), "cannot be a label"),
        (("--inpainter", "../x=labelmod:Grey"), "cannot be a label"),
        (("--inpainter", "x=labelmod:Grey,x=labelmod:Grey"), "'x' is named twice"),
        (("--inpainter", "labelmod:Grey,labelmod:Grey"), "put a label before one"),
        (
            ("--inpainter", "x=labelmod:Grey", "--detector", "x=lookmod:Bright"),
            "model 'x' is named twice",
        ),
        (("--inpainter", "nonsense:a b"), "no inpainter named"),
        (("--metrics", "redmod:Redness"), "no metric named"),
    ],
)
def test_labels_that_are_none(
    bench: Bench, install: Install, words: tuple[str, ...], said: str
) -> None:
    install("paint", labelmod=PAINTER, lookmod=LOOKER, redmod=METRIC)
    refused(bench("run", *QUICK, *words), said)


def test_a_listing_with_plugins_loads_no_torch(install: Install) -> None:
    site = install("paint", {"bench.inpainters": {"grey": "greymod:Grey"},
                             "bench.metrics": {"redness": "redmod:Redness"}},
                   greymod=PAINTER, redmod=METRIC)  # fmt: skip
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from benchmark.listing import listing_text\n"
        "text = listing_text()\n"
        "assert 'one grey [paint 1.2]' in text and 'redness [paint 1.2]' in text, text\n"
        "assert 'torch' not in sys.modules and 'greymod' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
