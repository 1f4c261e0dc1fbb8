"""`bench run --prompts`: a run, its check, its report and a dry run; errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from inpainters import INPAINTERS
from tests.cli.conftest import Bench

QUICK = ("--size", "32", "--buckets", "10-20", "--detector", "none", "--metrics", "psnr")
ROWS = 'image,prompt\na.png,"a cat, asleep"\nb,a dog\nc,a cow\n'


def test_a_run_is_checked_reported_and_resumed(
    bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(INPAINTERS._schemes, "diffusers", "tests.unit.runner.test_prompts:Told")
    Path("p.csv").write_text(ROWS)
    words = ("run", "--images", photos, "--inpainter", "sd=diffusers:some/id", *QUICK)
    result = bench(*words, "--prompts", "p.csv", "--out", "out", "--store", "store")
    assert result.exit_code == 0, result.output
    assert "Prompts: 3, one for each image, for sd." in result.output
    Path("p.csv").unlink()
    checked = bench("check", "out", "--recompute", "3", "--store", "store")
    assert checked.exit_code == 0, checked.output
    again = bench("run", "out/plan.toml", "--out", "out", "--store", "store")
    assert again.exit_code == 0, again.output
    assert bench("report", "out").exit_code == 0


def test_what_cannot_be_used_is_said_in_a_line(
    bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(INPAINTERS._schemes, "diffusers", "tests.unit.runner.test_prompts:Told")
    Path("p.csv").write_text(ROWS + "d.png,a fox\n")
    words = ("run", "--images", photos, *QUICK, "--prompts", "p.csv", "--out", "out")
    for more, message in (
        (("--inpainter", "telea"), "none of the inpainters takes a prompt (telea)"),
        (("--inpainter", "diffusers:id"), "1 image ('d.png') not in the data set"),
        (("--inpainter", "diffusers:id", "--dry-run"), "1 image ('d.png') not in the data set"),
    ):
        result = bench(*words, *more)
        assert result.exit_code == 2
        assert message in result.output.replace("\n", " ")
        assert not Path("out").exists()
