"""`bench merge` of shards writes the files of an unsharded run, or a one-line error."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

import pytest

from benchmark.core.paths import home
from benchmark.store.database import Database
from benchmark.store.store import is_store
from tests.cli.conftest import Bench

WORDS = (
    "run", "--inpainter", "meanfill,original", "--detector", "flatness,chance", "--size", "64",
    "--metrics", "auc,acc,psnr", "--buckets", "10-20,30-40", "--launder", "noise:2",
)  # fmt: skip
FILES = ("plan.toml", "results.csv", "samples.csv", "table.md")
OF_THE_MACHINE = ("seconds", "model_seconds", "versions", "commit", "files", "store")


@pytest.fixture
def shards(bench: Bench, photos: Path) -> list[Path]:
    """Two shards of a run over three images and one that is broken, each with its own store."""
    (photos / "d.png").write_text("no image")
    for number in (1, 2):
        result = bench(*WORDS, "--images", photos, "--shard", f"{number}/2", "--out", f"s{number}")
        assert result.exit_code == number - 1, result.output  # the second has the broken one
    return [Path("s1"), Path("s2")]


def files(folder: str) -> dict[str, bytes]:
    return {name: Path(folder, name).read_bytes() for name in FILES}


def record(folder: str) -> dict[str, object]:
    said = json.loads(Path(folder, "record.json").read_text())
    return {key: value for key, value in said.items() if key not in OF_THE_MACHINE}


def test_merged_shards_are_the_run(bench: Bench, photos: Path, shards: list[Path]) -> None:
    assert json.loads(Path("s2/shard.json").read_text()) == {"shard": "2/2", "store": "store"}
    assert record("s1")["samples"] == record("s2")["samples"] == 4
    whole = bench(*WORDS, "--images", photos, "--out", "whole", "--store", "whole-store")
    moved = [shard.rename(f"moved-{shard}") for shard in shards]
    for _ in range(2):
        result = bench("merge", "merged", *reversed(moved), "--store", "merged-store")
        assert result.exit_code == 1, result.output
        assert result.stdout == whole.stdout
        assert files("merged") == files("whole")
        assert record("merged") == record("whole")
    named = bench("merge", *moved, "--out", "named")
    assert named.stdout == whole.stdout
    assert files("named") == files("whole")
    alone = bench("merge", "named")
    assert alone.exit_code == 2
    assert "expected the shards' folders too: bench merge OUT SHARD..." in alone.stderr
    for shard in moved:
        shutil.rmtree(shard)
    again = bench(*WORDS, "--images", photos, "--out", "again", "--store", "merged-store")
    assert again.exit_code == 1, again.output
    assert set(record("again")["jobs_run"].values()) == {0}
    assert files("again") == files("whole")


def test_shards_may_share_a_store(bench: Bench, photos: Path) -> None:
    for number in (1, 2, 3):
        bench(*WORDS, "--images", photos, "--shard", f"{number}/3", "--out", f"s{number}",
              "--store", "shared")  # fmt: skip
    result = bench("merge", "merged", "s1", "s2", "s3")
    board = json.loads(bench("board", "merged", "s1", "--out", "site", "--json").stdout)
    assert board["runs"] == ["merged"]
    said = "s1: shard 1/3 of a run; merge all shards with 'bench merge' first"
    assert [one["reason"] for one in board["left_out"]] == [said]
    assert result.exit_code == 0, result.output
    whole = bench(*WORDS, "--images", photos, "--out", "whole", "--store", "shared")
    assert whole.exit_code == 0
    assert set(record("whole")["jobs_run"].values()) == {0}
    assert files("merged") == files("whole")


def test_merged_answers_stay_out_of_the_store_that_other_runs_use(
    bench: Bench, photos: Path, shards: list[Path]
) -> None:
    shared = Path("shared")
    for number, shard in enumerate(shards, 1):
        words = (*WORDS, "--images", photos, "--shard", f"{number}/2", "--store", shared)
        assert bench(*words, "--out", f"t{number}").exit_code == number - 1
        forge(shard / "store")
    assert bench("merge", "merged", *shards).exit_code == 1
    assert "99" in Path("merged/results.csv").read_text()  # what the shards say is what is shown
    assert is_store("merged/store")
    assert not is_store(home() / "store")
    after = bench(*WORDS, "--images", photos, "--out", "after")
    assert after.exit_code == 1, after.output
    assert record("after")["jobs_stored"]["fill"] == 0
    assert bench("merge", "honest", "t1", "t2").exit_code == 1
    assert is_store("honest/store")  # though the shards share one
    assert files("honest") == files("after")
    assert files("merged") != files("after")


def forge(store: Path) -> None:
    """Every PSNR of a shard becomes 99, each row with the mark that fits."""
    with Database(store) as rows:
        for start in "0123456789abcdef":
            forged = [
                one._replace(numbers=struct.pack("<d", 99.0))
                for one in rows.with_prefix(start)
                if one.numbers and struct.unpack("<d", one.numbers[:8])[0] > 1
            ]
            with rows.writing():
                rows.put(forged)


def test_a_merge_that_is_refused_leaves_what_it_found(
    bench: Bench, photos: Path, shards: list[Path]
) -> None:
    shutil.copyfile(photos / "a.png", photos / "c.png")
    (photos / "d.png").unlink()
    for shard in shards:
        said = json.loads((shard / "record.json").read_text())
        (shard / "record.json").write_text(json.dumps({**said, "failures": []}))
    for folder in ("merged", "merged/store"):
        result = bench("merge", "merged", *shards)
        assert result.exit_code == 2
        assert not Path("merged/plan.toml").exists()
        Path(folder).mkdir(exist_ok=True)
    assert sorted(path.name for path in Path("merged").rglob("*")) == ["store"]


def refused(result: object, said: str) -> None:
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error:")]
    assert said in line
    assert not Path("merged").exists()


def test_what_does_not_fit_is_refused_in_a_line(
    bench: Bench, photos: Path, shards: list[Path]
) -> None:
    first, second = shards
    refused(bench("merge", "merged", first), "shard 2/2 is missing")
    refused(bench("merge", "merged", first, first), "s1: shard 1/2, as is s1")
    refused(bench("merge", "merged", first, "nowhere"), "nowhere: not the folder of a shard")
    bench(*WORDS, "--images", photos, "--shard", "2/3", "--out", "third")
    refused(bench("merge", "merged", first, "third"), "third: shard 2/3, but s1 is 1/2")
    bench(*WORDS, "--images", photos, "--shard", "2/2", "--seed", "1", "--out", "seed")
    refused(bench("merge", "merged", first, "seed"), "a shard of another plan")
    (second / "record.json").unlink()
    refused(bench("merge", "merged", first, second), "s2: its run is incomplete")


def test_other_weights_or_images_are_refused(
    bench: Bench, photos: Path, shards: list[Path]
) -> None:
    path = shards[1] / "record.json"
    whole = path.read_text()
    path.write_text(whole.replace('"sha256": ""', '"sha256": "1"', 1))
    refused(bench("merge", "merged", *shards), "s2: ran with different weights than s1: meanfill")
    path.write_text(whole)
    shutil.copyfile(photos / "a.png", photos / "c.png")
    (photos / "d.png").unlink()
    for shard in shards:
        said = json.loads((shard / "record.json").read_text())
        (shard / "record.json").write_text(json.dumps({**said, "failures": []}))
    refused(bench("merge", "merged", *shards), "lack 80 outputs that their samples.csv name")


def test_shards_of_different_images_are_refused(
    bench: Bench, photos: Path, shards: list[Path]
) -> None:
    shutil.copyfile(photos / "a.png", photos / "aa.png")
    bench(*WORDS, "--images", photos, "--shard", "2/2", "--out", "other")
    refused(bench("merge", "merged", shards[0], "other"), "have different images of folder")


def test_merging_needs_neither_images_nor_models(
    bench: Bench, photos: Path, shards: list[Path]
) -> None:
    assert bench(*WORDS, "--images", photos, "--out", "whole").exit_code == 1
    whole = files("whole")
    shutil.rmtree(photos)
    result = bench("merge", "merged", *shards)
    assert result.exit_code == 1, result.output
    assert files("merged") == whole
    said = bench("check", "merged")
    assert said.exit_code == 0, said.output
    assert "were merged from s1 (1/2)." in said.stderr  # answers remember where they came from
    assert "were merged from s2 (2/2)." in said.stderr
    assert json.loads(Path("merged/record.json").read_text())["store"] == "store"
    report = bench("report", "merged")
    assert report.exit_code == 0, report.output
    assert "No images" not in Path("merged/index.html").read_text()


def test_a_shard_of_an_older_version_is_to_be_run_again(
    bench: Bench, photos: Path, shards: list[Path]
) -> None:
    for shard in shards:
        said = json.loads((shard / "record.json").read_text())
        del said["pictures"]
        (shard / "record.json").write_text(json.dumps(said))
    refused(bench("merge", "merged", *shards), "of an older version: rerun")


def test_a_folder_is_one_shard_s(bench: Bench, photos: Path, shards: list[Path]) -> None:
    before = files("s1")
    result = bench(*WORDS, "--images", photos, "--shard", "2/2", "--out", "s1")
    assert result.exit_code == 2
    assert "contains the results of another shard" in result.stderr
    assert files("s1") == before


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "-1/2"])
def test_shards_that_are_none(bench: Bench, photos: Path, text: str) -> None:
    refused(bench(*WORDS, "--images", photos, "--shard", text, "--out", "merged"), "such as 2/10")


def test_more_shards_than_images(bench: Bench, photos: Path) -> None:
    result = bench(*WORDS, "--images", photos, "--shard", "4/4", "--out", "merged")
    refused(result, "more shards than images")
