"""`--launder` with plugins, crops and files: run, recorded, read without code, refused."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Bench
from tests.plugins import Install, forget
from tests.plugins import install as install  # noqa: PLC0414 (a fixture)

STEP = """
import numpy as np
from benchmark.core.errors import BadInput
from benchmark.postprocess import Launder

class Shift(Launder):
    kind = "shift"

    def __init__(self, argument):
        if not argument.strip().isdigit():
            raise BadInput("expected shift:LEVELS")
        super().__init__(str(int(argument)))

    def apply(self, pixels, *, seed):
        if pixels.min() == 255:
            raise RuntimeError("no such shift")
        return pixels + np.uint8(self.argument)
"""
QUICK = ("--buckets", "30-40", "--metrics", "auc,acc", "--inpainter", "telea,original",
         "--detector", "flatness")  # fmt: skip
POINT = {"bench.launders": {"shift": "shiftmod:Shift"}}


def ran(folder: str) -> dict[str, int]:
    return dict(json.loads(Path(folder, "record.json").read_text())["jobs_run"])


def failures(folder: str) -> list[dict[str, str]]:
    return list(json.loads(Path(folder, "record.json").read_text())["failures"])


def rows(folder: str) -> list[dict[str, str]]:
    with Path(folder, "samples.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_plugin_s_step_runs_and_is_read_without_it(
    bench: Bench, install: Install, photos: Path
) -> None:
    site = install("own", POINT, shiftmod=STEP)
    words = ("run", *QUICK, "--size", 64, "--images", photos, "--limit", 1, "--launder",
             "Shift:007+jpeg:80")  # fmt: skip
    assert "shift [own 1.2]" in bench("list", "launders").stdout
    result = bench(*words, "--out", "out")
    assert result.exit_code == 0, result.output
    assert 'launder = [\n    "shift:7+jpeg:80"' in Path("out/plan.toml").read_text()
    record = json.loads(Path("out/record.json").read_text())
    assert list(record["launders"]) == ["shift:7+jpeg:80"]
    assert record["launders"]["shift:7+jpeg:80"]["plugins"] == ["shift"]
    assert "own 1.2" in record["launders"]["shift:7+jpeg:80"]["key"]
    bench(*words, "--out", "again")
    assert set(ran("again").values()) == {0}
    (site / "shiftmod.py").write_text(STEP.replace("pixels + np", "pixels - np"))
    sys.modules.pop("shiftmod")
    forget()
    bench(*words, "--out", "other")
    assert ran("other")["judge"] == 2  # of the plugin's step alone
    sys.modules.pop("shiftmod")
    told = json.loads(bench("check", "out", "--recompute", "999", "--json").stdout)["recomputed"]
    assert told["other"] == 0
    assert "shiftmod" not in sys.modules
    assert sum("shift:7+jpeg:80: not of this project" in one for one in told["left"]) == 1
    allowed = bench("check", "out", "--recompute", "999", "--allow-plugins", "--json").stdout
    assert "shift:7+jpeg:80: changed since" in json.loads(allowed)["recomputed"]["left"]
    shutil.rmtree(site)
    sys.modules.pop("shiftmod")
    forget()
    gone = bench("check", "out", "--recompute", "999", "--allow-plugins", "--json").stdout
    assert any("no post-processing" in one for one in json.loads(gone)["recomputed"]["left"])
    for words in (("table", "stats", "--run", "out"), ("report", "out")):
        result = bench(*words)
        assert result.exit_code == 0, result.output
    assert "shift:7+jpeg:80" in Path("out/index.html").read_text()
    assert "shiftmod" not in sys.modules


def test_a_step_that_raises_is_its_sample_s_failure(
    bench: Bench, install: Install, photos: Path
) -> None:
    install("own", POINT, shiftmod=STEP)
    Image.new("RGB", (80, 80), "white").save(photos / "white.png")
    result = bench("run", *QUICK, "--size", 64, "--images", photos, "--launder", "shift:7",
                   "--out", "out")  # fmt: skip
    assert result.exit_code == 1, result.output
    assert {(one["sample"], one["launder"]) for one in failures("out")} == {("white", "shift:7")}
    assert "no such shift" in failures("out")[0]["reason"]
    scored = [row for row in rows("out") if row["launder"] == "shift:7" and row["score"]]
    assert {row["sample"] for row in scored} == {"a", "b", "c"}


def test_a_crop_that_leaves_too_little_is_a_gap_with_its_reason(bench: Bench, photos: Path) -> None:
    masks = photos.parent / "masks"
    masks.mkdir()
    for name, side, hole in (("a", 64, (20, 40)), ("b", 64, (0, 8)), ("c", 30, (8, 24))):
        Image.fromarray(np.full((side, side, 3), 90, np.uint8)).save(photos / f"{name}.png")
        white = np.zeros((side, side), np.uint8)
        white[:, hole[0] : hole[1]] = 255
        Image.fromarray(white).save(masks / f"{name}.png")
    result = bench("run", *QUICK[2:], "--size", "native", "--images", photos, "--masks", masks,
                   "--launder", "crop:16", "--out", "out")  # fmt: skip
    assert result.exit_code == 1, result.output
    reasons = {(one["sample"], one["reason"]) for one in failures("out")}
    assert reasons == {
        ("b", "crop:16 leaves nothing of the hole"),
        ("c", "crop:16 leaves nothing of 30x30 pixels"),
    }
    cropped = {(row["sample"], row["inpainter"]): row for row in rows("out") if row["launder"]}
    assert cropped["a", "telea"]["auc"]
    assert cropped["a", "original"]["fpr"]
    assert not cropped["b", "telea"]["acc"]
    assert not cropped["b", "original"]["fpr"]  # so that both have the same samples


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("crop:32", "--launder crop:32: 0 of --size 64: flatness takes images of at least 1"),
        ("jpeg:90+gif:3", "step 2 of 2 in 'jpeg:90+gif:3': no post-processing named 'gif'"),
        ("vae:nobody/nothing", "get it with"),
    ],
)
def test_a_bad_step_is_refused_before_anything_runs(
    bench: Bench, photos: Path, step: str, said: str
) -> None:
    result = bench("run", *QUICK, "--size", 64, "--images", photos, "--launder", step,
                   "--out", "out")  # fmt: skip
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert not Path("out").exists()
