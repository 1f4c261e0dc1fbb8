"""`heatmaps:DIR`: heatmaps and scores that an external detector has already written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import BadOutput, DataError
from detectors.external.heatmap_files import Scale, read_heatmap, read_scores
from tests.cli.conftest import Bench
from tests.cli.test_bad_input import refused

QUICK = ("--size", "64", "--buckets", "10-20,30-40", "--metrics", "auc,acc,f1")


def results(folder: str) -> dict[tuple[str, ...], dict[str, str]]:
    """Every number but the nulls, which are gaps for heatmaps that are made already."""
    with Path(folder, "results.csv").open(newline="") as file:
        return {
            (row["inpainter"], row["mask_ratio_percent"], row["metric"]): row
            for row in csv.DictReader(file)
            if not row["metric"].endswith("_null")
        }


@pytest.fixture
def perfect(bench: Bench, photos: Path) -> Path:
    """A heatmap for every image of two inpainters, exactly where the hole is."""
    bench("run", "--inpainter", "meanfill", "--detector", "none", "--images", photos,
          "--size", "64", "--buckets", "10-20,30-40", "--metrics", "psnr",
          "--save-images", "--out", "round")  # fmt: skip
    for place in sorted(Path("round/images").glob("*/*/")):
        for painter, suffix in (("meanfill", "png"), ("telea", "npy")):
            target = Path("maps", painter, place.parent.name, f"{place.name}.{suffix}")
            target.parent.mkdir(parents=True, exist_ok=True)
            hole = np.asarray(Image.open(place / "mask.png"))
            if suffix == "png":
                Image.fromarray(hole).save(target)
            else:
                np.save(target, (hole / 255).astype(np.float32))
    return photos


def test_heatmaps_are_found_by_inpainter_bucket_and_name(bench: Bench, perfect: Path) -> None:
    words = ("run", "--inpainter", "meanfill,telea", "--images", perfect, *QUICK)
    result = bench(*words, "--detector", "mine=heatmaps:maps", "--out", "out")
    assert result.exit_code == 0, result.output
    rows = results("out")
    assert len(rows) == 12
    for (_, _, metric), row in rows.items():
        assert row["detector"] == "mine"
        assert float(row["value"]) == 1, metric  # the hole covers more than the area rule's 2 %
    assert "mine†" in Path("out/table.md").read_text()


def scores(value: float) -> None:
    names = [path.relative_to("maps").as_posix() for path in sorted(Path("maps").rglob("*.*"))]
    lines = ["name,score", *(f"{name},{value}" for name in names)]
    Path("maps/scores.csv").write_text("\n".join(lines) + "\n")


def test_own_scores_take_the_place_of_the_area_rule(bench: Bench, perfect: Path) -> None:
    words = ("run", "--inpainter", "meanfill,telea", "--images", perfect, *QUICK, "--detector",
             "mine=heatmaps:maps")  # fmt: skip
    bench(*words, "--out", "area")
    scores(0.4)
    result = bench(*words, "--out", "own")
    assert result.exit_code == 0, result.output
    assert json.loads(Path("own/record.json").read_text())["jobs_run"]["judge"] == 12
    assert float(results("own")["telea", "30-40", "acc"]["value"]) == 0
    assert "†" not in Path("own/table.md").read_text()
    Path("maps/scores.csv").write_text("name,score\nmeanfill/10-20/a,1\n")
    gap = bench(*words, "--out", "gap")
    assert gap.exit_code == 1
    assert "maps/scores.csv: no row for meanfill/10-20/b" in gap.stderr


def test_a_name_alone_is_enough_where_nothing_else_differs(bench: Bench, perfect: Path) -> None:
    words = ("run", "--images", perfect, "--size", "64", "--metrics", "auc", "--detector",
             "mine=heatmaps:maps/meanfill/30-40")  # fmt: skip
    one = bench(*words, "--inpainter", "meanfill", "--buckets", "30-40", "--out", "one")
    assert one.exit_code == 0, one.output
    two = bench(*words, "--inpainter", "meanfill,telea", "--buckets", "30-40", "--out", "two")
    assert two.exit_code == 1
    assert "maps/meanfill/30-40/telea/a.*: no such file" in two.stderr


def test_of_laundered_images_nothing_was_said(bench: Bench, perfect: Path) -> None:
    words = ("run", "--inpainter", "meanfill,telea", "--images", perfect, *QUICK)
    refused = bench(*words, "--detector", "mine=heatmaps:maps", "--launder", "jpeg:90")
    assert refused.exit_code == 2
    assert "Error: --launder needs a detector that runs: finished heatmaps" in refused.stderr
    result = bench(*words, "--detector", "mine=heatmaps:maps,flatness", "--launder", "jpeg:90")
    assert result.exit_code == 1
    assert "mine: no numbers after post-processing: finished heatmaps" in result.stderr
    assert "heatmaps are of images without post-processing; none after jpeg:90" in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,value\n", "missing column 'score'"),
        ("name,score\na,x\n", "row 2: a: expected a score in [0, 1], got 'x'"),
        ("name,score\na,0.5\nb,1.5\n", "row 3: b: expected a score in [0, 1], got 1.5"),
        ("name,score\na,nan\n", "row 2: a: expected a score"),
        ("name,score\na,0.5\na.png,0.5\n", "row 3: a second score of a"),
        ("name,score\n,0.5\n", "row 2: no name"),
        ("name,score\na\n", "row 2: a: expected a score in [0, 1], got ''"),
    ],
)
def test_bad_rows_are_one_line(bench: Bench, perfect: Path, text: str, said: str) -> None:
    Path("maps/scores.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        read_scores(Path("maps/scores.csv"))
    assert "scores.csv" in str(caught.value)
    assert said in str(caught.value)
    words = ("run", "--inpainter", "meanfill", "--images", perfect, *QUICK, "--out", "out")
    refused(bench(*words, "--detector", "heatmaps:maps"), said)


def test_images_and_arrays_say_the_same(tmp_path: Path) -> None:
    levels = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    Image.fromarray(levels).save(tmp_path / "grey.png")
    Image.fromarray(np.repeat(levels[..., None], 3, axis=2)).save(tmp_path / "rgb.png")
    Image.fromarray(levels.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    np.save(tmp_path / "bytes.npy", levels)
    np.save(tmp_path / "floats.npy", (levels / 255)[None])
    for file in tmp_path.iterdir():
        found = read_heatmap(file, (8, 8))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, levels / 255, atol=1e-7, err_msg=file.name)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((4, 8)), "a heatmap of 8x4, expected 8x8 pixels"),
        (np.full((8, 8), 1.5), r"expected values in \[0, 1\]"),
        (np.full((8, 8), np.nan), r"expected values in \[0, 1\]"),
        (np.zeros((8, 8), np.int64), "got int64"),
        (np.zeros((2, 8, 8)), "a heatmap of 8x8x2"),
        (np.array([{}]), "cannot be read as an array"),
    ],
    ids=["size", "range", "nan", "type", "two", "objects"],
)
def test_arrays_that_are_no_heatmap(tmp_path: Path, values: np.ndarray, said: str) -> None:
    np.save(tmp_path / "a.npy", values, allow_pickle=True)
    with pytest.raises(BadOutput, match=said):
        read_heatmap(tmp_path / "a.npy", (8, 8))


def test_a_coloured_image_is_no_heatmap(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    with pytest.raises(BadOutput, match="a color image"):
        read_heatmap(tmp_path / "a.png", (8, 8))


def test_folders_that_cannot_be_used(bench: Bench, photos: Path) -> None:
    Path("void").mkdir()
    words = ("run", "--inpainter", "telea", "--images", photos, *QUICK, "--out", "out")
    refused(bench(*words, "--detector", "heatmaps:nowhere"), "nowhere: no such folder")
    refused(bench(*words, "--detector", "heatmaps:void"), "void: no files")


def map_of(folder: Path, values: np.ndarray, name: str = "a.png") -> Path:
    folder.mkdir(exist_ok=True)
    if name.endswith(".npy"):
        np.save(folder / name, values)
    else:
        Image.fromarray(values).save(folder / name)
    return folder / name


@pytest.mark.parametrize(
    ("kind", "top", "told"),
    [(np.uint8, 1, "its largest value is 1 of 255"),
     (np.uint16, 255, "its largest value is 255 of 65535")],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["png", "npy"])
def test_a_folder_on_another_scale_is_refused(
    tmp_path: Path, kind: type, top: int, told: str, ending: str
) -> None:
    dark = np.eye(8).astype(kind) * kind(top)
    path = map_of(tmp_path, dark, f"a.{ending}")
    beside = map_of(tmp_path, np.zeros((8, 8), kind), f"b.{ending}")
    with pytest.raises(BadOutput, match=told):
        read_heatmap(path, (8, 8), Scale([path, beside]))
    assert not read_heatmap(beside, (8, 8), Scale([path, beside])).any()  # 0 throughout is right
    map_of(tmp_path, dark * kind(2), f"b.{ending}")
    assert read_heatmap(path, (8, 8), Scale([path, beside])).max() < 0.01


@pytest.mark.parametrize("over", [np.float32(1.0000001), np.float16(1.001), -1e-6])
def test_rounding_is_tolerated(tmp_path: Path, over: float) -> None:
    path = map_of(tmp_path, np.full((8, 8), over), "a.npy")
    assert read_heatmap(path, (8, 8)).max() in (0, 1)


def test_bool_arrays_are_heatmaps(tmp_path: Path) -> None:
    path = map_of(tmp_path, np.eye(8, dtype=bool), "a.npy")
    assert np.array_equal(read_heatmap(path, (8, 8)), np.eye(8))


def test_values_of_another_scale_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadOutput, match=r"expected values in \[0, 1\], got 0 to 255"):
        read_heatmap(map_of(tmp_path, np.eye(8) * 255, "a.npy"), (8, 8))


def trufor_like(folder: Path, photos: Path, **scores: object) -> None:
    """What TruFor's own program writes of images of 64 pixels."""
    folder.mkdir()
    for name in "abc":
        values = {"map": np.full((64, 64), 0.25, np.float32), "imgsize": np.array([64, 64])}
        if name in scores:
            values["score"] = np.array(scores[name])
        np.savez(folder / f"{name}.png.npz", **values)


