"""`outputs:DIR`: images that an external program has already inpainted."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Bench
from tests.cli.test_bad_input import refused

BUCKETS = ("10-20", "30-40")
QUICK = ("--size", "64", "--buckets", ",".join(BUCKETS), "--metrics", "psnr,gmsd,auc", "--detector",
         "flatness")  # fmt: skip


def results(folder: str) -> list[dict[str, str]]:
    with Path(folder, "results.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if not row["metric"].endswith("_null")]


def record(folder: str) -> dict[str, object]:
    return dict(json.loads(Path(folder, "record.json").read_text()))


def telea(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    bgr = cv2.inpaint(image[..., ::-1].copy(), hole, 3, cv2.INPAINT_TELEA)
    return bgr[..., ::-1]


def brighter(painted: np.ndarray) -> np.ndarray:
    return np.clip(painted.astype(int) + 3, 0, 255).astype(np.uint8)


def paint_all(
    out: Path, change: Callable[[np.ndarray], np.ndarray] = lambda painted: painted
) -> None:
    """What a user does with the images and masks of `bench run --save-images`."""
    for place in sorted(Path("round/images").glob("*/*/")):
        image = np.asarray(Image.open(place / "original.png"))
        hole = np.asarray(Image.open(place / "mask.png"))
        target = out / place.parent.name / f"{place.name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(change(telea(image, hole))).save(target)


@pytest.fixture
def laid_out(bench: Bench, photos: Path) -> Path:
    """The images and masks, written into the current folder."""
    (photos / "sub").mkdir()
    (photos / "b.png").rename(photos / "sub" / "b.png")
    words = ("run", "--inpainter", "original", "--images", photos, *QUICK, "--save-images")
    assert bench(*words, "--out", "round").exit_code == 0
    return photos


def test_what_others_paint_gets_the_numbers_that_ours_gets(bench: Bench, laid_out: Path) -> None:
    paint_all(Path("painted"))
    result = bench("run", "--inpainter", "mine=outputs:painted,telea", "--images", laid_out, *QUICK,
                   "--out", "out")  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = results("out")
    numbers = {
        name: [(row["metric"], row["value"]) for row in rows if row["inpainter"] == name]
        for name in ("mine", "telea")
    }
    assert numbers["mine"] == numbers["telea"]
    assert all(value for _, value in numbers["mine"])
    assert record("out")["known_pixels"] == {
        "mine": {"pictures": 6, "moved": 0, "max": 0.0, "mean": 0.0}
    }
    assert "mine: known pixels are unchanged in all 6 images" in result.stderr
    assert "| mine |" in Path("out/table.md").read_text()


def test_a_new_file_is_read_and_the_others_are_not(bench: Bench, laid_out: Path) -> None:
    paint_all(Path("painted"))
    words = ("run", "--inpainter", "outputs:painted", "--images", laid_out, *QUICK, "--out")
    bench(*words, "first")
    bench(*words, "same")
    changed = Path("painted/30-40/a.png")
    pixels = np.asarray(Image.open(changed)).copy()
    hole = np.asarray(Image.open("round/images/30-40/a/mask.png")) > 0
    pixels[hole] = 0
    Image.fromarray(pixels).save(changed)
    bench(*words, "second")
    ran = [record(name)["jobs_run"] for name in ("first", "same", "second")]
    assert [one["fill"] for one in ran] == [6, 0, 1]
    assert [one["judge"] for one in ran] == [6, 0, 1]
    assert results("first") != results("second")
    assert {row["inpainter"] for row in results("first")} == {"outputs-painted"}


def test_known_pixels_that_moved_are_failures_with_their_distance(
    bench: Bench, laid_out: Path
) -> None:
    paint_all(Path("painted"), brighter)
    words = ("run", "--inpainter", "mine=outputs:painted", "--images", laid_out, *QUICK)
    result = bench(*words, "--out", "out")
    assert result.exit_code == 1, result.output
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 6
    assert all(
        "differ by up to 3 gray levels" in line and "--recomposite" in line for line in failed
    )
    known = record("out")["known_pixels"]["mine"]
    assert (known["pictures"], known["moved"], known["max"]) == (6, 6, 3.0)
    assert 2 < known["mean"] <= 3
    assert "in 6 of 6 images; counted as failures" in result.stderr
    assert all(not row["value"] for row in results("out") if row["inpainter"] == "mine")


def test_recomposite_pastes_the_known_region_back(bench: Bench, laid_out: Path) -> None:
    paint_all(Path("exact"))
    paint_all(Path("moved"), brighter)
    words = ("run", "--images", laid_out, *QUICK, "--recomposite", "--metrics",
             "known_drift,psnr", "--save-images")  # fmt: skip
    result = bench(*words, "--inpainter", "mine=outputs:moved", "--out", "out")
    assert result.exit_code == 0, result.output
    assert "in 6 of 6 images; pasted back" in result.stderr
    drifts = [row["value"] for row in results("out") if row["metric"] == "known_drift"]
    assert [float(value) for value in drifts] == [0, 0]
    image, mine, mask = (
        np.asarray(Image.open(f"out/images/30-40/a/{name}.png"))
        for name in ("original", "mine", "mask")
    )
    assert np.array_equal(mine[mask == 0], image[mask == 0])
    moved = np.asarray(Image.open("moved/30-40/a.png"))
    assert np.array_equal(mine[mask > 0], moved[mask > 0])
    again = bench(*words, "--inpainter", "mine=outputs:moved", "--out", "again")
    assert record("again")["jobs_run"]["fill"] == 0
    assert record("again")["known_pixels"] == record("out")["known_pixels"]
    assert "pasted back" in again.stderr
    strict = bench("run", "--images", laid_out, *QUICK, "--inpainter", "mine=outputs:moved")
    assert strict.exit_code == 1  # the same files without the option are failures again


def test_missing_and_misshapen_images_are_counted(bench: Bench, laid_out: Path) -> None:
    paint_all(Path("painted"))
    Path("painted/10-20/a.png").unlink()
    Image.new("RGB", (32, 64)).save("painted/30-40/c.png")
    Path("painted/10-20/c.png").write_text("words")
    result = bench("run", "--inpainter", "mine=outputs:painted", "--images", laid_out, *QUICK,
                   "--out", "out")  # fmt: skip
    assert result.exit_code == 1, result.output
    failed = {(one["sample"], one["bucket"]): one["reason"] for one in record("out")["failures"]}
    assert failed["a", "10-20"] == "painted/10-20/a.*: no such file"
    assert failed["c", "30-40"] == "painted/30-40/c.png: 32x64 pixels, expected 64x64"
    assert "painted/10-20/c.png: not a PNG" in failed["c", "10-20"]
    assert len(failed) == 3
    assert record("out")["known_pixels"]["mine"]["pictures"] == 3


def test_one_image_is_not_taken_for_two_holes(bench: Bench, laid_out: Path) -> None:
    paint_all(Path("painted"))
    words = ("run", "--inpainter", "mine=outputs:painted/30-40", "--images", laid_out, *QUICK)
    result = bench(*words, "--recomposite", "--out", "out")
    assert result.exit_code == 1
    assert "painted/30-40/10-20/a.*: no such file" in result.stderr
    alone = bench(*words, "--buckets", "30-40", "--out", "alone")
    assert alone.exit_code == 0, alone.output


def test_folders_that_cannot_be_used(bench: Bench, photos: Path) -> None:
    Path("void").mkdir()
    words = ("run", "--images", photos, *QUICK, "--out", "out")
    refused(bench(*words, "--inpainter", "outputs:nowhere"), "nowhere: no such folder")
    refused(bench(*words, "--inpainter", "outputs:void"), "void: no files")
    refused(
        bench(*words, "--inpainter", f"outputs:{photos}", "--hole-blind"),
        "--hole-blind has no effect on finished images",
    )


def test_a_finished_run_is_read_after_its_images_are_gone(bench: Bench, laid_out: Path) -> None:
    paint_all(Path("painted"))
    bench("run", "--inpainter", "mine=outputs:painted", "--images", laid_out, *QUICK, "--out", "o")
    Path("painted").rename("elsewhere")
    assert "No two inpainters to compare." in bench("table", "stats", "--run", "o").stdout
    assert "mine" in bench("table", "stats", "--run", "o", "--all").stdout
    assert bench("report", "o").exit_code == 0


def darker(painted: np.ndarray) -> np.ndarray:
    return (painted * 0.5).astype(np.uint8)


def grey(painted: np.ndarray) -> np.ndarray:
    return np.full_like(painted, 128)


EXECUTORS = {
    "serial": (),
    "processes": ("--executor", "processes", "--workers", "2"),
    "ray": ("--executor", "ray", "--workers", "2", "--address", "local"),
}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_each_of_three_folders_keeps_its_own_images(
    executor: str, bench: Bench, laid_out: Path
) -> None:
    if executor == "ray":
        pytest.importorskip("ray", reason="needs the extra 'ray'")
    folders = {"a": darker, "b": grey, "c": brighter}
    for name, change in folders.items():
        paint_all(Path(name), change)
    words = ("run", "--images", laid_out, *QUICK, "--recomposite", "--save-images")
    alone: dict[str, list[str]] = {}
    for name in folders:  # each alone, on a store of its own: what its rows have to be
        one = bench(*words, "--inpainter", f"{name}=outputs:{name}", "--store", f"store-{name}",
                    "--out", f"alone-{name}")  # fmt: skip
        assert one.exit_code == 0, one.output
        alone[name] = [row["value"] for row in results(f"alone-{name}")]
    assert len({tuple(values) for values in alone.values()}) == 3
    together = ",".join(f"{name}=outputs:{name}" for name in folders)
    for store in ("fresh", "fresh", "store-b"):  # none, all, and one folder's outputs are stored
        out = f"{store}-{len(list(Path().glob('*-out*')))}-out"
        run = bench(*words, *EXECUTORS[executor], "--inpainter", together, "--store", store,
                    "--out", out)  # fmt: skip
        assert run.exit_code == 0, run.output
        for name in folders:
            found = [row["value"] for row in results(out) if row["inpainter"] == name]
            assert found == alone[name], (store, name)
            image = Path("images/30-40/a", f"{name}.png")
            assert (Path(out) / image).read_bytes() == (Path(f"alone-{name}") / image).read_bytes()


def test_an_image_that_comes_during_a_run_stands_under_nobodys_key(
    bench: Bench, laid_out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint_all(Path("late"))
    paint_all(Path("other"), brighter)
    missing = [Path(name, "30-40", "a.png") for name in ("late", "other")]
    content = missing[0].read_bytes()
    for path in missing:
        path.unlink()
    from benchmark.runner import scheduler as execute

    original = execute.execute

    def later(*words: object) -> object:
        missing[0].write_bytes(content)  # after the keys were made, before it is read
        return original(*words)  # type: ignore[arg-type]

    words = ("run", "--images", laid_out, *QUICK, "--recomposite", "--store", "store")
    monkeypatch.setattr("benchmark.api.execute", later)
    first = bench(*words, "--inpainter", "late=outputs:late", "--out", "first")
    assert first.exit_code == 1, first.output
    assert "changed while the run was going on" in first.stderr
    monkeypatch.undo()
    monkeypatch.chdir(laid_out.parent / "empty")
    second = bench(*words, "--inpainter", "other=outputs:other", "--out", "second")
    assert second.exit_code == 1, second.output
    assert "no such file" in second.stderr


def test_labels_that_meet_in_a_files_name_are_refused(bench: Bench, laid_out: Path) -> None:
    paint_all(Path("painted"))
    words = ("run", "--images", laid_out, *QUICK, "--save-images", "--out", "out")
    for label in ("mask", "telea.flatness"):
        result = bench(*words, "--inpainter", f"telea,{label}=outputs:painted")
        refused(result, f"two files of a sample would be named {label}.png")
    assert not Path("out").exists()
