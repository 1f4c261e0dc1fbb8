"""`bench table` on a finished run, an interrupted one, and none."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from tests.cli.conftest import Bench
from tests.stopped import stop
from tests.unit.reports.runs import Made

ROOT = Path(__file__).resolve().parent.parent.parent
QUICK = ("--inpainter", "meanfill,telea,original", "--detector", "flatness", "--size", "64",
         "--metrics", "auc,acc,psnr,gmsd", "--buckets", "10-20,30-40")  # fmt: skip


def test_the_papers_numbers_need_no_run(bench: Bench) -> None:
    result = bench("table", "3", "--paper")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("0.6417") == 1
    assert "ours" not in result.stdout


def test_the_newest_run_in_the_papers_layout(bench: Bench, photos: Path) -> None:
    assert bench("run", *QUICK, "--images", photos).exit_code == 0
    result = bench("table", "1")
    assert result.exit_code == 0, result.output
    assert "ours on folder beside Places2" in result.stdout
    lines = result.stdout.splitlines()
    assert any(line.split()[:2] == ["telea", "ours"] for line in lines)
    assert any("GMSD ↓ (not in the paper)" in line for line in lines)


def test_a_run_that_was_stopped_shows_what_there_is(bench: Bench, photos: Path) -> None:
    bench("run", *QUICK, "--images", photos, "--out", "out", "--store", "store")
    whole = bench("table", "1", "--run", "out", "--format", "csv").stdout
    statistics = bench("table", "stats", "--run", "out", "--format", "csv").stdout
    stop(Path("out"))
    words = ("--run", "out", "--store", "store")
    assert bench("table", "1", *words, "--format", "csv").stdout == whole
    assert bench("table", "stats", *words, "--format", "csv").stdout == statistics
    assert "the run has not finished" in bench("table", "1", *words).stdout
    result = bench("table", "1", "--run", "out", "--store", "elsewhere")
    assert result.exit_code == 2
    assert "elsewhere is no store" in result.stderr


def test_statistics_are_shown_beneath_and_by_themselves(bench: Bench) -> None:
    Made(value=lambda inpainter, metric, bucket, sample: float(len(inpainter) > 5)).write(
        Path("runs/made")
    )
    text = bench("table", "3").stdout
    for said in (
        "SafePaint against its best rival, TruFor, AUC: 10-20 % +1.0000 [+1.0000, +1.0000] to ",
        "not tested (p below 0.05 cannot be reached with 6 images and 6 tests)",
        "SafePaint against authentic images on TruFor (image AUC",
        "original (false positives)",
    ):
        assert said in text
    rows = list(csv.DictReader(StringIO(bench("table", "stats", "--format", "csv").stdout)))
    assert {row["name"] for row in rows} == {
        "rank", "difference", "next_best", "fpr", "image_auc", "acc_at_5",
        "balanced_accuracy", "kendall_tau_b",
    }  # fmt: skip
    document = json.loads(bench("table", "stats", "--json").stdout)
    assert len(document["statistics"]) == len(rows)
    assert "balanced_accuracy" in bench("table", "stats", "--all").stdout
    summary = bench("table", "stats").stdout
    assert len(summary.splitlines()) < len(rows)
    assert "Best of 3 by AUC: 10-20 % " in summary
    assert "SafePaint against its best rival, TruFor, AUC: 10-20 % +1.0000" in summary
    assert "False-positive rate on authentic images: 10-20 % " in summary
    assert f"All {len(rows)} rows: bench table stats --all" in summary
    assert max(map(len, summary.splitlines())) <= 80


def test_all_are_those_that_the_run_has_something_of(bench: Bench) -> None:
    assert bench("table", "all", "--paper").stdout.count("Table ") >= 6
    Made().write(Path("runs/made"))
    text = bench("table", "all", "--format", "md").stdout
    alone = bench("table", "3", "--format", "md").stdout
    assert alone.splitlines()[2] in text
    assert len(text) > len(alone)


def test_json_is_one_document(bench: Bench) -> None:
    Made().write(Path("runs/made"))
    document = json.loads(bench("table", "3", "--json").stdout)
    (table,) = document["tables"]
    assert table["table"] == 3
    ours = [row for row in table["rows"] if row["ours"] is not None]
    assert {row["inpainter"] for row in ours} == {"SafePaint", "telea", "meanfill", "original"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("7",), "table 7: the paper has Tables 1 to 6"),
        (("7", "--paper"), "table 7: the paper has Tables 1 to 6"),
        (("three",), "table 'three': expected 1 to 6, all or stats"),
        (("stats", "--paper"), "the paper has no statistics"),
        (("3",), "no run below runs/"),
        (("3", "--run", "gone"), "gone: no such folder"),
        (("3", "--run", "void"), "void: not a run folder"),
        (("2", "--run", "quality"), "no cell of Table 2, auc, f1, acc at"),
        (("3", "--run", "made", "--format", "pdf"), "no format named 'pdf'"),
        (("stats", "--run", "made", "--format", "tex"), "expected --format text or csv"),
    ],
)
def test_mistakes_are_one_line(bench: Bench, words: tuple[str, ...], said: str) -> None:
    Path("void").mkdir()
    Made(samples=2).write(Path("made"))
    Made(samples=2, metrics=("psnr",)).write(Path("quality"))
    result = bench("table", *words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert said in line


@pytest.mark.parametrize("words", [("3",), ("stats",), ("3", "--paper")], ids=str)
def test_a_table_loads_no_torch(tmp_path: Path, words: tuple[str, ...]) -> None:
    Made(samples=2).write(tmp_path / "runs" / "made")
    code = (
        "import os, sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from typer.testing import CliRunner\n"
        "from benchmark.cli import app\n"
        f"result = CliRunner().invoke(app, {['table', *words]!r})\n"
        "assert result.exit_code == 0, result.output\n"
        "heavy = {'torch', 'pandas', 'matplotlib', 'scipy.stats', 'skimage'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("style", ["text", "md", "csv", "tex", "html"])
def test_what_would_move_a_terminal_is_printed_as_an_escape(
    bench: Bench, photos: Path, style: str
) -> None:
    bench("run", *QUICK, "--images", photos, "--out", "out", "--store", "store")
    path = Path("out/results.csv")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row.update(value="", low="", high="", n="0", reason="\x1b[31mred\x9b\u202e back")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    record = json.loads(Path("out/record.json").read_text())
    Path("out/record.json").write_text(json.dumps({**record, "files": {}}))
    result = bench("table", "1", "--run", "out", "--format", style)
    assert result.exit_code == 0, result.output
    if style != "tex":  # where they are left out
        assert r"\x1b[31mred\x9b\u202e back" in result.stdout
    assert not {"\x1b", "\x9b", "\u202e"} & set(result.output)
