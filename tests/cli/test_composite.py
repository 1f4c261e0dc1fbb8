"""`bench run --composite` and `--tile`: options, files, page and errors."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.cli.conftest import Bench

QUICK = ("--size", "64", "--buckets", "30-40", "--detector", "flatness", "--metrics", "auc,psnr")


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_none_alone_is_no_default(bench: Bench, photos: Path) -> None:
    result = bench("run", "--images", photos, "--inpainter", "shiftmap,original", "--composite",
                   "none", "--save-images", "--out", "out", "--store", "store", *QUICK)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert 'composite = [\n    "none",\n]' in Path("out/plan.toml").read_text()
    found = {(row["inpainter"], row["composite"], row["metric"]) for row in rows("out/results.csv")}
    assert ("shiftmap", "none", "known_mae") in found
    assert ("shiftmap", "", "auc") not in found
    assert ("original", "", "auc") in found
    assert {row["composite"] for row in rows("out/samples.csv")} == {"none", ""}
    assert list(Path("out/images").rglob("shiftmap+composite-none.png"))
    assert bench("check", "out", "--recompute", "4", "--store", "store").exit_code == 0


def test_a_run_its_page_and_its_comparison(bench: Bench, photos: Path) -> None:
    words = ("run", "--images", photos, "--inpainter", "shiftmap,telea", "--composite",
             "splice,none,feather:4", "--retouch", "none,grain:2", *QUICK)  # fmt: skip
    result = bench(*words, "--out", "out")
    assert result.exit_code == 0, result.output
    assert "| shiftmap+composite:none+grain:2 | flatness† | AUC ↓ |" in (
        Path("out/table.md").read_text()
    )
    assert "composite:none: the image as the inpainter returned it" in result.stdout
    assert bench(*words, "--out", "again").exit_code == 0
    assert bench("report", "out").exit_code == 0
    assert bench("report", "--compare", "out", "again").exit_code == 0
    assert "composites splice, none, feather:4" in Path("out/index.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--composite", "splat"), "no composite named 'splat'. Known: splice, none, feather:PX."),
        (("--composite", "feather:1"), "a whole number of pixels from 2 to 256"),
        (("--tile", "48"), "--tile 48 goes with --size native"),
        (("--overlap", "8"), "--overlap goes with --tile"),
    ],
)
def test_bad_values_are_one_line_and_leave_nothing(
    bench: Bench, photos: Path, words: tuple[str, ...], said: str
) -> None:
    result = bench("run", "--images", photos, "--inpainter", "telea", "--out", "out", *QUICK,
                   *words)  # fmt: skip
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("out").exists()


def test_tiles_are_said(bench: Bench, photos: Path) -> None:
    result = bench("run", "--images", photos, "--inpainter", "telea", *QUICK[2:], "--size",
                   "native", "--tile", "48", "--out", "out")  # fmt: skip
    assert result.exit_code == 0, result.output
    said = result.stderr[result.stderr.index("Tiles:") :].splitlines()
    end = next(count for count, line in enumerate(said[1:], 1) if not line.startswith("  "))
    assert max(map(len, said[:end])) <= 80
    text = " ".join(line.strip() for line in said[:end])
    assert "in tiles of 48 that overlap by 6. The score of such an image" in text
    assert text.endswith("is that of the blended heatmap.")
    assert "tile = 48" in Path("out/plan.toml").read_text()
