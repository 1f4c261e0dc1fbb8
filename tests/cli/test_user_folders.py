"""Users' folders: which image gets which mask, and what is left out, is printed."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Bench
from tests.cli.test_bad_input import refused

QUICK = ("--inpainter", "meanfill", "--detector", "none", "--metrics", "psnr", "--size", "native")


def write_mask(path: Path, percent: int, size: tuple[int, int] = (64, 80)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    hole = np.zeros(size, np.uint8)
    hole[: round(size[0] * percent / 100)] = 255
    Image.fromarray(hole).save(path)


def samples(folder: str) -> dict[str, dict[str, str]]:
    with Path(folder, "samples.csv").open(newline="", encoding="utf-8") as file:
        return {row["sample"]: row for row in csv.DictReader(file)}


def record(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(folder, "record.json").read_text())
    return found


def ran(result: Any) -> str:
    assert result.exit_code == 0, result.output
    return str(result.stderr)


def test_pairing_is_on_the_console_in_the_record_and_on_the_page(
    bench: Bench, photos: Path
) -> None:
    for row, name in enumerate("ab"):
        write_mask(Path(f"masks/{name}_mask.png"), 28 + 16 * row)
    Path(".ipynb_checkpoints").mkdir()
    (photos / ".ipynb_checkpoints").mkdir()
    (photos / "d.heic").touch()
    said = ran(bench("run", "--images", photos, "--masks", "masks", *QUICK, "--out", "out"))
    line = "by name from masks, 2 of 3 images have one; left out without one: c"
    assert f"Masks: {line}." in said
    left = [".heic (1): d.heic", "hidden folders (1): .ipynb_checkpoints"]
    assert f"Left out of {photos}: {'; '.join(left)}." in said
    assert record("out")["pairing"] == {"folder": {"rule": "name", "said": line, "without": ["c"]}}
    assert record("out")["left_out"] == {str(photos): left}
    assert list(samples("out")) == ["a", "b"]
    assert 'buckets = [\n    "28-44",' in Path("out/plan.toml").read_text()
    ran(bench("report", "out"))
    page = Path("out/index.html").read_text()
    assert line in page
    assert "hidden folders (1): .ipynb_checkpoints" in page


def test_the_papers_buckets_stand_where_they_are_asked(bench: Bench, photos: Path) -> None:
    for row, name in enumerate("abc"):
        write_mask(Path(f"masks/{name}.png"), 28 + 8 * row)
    words = ("run", "--images", photos, "--masks", "masks", *QUICK, "--out", "out", "--buckets")
    refused(bench(*words, "10-20"), "no mask reaches the bucket 10-20", "--buckets, such as 28-44")
    ran(bench(*words, "20-30,30-40"))
    assert record("out")["plan"]["buckets"] == ["20-30", "30-40"]


def test_names_that_fit_no_image_are_dealt_out_and_some_that_fit_are_not(
    bench: Bench, photos: Path
) -> None:
    write_mask(Path("masks/x.png"), 15)
    words = ("run", "--images", photos, "--masks", "masks", *QUICK, "--buckets", "10-20", "--out")
    assert "Masks: randomly assigned by bucket from the 1 in masks" in ran(bench(*words, "dealt"))
    write_mask(Path("masks/a.png"), 15)
    refused(bench(*words, "few"), "1 of 3 images have a mask of their name", "--pairing drawn")
    ran(bench(*words, "drawn", "--pairing", "drawn"))
    refused(bench(*words, "name", "--pairing", "name"), "2 of 3 images have no mask of their name")
    assert not Path("few").exists()


def test_one_image_and_one_mask_are_folders_of_one(bench: Bench, photos: Path) -> None:
    write_mask(Path("hole.png"), 15)
    ran(bench("run", "--images", photos / "b.png", "--masks", "hole.png", *QUICK, "--out", "one"))
    said = ran(bench("run", "--images", photos, "--masks", "hole.png", *QUICK, "--out", "all"))
    assert "Masks: hole.png for all 3 images." in said
    assert samples("one")["b"]["psnr"] == samples("all")["b"]["psnr"]


def test_masks_and_results_among_the_images_are_no_images(bench: Bench, photos: Path) -> None:
    for name in "abc":
        write_mask(photos / f"masks/{name}.png", 15)
    words = ("run", "--images", photos, "--masks", photos / "masks", *QUICK, "--save-images")
    ran(bench(*words, "--out", photos / "first", "--store", photos / "store"))
    said = ran(bench(*words, "--out", photos / "second", "--store", photos / "store"))
    assert "folders of results (2): first, store; given elsewhere (1): masks" in said
    assert list(samples(str(photos / "second"))) == ["a", "b", "c"]


def test_finished_images_among_the_images_are_no_images(bench: Bench, photos: Path) -> None:
    (photos / "mine").mkdir()
    for name in "abc":
        Image.open(photos / f"{name}.png").save(photos / f"mine/{name}.png")
    words = ("run", "--images", photos, *QUICK, "--buckets", "10-20", "--out", "out")
    ran(bench(*words, "--inpainter", f"mine=outputs:{photos / 'mine'}"))
    assert list(samples("out")) == ["a", "b", "c"]


def test_masks_beside_their_images(bench: Bench, photos: Path) -> None:
    words = ("run", "--images", photos, "--masks", photos, *QUICK, "--out", "out")
    refused(bench(*words), "--images and --masks are the same folder")
    for row, name in enumerate("abc"):
        write_mask(photos / f"{name}_mask.png", 11 + row)
    said = ran(bench(*words))
    assert "3 of 3 images have one." in said
    assert [row["mask"] for row in samples("out").values()] == [
        f"{name}_mask.png" for name in "abc"
    ]


def test_a_dry_run_says_which_image_gets_which_mask_and_computes_nothing(
    bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_HOME", str(Path.cwd() / "home"))
    write_mask(Path("masks/a-mask.png"), 15)
    write_mask(Path("masks/b-mask.png"), 16)
    words = ("run", "--images", photos, "--masks", "masks", *QUICK, "--dry-run")
    result = bench(*words)
    assert result.stdout == "a: a-mask.png (15-16 %)\nb: b-mask.png (15-16 %)\n"
    assert "left out without one: c." in result.stderr
    assert "2 samples x 1 inpainter; nothing was run." in result.stderr
    told = json.loads(bench(*words, "--json").stdout)
    assert told["samples"][1] == {
        "dataset": "folder", "image": "b", "bucket": "15-16", "mask": "b-mask.png"
    }  # fmt: skip
    assert told["pairing"]["folder"]["without"] == ["c"]
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["masks"]


def test_a_plans_paths_begin_at_its_file(bench: Bench, photos: Path) -> None:
    project = photos.parent / "project"
    project.mkdir()
    photos.rename(project / "photos")
    for name in "abc":
        write_mask(project / f"masks/{name}.png", 15)
        (project / "made").mkdir(exist_ok=True)
        Image.open(project / f"photos/{name}.png").save(project / f"made/{name}.png")
    elsewhere = Path.cwd()
    os.chdir(project)
    words = ("--images", "photos", "--masks", "masks", *QUICK, "--inpainter", "outputs:made")
    ran(bench("run", *words, "--out", "results/first"))
    text = Path("results/first/plan.toml").read_text()
    assert 'images = "../../photos"' in text
    assert '"outputs:../../made"' in text
    os.chdir(elsewhere)
    ran(bench("run", project / "results/first/plan.toml", "--out", "again"))
    first, again = (Path(one, "results.csv").read_bytes() for one in
                    (project / "results/first", "again"))  # fmt: skip
    assert first == again
    os.chdir(project)
    ran(bench("run", *words, "--out", "results/first"))  # goes on with what it began
    assert Path("results/first/plan.toml").read_text() == text
    assert bench("run", *words, "--seed", "1", "--out", "results/first").exit_code == 2


def test_a_plan_of_an_earlier_version_goes_by_the_current_folder(
    bench: Bench, photos: Path
) -> None:
    photos.rename("photos")
    words = ("--images", "photos", *QUICK, "--buckets", "10-20", "--out", "out")
    ran(bench("run", *words))
    plan = Path("out/plan.toml")
    plan.write_text(plan.read_text().replace("../photos", "photos"))
    ran(bench("run", *words))
    ran(bench("run", "out/plan.toml", "--out", "again"))
    assert Path("again/results.csv").read_bytes() == Path("out/results.csv").read_bytes()


def test_the_home_folder_is_known_everywhere(
    bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(photos.parent))
    words = ("run", "--images=~/photos", *QUICK, "--buckets", "10-20", "--store=~/answers")
    ran(bench(*words, "--out=~/out"))
    assert (photos.parent / "out/results.csv").is_file()
    assert (photos.parent / "answers").is_dir()
    assert not list(Path.cwd().glob("~*"))


def test_a_run_is_marked_as_begun_only_if_something_is_computed(
    bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Path] = []
    monkeypatch.setattr("benchmark.api.write_begun", lambda folder, *_: begun.append(folder))
    ran(bench("run", "--images", photos, *QUICK, "--out", "out"))
    assert [folder.name for folder in begun] == ["out"]
    assert (
        "nothing was computed" in bench("run", "--images", photos, *QUICK, "--out", "again").output
    )
    assert len(begun) == 1
