"""File names of images: no path traversal, no broken rows, no script in the page."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from benchmark.core.filenames import printable
from benchmark.results.samples import read_samples
from tests.cli.conftest import Bench

HARMFUL = (
    "<script>alert(1)</script>", "dots. ..", "a\\..\\..\\up", 'a"b\'c', "new\nline", "\x1b[31mred",
    "x" * 240, "Case", "case", "a b", "a_b", "=1+1", "%2e%2e%2fup", "{{ 7 * 7 }}", "日本語",
    "a;b,c", "sub/inner", "sub_inner", "-rf", "con", "'=2",
)  # fmt: skip
SET = (
    "run", "--inpainter", "meanfill", "--detector", "flatness", "--size", "32", "--metrics",
    "auc,psnr", "--buckets", "30-40", "--store", "store", "--out", "out",
)  # fmt: skip


@pytest.fixture
def harmful(photos: Path) -> Path:
    """Images of all these names, and one whose name is no text."""
    for name in (*HARMFUL, os.fsdecode(b"\xff\xfe")):
        path = photos / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(photos / "a.png", path)
    return photos


def test_a_run_over_harmful_names(bench: Bench, harmful: Path) -> None:
    result = bench(*SET, "--images", harmful, "--save-images")
    assert result.exit_code == 0, result.output
    expected = {printable(name) for name in HARMFUL} | {r"\xff\xfe", "a", "b", "c"}
    with Path("out/samples.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    guarded = {"=1+1": "'=1+1", "-rf": "'-rf", "'=2": "''=2"}  # no spreadsheet computes them
    assert {row["sample"] for row in rows} == {guarded.get(name, name) for name in expected}
    assert {row.sample for row in read_samples(Path("out/samples.csv"))} == expected
    rows_each = 2  # the inpainted image's and its null's
    lines = Path("out/samples.csv").read_text().splitlines()
    assert len(lines) == rows_each * len(expected) + 1
    assert {path.name for path in Path().iterdir()} == {"out", "store"}
    folders = list(Path("out/images").iterdir())
    assert [folder.name for folder in folders] == ["30-40"]
    saved = list(folders[0].iterdir())
    assert len(saved) == len({folder.name.casefold() for folder in saved}) == len(expected)
    assert all((folder / "meanfill.flatness.png").is_file() for folder in saved)


def test_the_page_of_harmful_names(bench: Bench, harmful: Path) -> None:
    bench(*SET, "--images", harmful)
    result = bench("report", "out", "--store", "store", "--full")
    assert result.exit_code == 0, result.output
    page = Path("out/index.html").read_text(encoding="utf-8")
    assert page.count("<script") == 2
    assert "alert(1)</" not in page
    data = json.loads(re.findall(r'id="gallery-data">(.*?)</script>', page)[0])
    assert len(data["samples"]) == len(HARMFUL) + 4
    for sample in data["samples"]:
        folder = Path("out", *map(unquote, sample["full"].split("/")))
        assert (folder / "original.png").is_file(), sample["sample"]
        assert folder.resolve().is_relative_to(Path("out/images").resolve())


def test_broken_images_of_harmful_names_are_a_line_each(bench: Bench, photos: Path) -> None:
    for name in ("new\nline", "\x1b[31mred", "<script>"):
        (photos / f"{name}.png").write_text("no image")
    result = bench(*SET, "--images", photos)
    assert result.exit_code == 1, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("skipped")]
    assert len(lines) == 3
    assert "\x1b" not in result.stderr
    assert bench("report", "out", "--store", "store").exit_code == 0
    assert "<script>:" not in Path("out/index.html").read_text()


def test_a_folder_whose_name_a_plan_cannot_hold(bench: Bench, photos: Path) -> None:
    folder = Path(os.fsdecode(b"photos-\xff"))
    shutil.copytree(photos, folder)
    result = bench(*SET, "--images", folder)
    assert result.exit_code == 2
    assert r"Error: photos-\xff: a name that a plan's file cannot hold" in result.stderr
    assert not Path("out").exists()


def test_max_pixels(bench: Bench, photos: Path) -> None:
    Image.new("RGB", (90, 64)).save(photos / "large.png")
    result = bench(*SET, "--images", photos, "--max-pixels", 80 * 64)
    assert result.exit_code == 1, result.output
    assert "skipped: large at 30-40 %" in result.stderr
    assert "90x64 pixels are more than 5,120" in result.stderr
    assert "max_pixels = 5120" in Path("out/plan.toml").read_text()


@pytest.mark.parametrize("kind", ["zip", "tar", "folder"])
def test_archives_that_want_to_write_elsewhere(bench: Bench, tmp_path: Path, kind: str) -> None:
    """`bench weights add` of archives whose members are named "../" and "/"."""
    names = ("../../escaped", "/escaped", "big-lama/models/../../../escaped",
             "../big-lama/models/best.ckpt")  # fmt: skip
    path = tmp_path / f"evil.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"evil")
    elif kind == "tar":
        with tarfile.open(path, "w") as archive:
            for name in names:
                member = tarfile.TarInfo(name)
                member.size = 4
                archive.addfile(member, io.BytesIO(b"evil"))
    else:
        (path / "big-lama" / "models").mkdir(parents=True)
        (path / "big-lama" / "models" / "best.ckpt").symlink_to("/etc/hostname")
    before = {one for one in tmp_path.rglob("*") if one.name != "home"}
    for model in ("lama", "trufor", "madf", "edgeconnect", "fcf", "alexnet"):
        result = bench("weights", "add", model, path)
        assert result.exit_code == 2, (model, result.output)
        assert result.stderr.startswith("Error: ")
        assert "Traceback" not in result.output
    after = {one for one in tmp_path.rglob("*") if "home" not in one.parts and one.name != "home"}
    assert after == before
    assert not list((tmp_path / "home").rglob("escaped"))
    assert not list((tmp_path / "home").rglob("*.ckpt"))


@pytest.mark.skipif(os.name == "nt", reason="links")
@pytest.mark.parametrize("place", ["figures", "images", "images/10-20", "images/10-20/a"])
def test_a_page_is_written_through_no_link(
    bench: Bench, photos: Path, tmp_path: Path, place: str
) -> None:
    """A run may come from a stranger; where its link leads, nothing is written."""
    words = ("run", "--inpainter", "meanfill", "--detector", "none", "--metrics", "psnr")
    assert bench(*words, "--images", photos, "--size", "64", "--out", "out").exit_code == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = Path("out", place)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere, target_is_directory=True)
    said = bench("report", "out", "--full")
    assert said.exit_code == 2
    assert f"{link}: is a link, and none is followed in a run's folder; remove it" in said.stderr
    assert list(elsewhere.iterdir()) == []
    link.unlink()
    assert bench("report", "out", "--full").exit_code == 0


@pytest.mark.skipif(os.name == "nt", reason="links")
def test_a_log_is_written_through_no_link(bench: Bench, photos: Path, tmp_path: Path) -> None:
    program = f"cmd:{sys.executable} -c 'raise SystemExit(3)' {{images}} {{masks}} {{out}}"
    words = ("run", "--inpainter", program, "--detector", "none", "--metrics", "psnr")
    words = (*words, "--images", photos, "--size", "64", "--buckets", "10-20", "--out", "out")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    Path("out").mkdir()
    Path("out/logs").symlink_to(elsewhere, target_is_directory=True)
    said = bench(*words)
    assert said.exit_code == 2
    assert "out/logs: is a link" in said.stderr
    assert list(elsewhere.iterdir()) == []
