"""`bench run --retouch`: console output, files and errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Bench

QUICK = ("--size", "64", "--buckets", "30-40", "--detector", "flatness", "--metrics", "auc,psnr")


@pytest.mark.parametrize(
    "steps",
    ["grit:1", "grain", "grain:-1", "grain:0", "grain:nan", "grain:1e9", "median:4", "none,none"],
)
def test_bad_retouching_is_one_line_and_leaves_nothing(
    bench: Bench, photos: Path, steps: str
) -> None:
    result = bench("run", "--images", photos, "--inpainter", "telea", "--retouch", steps,
                   "--out", "out", *QUICK)  # fmt: skip
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1
    assert "none" in result.stderr or "Known" in result.stderr
    assert not Path("out").exists()


def test_a_run_its_page_and_its_tables(bench: Bench, photos: Path) -> None:
    result = bench("run", "--images", photos, "--inpainter", "original,meanfill,telea",
                   "--retouch", "none,grain:1.5,grain:match", "--out", "out", *QUICK)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "| telea+grain:1.5 | flatness† | AUC ↓ |" in Path("out/table.md").read_text()
    assert "Retouching: post-processing of the hole alone" in result.stdout
    assert bench("report", "out").exit_code == 0
    page = Path("out/index.html").read_text()
    assert '<option value="telea+grain:1.5">telea+grain:1.5</option>' in page
    assert "holes retouched by none, grain:1.5, grain:match" in page
    assert bench("check", "out").exit_code == 0
    stats = bench("table", "stats", "--all", "--run", "out")
    assert "telea+grain:match" in stats.stdout


def test_images_made_elsewhere_are_said_to_begin_with_8_bits(bench: Bench, photos: Path) -> None:
    made = Path("made")
    made.mkdir()
    for path in photos.iterdir():
        pixels = np.zeros((64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(made / f"{path.stem}.png")
    result = bench("run", "--images", photos, "--inpainter", "mine=outputs:made", "--recomposite",
                   "--retouch", "none,blur:1", "--out", "out", *QUICK)  # fmt: skip
    assert result.exit_code == 0, result.output
    said = "mine: 8-bit outputs, so retouching is applied after rounding."
    assert said in Path("out/table.md").read_text()
    record = json.loads(Path("out/record.json").read_text())
    assert record["brought"]["mine"]["card"]["eight_bits"] is True


def test_shards_merge_into_the_run(bench: Bench, photos: Path) -> None:
    words = ("run", "--images", photos, "--inpainter", "telea", "--retouch", "none,grain:2", *QUICK)
    for number in (1, 2):
        done = bench(*words, "--shard", f"{number}/2", "--out", f"shard{number}")
        assert done.exit_code == 0, done.output
    assert bench(*words, "--out", "whole", "--store", "own").exit_code == 0
    merged = bench("merge", "out", "shard1", "shard2")
    assert merged.exit_code == 0, merged.output
    for name in ("plan.toml", "results.csv", "samples.csv", "table.md"):
        assert Path("out", name).read_bytes() == Path("whole", name).read_bytes()


def test_the_plan_controls_names_what_the_issue_asks_for(bench: Bench, photos: Path) -> None:
    result = bench("run", "controls", "--images", photos, "--inpainter", "original,meanfill",
                   "--out", "out", *QUICK)  # fmt: skip
    assert result.exit_code == 0, result.output
    for name in ("original", "meanfill"):
        for step in ("", "+grain:1.5", "+grain:match", "+grain:4"):
            assert f"| {name}{step} |" in Path("out/table.md").read_text()
