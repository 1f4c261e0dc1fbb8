"""`bench run --forgeries`: what is printed, the page, and refusals in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Bench
from tests.docs.world import write_forgeries

QUICK = ("--forgeries", "set", "--detector", "flatness", "--out", "out", "--limit", "2")


@pytest.fixture
def place(bench: Bench) -> Path:
    """A set of forgeries in the current folder."""
    write_forgeries(Path("set"))
    return Path("set")


def test_a_run_its_page_and_checks(bench: Bench, place: Path) -> None:
    result = bench("run", *QUICK, "--save-images")
    assert result.exit_code == 0, result.output
    assert "Forgeries: 4 forged and 2 authentic images of 2 originals." in result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "flatness†          n (images)" in result.stdout
    assert "interval over originals, not images" in result.stdout
    assert "No interval where few originals all have the same number" in result.stdout
    assert "image AUC counts those of" in result.stdout
    assert "ACC: true-positive rate" in result.stdout
    table = Path("out/table.md").read_text()
    assert "| detector | subset | method | originals | images | AUC |" in table
    with Image.open("out/images/flat_0/image.png") as saved:
        assert saved.size == (64, 48)
    assert bench("report", "out").exit_code == 0
    page = Path("out/index.html").read_text()
    assert "Run <b>out</b>: 1 detector, 4 forged images" in page  # the plan has no name
    assert "tiles" not in page.partition("</h1>")[2].partition("</p>")[0]
    assert '"forgeries":true' in page
    assert "<option>spliced</option>" in page
    assert "4 forged images and 2 authentic images of 2 originals" in page
    assert bench("check", "out").exit_code == 0
    again = json.loads(bench("check", "out", "--recompute", "5", "--json").stdout)
    assert again["recomputed"]["same"] == again["recomputed"]["tried"] == 5
    assert "the images of a set of forgeries" in str(again["recomputed"]["left"])
    assert bench("clean", "out", "--unneeded", "--dry-run").exit_code == 0
    assert "none changed" in bench("compare", "out", "out").stdout
    for words in (("report", "--full", "out"), ("table", "stats", "--run", "out"),
                  ("table", "3", "--run", "out")):  # fmt: skip
        refused = bench(*words)
        assert refused.exit_code == 2
        assert "Error: out: a run of forgeries: " in refused.stderr
        assert len([line for line in refused.stderr.splitlines() if "Error" in line]) == 1


def test_the_page_says_that_images_were_detected_in_tiles(bench: Bench, place: Path) -> None:
    assert bench("run", *QUICK, "--tile", "32", "--overlap", "8").exit_code == 0
    assert bench("report", "out").exit_code == 0
    page = Path("out/index.html").read_text()
    assert "larger images detected in tiles of 32 pixels that overlap by 8" in page


def test_a_part_a_rerun_and_a_dry_run_say_what_they_are(bench: Bench, place: Path) -> None:
    words = (*QUICK, "--shard", "1/2", "--store", "store")
    first, again = bench("run", *words), bench("run", *words)
    assert "Shard 1/2: these numbers are of a part of the images" in first.stdout
    assert "- Shard 1/2: these numbers are of a part" in Path("out/table.md").read_text()
    assert "No interval where fewer than 2 originals count; for image AUC 2" in first.stdout
    assert "were in the store" not in first.stderr
    assert "All 12 outputs were in the store; nothing was computed." in again.stderr
    assert "were in the store" not in bench("run", *words, "--quiet").stderr
    named = bench("run", *words, "--save-images", "--detector", "mask=heatmaps:set")
    assert "two files of a sample would be named mask.png" in named.stderr
    dry = bench("run", *QUICK, "--launder", "jpeg:80", "--dry-run")
    said = "6 images x 1 detector x 2 post-processings (none among them); nothing was run."
    assert said in dry.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--inpainter", "telea"), "--inpainter does not go with --forgeries"),
        (("--images", "set"), "--images does not go with --forgeries"),
        (("--layout", "casia2"), "set: no CASIA v2"),
        (("--layout", "casia"), "no layout named 'casia'"),
        (("--metrics", "auc,psnr"), "psnr does not go with --forgeries"),
    ],
)
def test_a_refusal_is_one_line_and_leaves_nothing(
    bench: Bench, place: Path, words: tuple[str, ...], said: str
) -> None:
    result = bench("run", *QUICK, *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not Path("out").exists()


def test_a_bad_truth_is_skipped_with_its_reason_and_status_1(bench: Bench, place: Path) -> None:
    Image.new("L", (8, 8), 255).save(place / "truth/flat-0.png")
    result = bench("run", *QUICK)
    assert result.exit_code == 1
    assert "skipped: flat/0: " in result.stderr
    assert "truth of another shape: the image has 64x48 pixels" in result.stderr
    strict = bench("run", *QUICK[:-3], "other", "--strict")
    assert strict.exit_code == 2
