"""samples.csv: one number per column, keys, and files of older versions."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, run
from benchmark.core.errors import DataError
from benchmark.metrics import METRICS
from benchmark.results.rows import SampleRow
from benchmark.results.run_folder import RunFolder, read_run
from benchmark.results.samples import read_samples
from tests.stopped import stop

KEY = "a key"  # the first of the file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two images: metrics of one, two, three and many numbers."""
    place = tmp_path_factory.mktemp("samples")
    (place / "photos").mkdir()
    draw = np.random.default_rng(7)
    for name in "ab":
        pixels = draw.integers(0, 256, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / "photos" / f"{name}.png")
    plan = Plan(
        datasets=("folder",), images=place / "photos", size=48, buckets=("30-40",),
        inpainters=("meanfill", "original"), detectors=("flatness",),
        metrics=("auc", "acc", "f1_pooled", "auc_pooled", "psnr"), launder=("jpeg:70",),
    )  # fmt: skip
    run(plan, store=place / "store", out=place / "out")
    return place


def so_far(folder: Path, copy: Path) -> RunFolder:
    """Return the same run as if it had not ended."""
    copy.mkdir()
    for name in ("plan.toml", "record.json", "samples.csv"):
        (copy / name).write_bytes((folder / "out" / name).read_bytes())
    stop(copy)
    return read_run(copy, store=folder / "store")


def test_every_number_has_a_column_of_its_own(folder: Path) -> None:
    with (folder / "out/samples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    heads = list(rows[0])
    assert heads[:13] == [
        "dataset", "launder", "sample", "mask_ratio_percent", "mask", "inpainter", "retouch",
        "detector", "score", "original_key", "mask_key", "image_key", "heatmap_key",
    ]  # fmt: skip
    assert heads[13:20] == [
        "auc", "acc.score", "acc", "f1_pooled.tp", "f1_pooled.fp", "f1_pooled.fn",
        "auc_pooled.logit1",
    ]  # fmt: skip
    assert sum(head.startswith("auc_pooled.") for head in heads) == 3 * 128
    assert not any(" " in row[head] for row in rows for head in heads[8:])
    (row, *_) = (one for one in rows if one["inpainter"] == "meanfill" and not one["launder"])
    assert float(row["acc.score"]) == float(row["score"])
    assert {len(row[key]) for key in heads[9:13]} == {32}


def test_samples_file_and_store_agree(folder: Path, tmp_path: Path) -> None:
    finished = read_run(folder / "out")
    going = so_far(folder, tmp_path / "copy")
    assert finished.complete
    assert not going.complete
    assert going.results == finished.results
    assert going.samples == finished.samples
    assert len(finished.samples) == 2 * 2 * 2


def test_authentic_images_have_fpr_instead_of_acc(folder: Path) -> None:
    for row in read_run(folder / "out").samples:
        assert ("acc" in row.numbers, "fpr" in row.numbers) == (
            row.inpainter == "meanfill",
            row.inpainter == "original",
        )


def older(path: Path, copy: Path) -> Path:
    """Write the file as version 1: no keys, all numbers of a metric in one column, no `fpr`."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = dict.fromkeys(head.partition(".")[0] for head in list(rows[0])[13:])
    with copy.open("w", newline="") as file:
        heads = [*list(rows[0])[:9], *(name for name in names if name != "fpr")]
        writer = csv.DictWriter(file, heads, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            for name in names:
                parts = [text for head, text in row.items() if head.partition(".")[0] == name]
                row[name] = " ".join(parts) if any(parts) else ""
            row["acc"] = row["acc"] or row["fpr"]
            writer.writerow(row)
    return copy


def test_files_of_older_versions_are_read(folder: Path, tmp_path: Path) -> None:
    now = list(read_samples(folder / "out/samples.csv"))
    then = list(read_samples(older(folder / "out/samples.csv", tmp_path / "samples.csv")))
    assert [numbers(row) for row in then] == [numbers(row) for row in now]
    assert {row.keys.image for row in then} == {""}


def numbers(row: SampleRow) -> tuple[object, ...]:
    return row.sample, row.inpainter, row.launder, row.score, dict(row.numbers)


def test_unnamed_parts_of_a_metric_are_numbered(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(METRICS.load("f1_pooled"), "parts", ("",))
    plan = Plan.load(folder / "out/plan.toml")
    run(plan, store=folder / "store", out=tmp_path / "again")
    with (tmp_path / "again/samples.csv").open(newline="") as file:
        heads = next(csv.reader(file))
    assert [head for head in heads if head.startswith("f1_pooled")] == [
        "f1_pooled.1", "f1_pooled.2", "f1_pooled.3",
    ]  # fmt: skip
    again, first = (list(read_samples(one)) for one in (
        tmp_path / "again/samples.csv", folder / "out/samples.csv",
    ))  # fmt: skip
    assert again == first


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("meanfill", "mean,fill", "number of fields differs"),
        (",jpeg:70,", ",jpeg:70,\udcff", "damaged"),
        (".000000\n", ".000x00\n", "could not convert string to float"),
        (KEY, "../../../../etc/passwd", r"line 2: keys\.original: expected text of the form"),
    ],
)
def test_damage_raises_one_line(
    folder: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    text = (folder / "out/samples.csv").read_text(encoding="utf-8")
    old = next(iter(read_run(folder / "out").samples)).keys.original if old == KEY else old
    assert old in text
    path = tmp_path / "samples.csv"
    path.write_text(text.replace(old, new, 1), encoding="utf-8", errors="surrogateescape")
    with pytest.raises(DataError, match=said) as caught:
        list(read_samples(path))
    assert "\n" not in str(caught.value)
    assert "rerun the plan" in str(caught.value)
