"""`bench check --recompute`: forged outputs are found, unchanged ones are bit-identical."""

from __future__ import annotations

import csv
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from benchmark.store.database import Database
from benchmark.store.encoding import heatmap_output, image_output
from benchmark.store.store import Store
from tests.cli.conftest import Bench
from tests.plugins import PAINTER, Install
from tests.plugins import install as install  # noqa: PLC0414 (a fixture)

WORDS = (
    "run", "--inpainter", "meanfill,original", "--detector", "flatness", "--size", "64",
    "--metrics", "auc,psnr", "--buckets", "10-20", "--launder", "noise:2", "--store", "store",
    "--out", "runs/out",
)  # fmt: skip
ALL = 1000  # more than there are


@pytest.fixture
def out(bench: Bench, photos: Path) -> Path:
    result = bench(*WORDS, "--images", photos)
    assert result.exit_code == 0, result.output
    for path in photos.iterdir():
        path.unlink()  # images and masks are the store's
    return Path("runs/out")


def recomputed(bench: Bench, *words: object) -> dict[str, object]:
    result = bench("check", *words, "--recompute", ALL, "--json")
    said = json.loads(result.stdout)
    assert result.exit_code == (1 if said["findings"] else 0)
    return said  # type: ignore[no-any-return]


def test_honest_answers_are_the_same(bench: Bench, out: Path) -> None:
    said = recomputed(bench, out)
    told = said["recomputed"]
    assert (said["findings"], told["other"], told["near"], told["left"]) == ([], 0, 0, {})
    assert told["tried"] == told["same"] > 30
    of_the_store = recomputed(bench, "--store", "store")["recomputed"]  # of the runs that use it
    assert of_the_store == told
    few = bench("check", out, "--recompute", "3", "--seed", "7")
    assert "Recomputed 3 outputs (seed 7): 3 identical" in few.stdout


def forge(store: Path, kind: str) -> str:
    with Store(store) as answers:
        rows = [row for start in "0123456789abcdef" for row in answers.table.with_prefix(start)]
        if kind == "number":
            row = next(row for row in rows if len(row.numbers) == 8)
            new = row._replace(numbers=struct.pack("<d", 99.0))
            with answers.table.writing():
                answers.table.put([new])
            return row.key
        suffix = ".npy" if kind == "heatmap" else ".png"
        with Path("runs/out/samples.csv").open(newline="") as file:
            samples = [row for row in csv.DictReader(file) if row["inpainter"] == "meanfill"]
        keys = [row["heatmap_key" if kind == "heatmap" else "image_key"] for row in samples]
        for key in keys:
            if kind == "heatmap":
                made = heatmap_output(key, np.zeros((64, 64), np.float16), 0.5)
            else:
                made = image_output(key, answers.image(key)[::-1])
            with answers.table.writing():
                answers.files.remove([f"{key[:2]}/{key}{suffix}"])
                answers.files.write({f"{key[:2]}/{key}{suffix}": made.content})
                answers.table.put([made.row])
            return key
    raise AssertionError(kind)


@pytest.mark.parametrize("kind", ["number", "heatmap", "picture"])
def test_a_forged_answer_is_found(bench: Bench, out: Path, kind: str) -> None:
    key = forge(Path("store"), kind)
    assert bench("check", "--store", "store").exit_code == 0  # its checksum is valid
    said = recomputed(bench, out)
    assert key in {finding["where"][-32:] for finding in said["findings"]}
    assert {finding["kind"] for finding in said["findings"]} == {"other"}


def test_what_cannot_be_computed_anew_is_counted(
    bench: Bench, photos: Path, install: Install
) -> None:
    install("paint", {"bench.inpainters": {"grey": "greymod:Grey"}}, greymod=PAINTER)
    words = ("grey,meanfill" if one == "meanfill,original" else one for one in WORDS)
    assert bench(*words, "--images", photos).exit_code == 0
    told = recomputed(bench, "runs/out")["recomputed"]
    (reason,) = told["left"]
    assert reason == "grey: not of this project; --allow-plugins runs it"
    assert told["left"][reason] == 3
    allowed = json.loads(
        bench("check", "runs/out", "--recompute", ALL, "--allow-plugins", "--json").stdout
    )
    assert allowed["recomputed"]["left"] == {}
    assert allowed["recomputed"]["same"] == told["same"] + 3
    with Database(Path("store")) as rows, rows.writing():
        rows.drop(row.key for row in rows.with_prefix(""))
    nothing = recomputed(bench, "runs/out")["recomputed"]
    assert nothing["tried"] == 0
    assert sum(nothing["left"].values()) > 30


def test_a_run_has_to_be_named(bench: Bench, out: Path) -> None:
    out.rename("elsewhere")
    result = bench("check", "--store", "store", "--recompute", "3")
    assert result.exit_code == 2
    assert "name the folder of a run" in result.stderr
