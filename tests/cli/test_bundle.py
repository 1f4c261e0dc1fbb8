"""`bench submit` and `bench prove`: what is printed, the exit status, refusals in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.bundle_file import Bundle
from tests.cli.conftest import Bench


@pytest.fixture
def out(bench: Bench, photos: Path) -> Path:
    words = ("--inpainter", "telea", "--detector", "flatness", "--size", "32", "--limit", "2")
    more = ("--metrics", "auc,acc", "--buckets", "30-40", "--images", photos, "--out", "out")
    assert bench("run", *words, *more).exit_code == 0
    return Path("out")


def test_a_run_is_submitted_and_proved(bench: Bench, out: Path) -> None:
    written = bench("submit", out, "--out", "a.zip", "--images")
    assert written.exit_code == 0, written.output
    assert "with the maps of 2 of 2 samples" in written.stdout
    proved = bench("prove", "a.zip", "--recompute", "100")
    assert proved.exit_code == 0, proved.output
    assert "5 recomputed: the detector ran again" in " ".join(proved.stdout.split())
    assert "Detections run again: 4 of 4 agree." in proved.stdout
    assert proved.stdout.endswith("Nothing contradicts.\n")

    forged = Bundle(Path("a.zip"))
    rows = forged.rows("run/results.csv")
    rows[1][rows[0].index("value")] = "0.500000"
    forged.set_rows("run/results.csv", rows)
    forged.save(Path("b.zip"))
    told = bench("prove", "b.zip")
    assert told.exit_code == 1
    (line,) = [one for one in told.stdout.splitlines() if one.startswith("CONTRADICTS")]
    assert line.startswith("CONTRADICTS: results.csv, row 2, column value: says 0.500000, computed")
    document = json.loads(bench("prove", "b.zip", "--recompute", "0", "--json").stdout)
    assert not document["holds"]
    assert document["detections"]["tried"] == 0
    assert document["mismatches"][0]["row"] == 2
    assert document["results"]["claim"] == 1


REFUSED = (
    (("submit", "none", "--out", "a.zip"), "none: no such folder"),
    (("submit", "out", "--out", "a.zip", "--limit", "many"), "such as 200MB or 1.5GiB"),
    (("submit", "out", "--out", "a.zip", "--limit", "1kB"), "record and numbers alone take"),
    (("submit", "out", "--out", "out/plan.toml"), "exists and is not a bundle"),
    (("prove", "none.zip"), "none.zip: no such file"),
    (("prove", "out"), "out: a folder; expected a bundle"),
    (("prove", "out/record.json"), "cannot be read as a bundle"),
)


def test_refusals(bench: Bench, out: Path) -> None:
    before = (out / "plan.toml").read_text()
    for words, said in REFUSED:
        result = bench(*words)
        assert result.exit_code == 2, result.output
        (line,) = result.stderr.splitlines()
        assert said in line
        assert not Path("a.zip").exists()
    assert (out / "plan.toml").read_text() == before