WORDS = ("run", "--inpainter", "meanfill", "--size", "64", "--buckets", "10-20", "--metrics",
         "acc,f1")  # fmt: skip


def test_trufors_own_results_are_read_with_their_scores(bench: Bench, photos: Path) -> None:
    trufor_like(Path("theirs"), photos, a=0.75, b=0.25, c=0.5)
    words = (*WORDS, "--images", photos, "--detector", "heatmaps:theirs", "--out", "out")
    result = bench(*words)
    assert result.exit_code == 0, result.output
    with Path("out/samples.csv").open(newline="") as file:
        scores = {row["sample"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {"a": 0.75, "b": 0.25, "c": 0.5}
    assert "†" not in Path("out/table.md").read_text()


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (None, "b.png.npz: contains no score"),
        (7.0, "b.png.npz: expected a score in [0, 1], got 7.0"),
    ],
)
def test_a_result_of_trufors_without_a_score_is_told(
    bench: Bench, photos: Path, score: float | None, said: str
) -> None:
    trufor_like(Path("theirs"), photos, a=0.75, c=0.5, **({} if score is None else {"b": score}))
    words = (*WORDS, "--images", photos, "--detector", "heatmaps:theirs", "--out", "out")
    result = bench(*words)
    assert result.exit_code == 1
    assert said in result.stderr


@pytest.mark.parametrize("form", ["output_{}.png", "{}.jpng", "{}.PNG"])
def test_names_that_other_programs_give(bench: Bench, photos: Path, form: str) -> None:
    """IID-Net's own, PSCC-Net's of a .jpeg (grey in three channels), and upper case."""
    Path("theirs").mkdir()
    for name in ("a", "b", "C"):
        picture = Image.new("RGB", (64, 64), (128, 128, 128))
        picture.save(Path("theirs", form.format(name)), format="PNG")
    result = bench(*WORDS, "--images", photos, "--detector", "heatmaps:theirs", "--out", "out")
    assert result.exit_code == 0, result.output


def test_a_map_is_needed_in_an_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", other=np.zeros((8, 8)))
    with pytest.raises(BadOutput, match=r"a\.npz: cannot be read with a 'map'"):
        read_heatmap(tmp_path / "a.npz", (8, 8))
    (tmp_path / "b.npz").write_bytes(b"PK junk")
    with pytest.raises(BadOutput, match=r"b\.npz: cannot be read with a 'map'"):
        read_heatmap(tmp_path / "b.npz", (8, 8))
