"""`bench detect` and `bench try`."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.single.models import NO_EVIDENCE
from tests.cli.conftest import Bench

FLAT = ("--detector", "flatness")


@pytest.fixture
def forged(photos: Path) -> Path:
    """A photo with a flat box, which flatness finds."""
    pixels = np.asarray(Image.open(photos / "a.png")).copy()
    pixels[10:40, 20:60] = 128
    Image.fromarray(pixels).save(photos / "forged.png")
    return photos / "forged.png"


def truth(path: Path, *, box: tuple[int, int, int, int] | None = (20, 10, 40, 30)) -> Path:
    mask = np.zeros((64, 80), np.uint8)
    if box:
        mask[box[1] : box[1] + box[3], box[0] : box[0] + box[2]] = 255
    Image.fromarray(mask).save(path)
    return path


def size(path: str) -> tuple[int, int]:
    with Image.open(path) as file:
        return file.size


def test_a_line_an_image_and_detector(bench: Bench, photos: Path, forged: Path) -> None:
    result = bench("detect", forged, photos / "a.png", *FLAT)
    assert result.exit_code == 0, result.output
    first, second = result.stdout.splitlines()
    assert re.fullmatch(
        r"forged: flatness \(none\): score 0\.\d{3}, forged at 0\.02 \(a control without weights, "
        r"no evidence\); \d+\.\d% of the map above 0\.5",
        first,
    )
    assert second.startswith("a: flatness (none): score ")
    assert sorted(path.name for path in Path("detected").iterdir()) == [
        "a.flatness.heatmap.png", "a.flatness.overlay.png",
        "forged.flatness.heatmap.png", "forged.flatness.overlay.png",
    ]  # fmt: skip
    assert size("detected/forged.flatness.overlay.png") == (80, 64)


def test_truth_adds_auc_and_f1(bench: Bench, forged: Path, tmp_path: Path) -> None:
    result = bench("detect", forged, *FLAT, "--mask", truth(tmp_path / "t.png"))
    assert result.exit_code == 0, result.output
    found = re.search(r"AUC (0\.\d+), F1 (0\.\d+)", result.stdout)
    assert found is not None
    assert float(found[1]) > 0.95
    assert bench("detect", forged, *FLAT, "--box", "20,10,40,30").stdout == result.stdout


def test_no_number_without_a_truth_to_measure(bench: Bench, forged: Path, tmp_path: Path) -> None:
    empty = bench("detect", forged, *FLAT, "--mask", truth(tmp_path / "t.png", box=None))
    assert empty.exit_code == 0
    assert "no AUC and F1: the truth is empty: nothing was manipulated" in empty.stdout
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "other.png")
    other = bench("detect", forged, *FLAT, "--mask", tmp_path / "other.png", "--json")
    assert other.exit_code == 1
    (row,) = json.loads(other.stdout)["results"]
    assert row["auc"] is None
    assert "image and mask of different shape" in row["reason"]
    outside = bench("detect", forged, *FLAT, "--box", "70,0,20,20")
    assert outside.exit_code == 1
    assert "no AUC and F1: --box 70,0,20,20: outside the image" in outside.stdout


def test_truth_is_paired_by_name(bench: Bench, photos: Path, forged: Path, tmp_path: Path) -> None:
    (tmp_path / "gt").mkdir()
    truth(tmp_path / "gt" / "forged_gt.png")
    result = bench("detect", photos, *FLAT, "--mask", tmp_path / "gt", "--csv")
    assert result.exit_code == 1, result.output
    rows = {row["image"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    assert set(rows) == {"a", "b", "c", "forged"}
    assert rows["forged"]["auc"] != ""
    assert rows["forged"]["reason"] == ""
    assert rows["a"]["auc"] == ""
    assert rows["a"]["reason"] == f"no truth of its name in {tmp_path / 'gt'}"
    assert "no truth of the same name for 3 images: a, b, c" in result.stderr


def test_an_output_of_inpaint_has_its_images_truth(
    bench: Bench, photos: Path, forged: Path, tmp_path: Path
) -> None:
    (tmp_path / "masks").mkdir()
    truth(tmp_path / "masks" / "forged_mask.png")
    assert bench("inpaint", forged, tmp_path / "masks", "--inpainter", "meanfill").exit_code == 0
    words = (*FLAT, "--mask", tmp_path / "masks")
    result = bench("detect", "inpainted", *words)
    assert result.exit_code == 0, result.output
    assert "truth of forged used for forged.meanfill\n" in result.stderr
    assert re.search(r"AUC 0\.9\d+, F1 ", result.stdout)
    one = bench("detect", photos / "b.png", *words)
    assert one.exit_code == 1
    assert f"no AUC and F1: no truth of its name in {tmp_path / 'masks'}" in one.stdout


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)], ids=str)
def test_no_verdict_of_mini_weights_stands_alone(
    bench: Bench, photos: Path, form: tuple[str, ...]
) -> None:
    words = ("detect", photos / "a.png", "--detector", "psccnet", "--weights", "psccnet=mini")
    result = bench(*words, *form, "--html")
    assert result.exit_code == 0, result.output
    for text in (result.stdout, Path("detected/index.html").read_text()):
        verdicts = re.findall(r"forged at 0\.5", text)
        beside = re.findall(rf"forged at 0\.5 \({NO_EVIDENCE}: \d+ of the \d+ authentic", text)
        assert verdicts
        assert len(beside) == len(verdicts)


def test_arrays_and_one_page_are_written_if_asked(bench: Bench, forged: Path) -> None:
    result = bench("detect", forged, *FLAT, "--npz", "--html", "--box", "20,10,40,30")
    assert result.exit_code == 0, result.output
    with np.load("detected/npz/flatness/forged.npz") as file:
        assert file["map"].shape == (64, 80)
    page = Path("detected/index.html").read_text()
    assert page.count("data:image/webp;base64,") == 3
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_a_run_reads_the_arrays(bench: Bench, photos: Path, forged: Path) -> None:
    """As docs/howto/single.md says; names with folders too."""
    (photos / "in").mkdir()
    forged.rename(photos / "in" / "forged.1.png")
    truth(photos / "in" / "forged.1_mask.png")
    result = bench("detect", photos, *FLAT, "--npz", "--json")
    scores = {row["image"]: row["score"] for row in json.loads(result.stdout)["results"]}
    words = ("run", "--forgeries", photos, "--metrics", "auc,acc", "--quiet")
    read = bench(*words, "--detector", "mine=heatmaps:detected/npz/flatness", "--out", "read")
    assert read.exit_code == 0, read.output
    (row,) = csv.DictReader(Path("read/samples.csv").read_text().splitlines())
    assert row["sample"] == "in/forged.1"
    assert float(row["acc.score"]) == pytest.approx(scores["in/forged.1"], abs=1e-4)


def test_tiles(bench: Bench, photos: Path) -> None:
    words = ("detect", photos / "a.png", *FLAT, "--json")
    (whole,) = json.loads(bench(*words).stdout)["results"]
    (tiled,) = json.loads(bench(*words, "--tile", "32", "--overlap", "16").stdout)["results"]
    assert (whole["tiles"], whole["tile"]) == (1, None)
    assert (tiled["tiles"], tiled["tile"], tiled["overlap"]) == (12, 32, 16)
    assert "12 tiles" in tiled["verdict"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*FLAT, "--tile", "9"), "--tile 9: expected at least 16 pixels"),
        ((*FLAT, "--tile", "32", "--overlap", "17"), "--overlap 17: expected 0 to 16"),
        (("--detector", "trufor", "--tile", "20"), "--tile 20: trufor takes images of at least 29"),
        (("--detector", "nope"), "no detector named 'nope'"),
        ((*FLAT, "--mask", "nope.png"), "nope.png: no such mask"),
        ((*FLAT, "--mask", "m.png", "--box", "1,1,2,2"), "a mask and --box: expected one of them"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(
    bench: Bench, photos: Path, words: tuple[str, ...], said: str
) -> None:
    result = bench("detect", photos / "a.png", *words)
    assert result.exit_code == 2
    assert f"Error: {said}" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_unreadable_images(bench: Bench, photos: Path) -> None:
    (photos / "b.png").write_bytes((photos / "b.png").read_bytes()[:60])
    result = bench("detect", photos, *FLAT)
    assert result.exit_code == 1
    assert "failed: b: " in result.stderr
    assert len(result.stdout.splitlines()) == 2
    assert bench("detect", photos / "b.png", *FLAT).exit_code == 2
    missing = bench("detect", "nope.png", *FLAT)
    assert missing.exit_code == 2
    assert "nope.png: no such image or folder" in missing.stderr


@pytest.mark.usefixtures("no_minis")
def test_detectors_without_weights_are_said(bench: Bench, photos: Path) -> None:
    result = bench("detect", photos / "a.png", "--detector", "flatness,trufor")
    assert result.exit_code == 0, result.output
    assert "Left out: trufor has no weights here." in result.stderr
    assert bench("detect", photos / "a.png").exit_code == 2


def test_a_stop_in_a_tile_leaves_what_was_finished(
    bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from detectors.baselines import Flatness

    calls: Iterator[int] = iter(range(1000))
    before = Flatness._detect

    def detect(self: Flatness, images: Any) -> Any:
        if next(calls) == 15:  # in the second image's tiles
            raise KeyboardInterrupt
        return before(self, images)

    monkeypatch.setattr(Flatness, "_detect", detect)
    words = ("detect", photos, *FLAT, "--tile", "32", "--overlap", "16")
    result = bench(*words)
    assert result.exit_code == 130
    assert sorted(path.name for path in Path("detected").iterdir()) == [
        "a.flatness.heatmap.png", "a.flatness.overlay.png",
    ]  # fmt: skip
    again = bench(*words)
    assert again.exit_code == 0
    assert len(again.stdout.splitlines()) == 3
    assert next(calls) == 16 + 2 * 12  # the first image came from the store


def test_a_program_sees_the_whole_image(bench: Bench, photos: Path, tmp_path: Path) -> None:
    script = tmp_path / "look.py"
    script.write_text(
        "import sys, pathlib\n"
        "from PIL import Image\n"
        "for path in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    Image.open(path).convert('L').save(pathlib.Path(sys.argv[2], path.name))\n"
    )
    result = bench(
        "detect",
        photos / "a.png",
        "--detector",
        f"bright=cmd:{sys.executable} {script} {{images}} {{out}}",
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("a: bright (")


def test_try_writes_one_page(bench: Bench, photos: Path) -> None:
    result = bench("try", photos / "a.png", "--inpainter", "telea,meanfill", *FLAT)
    assert result.exit_code == 0, result.output
    assert "No mask given: the hole is a box in the middle, --box 27,21,26,21." in result.stderr
    assert "2 inpainters, 1 detectors: 5 steps" in result.stderr
    lines = result.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "the image itself", "telea (none)", "meanfill (none)", "flatness",
    ]  # fmt: skip
    assert re.search(r"flatness score 0\.\d+, null AUC 0\.\d+$", lines[0])
    assert re.search(r"AUC 0\.9\d\d", lines[2])
    assert sorted(path.name for path in Path("try").iterdir()) == [
        "a.meanfill.png", "a.telea.png", "index.html",
    ]  # fmt: skip
    page = Path("try/index.html").read_text()
    assert page.count("<img ") == 3 + 2 * 2
    assert "no evidence" in page


def test_try_reduces_a_large_image_and_its_mask(bench: Bench, photos: Path, tmp_path: Path) -> None:
    words = ("try", photos / "a.png", truth(tmp_path / "t.png"), "--inpainter", "meanfill", *FLAT)
    result = bench(*words, "--max-side", "40", "--json")
    assert result.exit_code == 0, result.output
    assert "reduced from 80x64 to 40x32 pixels (--max-side)" in result.stderr
    assert size("try/a.meanfill.png") == (40, 32)
    rows = json.loads(result.stdout)["results"]
    assert [row["inpainter"] for row in rows] == ["the image itself", "meanfill"]
    box = bench(*words[:2], *words[3:], "--max-side", "40", "--box", "20,10,40,30", "--json")
    assert json.loads(box.stdout)["results"] == rows


def test_try_takes_one_image(bench: Bench, photos: Path) -> None:
    result = bench("try", photos)
    assert result.exit_code == 2
    assert "a folder; bench try takes one image" in result.stderr
