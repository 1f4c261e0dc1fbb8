"""tools/mini: goals are told from measurements; kept measurements of others are refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tools.mini import goals
from tools.mini.measured import Measured, rows_of
from tools.mini.plans import DETECTORS

QUALITY = """
| model | bin | misses |
| --- | --- | --- |
| telea | 10-20 | - |
| lama | 10-20 | - |
| fcf | 10-20 | LPIPS, peaks |
"""


def measured(work: Path, auc: float) -> Measured:
    found = Measured(photos=Path("photos"), forged=None, limit=3, work=work)
    kinds = [*goals.CONTROLS, *goals.PASTED, "lama", "fcf", "authentic"]
    row = {"auc": str(auc), "null": "0.5", "high": str(auc - 0.5), "fires": "0.2", "met": "0"}
    vars(found)["kinds"] = [
        row | {"kind": kind, "detector": one, "met": str(int(kind == "lama"))}
        for kind in kinds
        for one in DETECTORS
    ]
    vars(found)["quality"] = rows_of(QUALITY)
    return found


@pytest.mark.parametrize(("auc", "met"), [(0.9, True), (0.4, False)])
def test_goals_are_met_or_missed(
    auc: float, met: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(goals, "_false_positives", lambda _: 2)
    text = goals.table_of_goals(measured(tmp_path, auc))
    lines = {line.split(" | ")[0].strip("| "): line for line in text.splitlines()}
    assert ("missed" in lines["meanfill+grain:1.5"]) is not met
    assert ("missed" in lines["fcf (not in training)"]) is not met
    assert "lama (not in training)" not in lines  # it was trained on
    assert ("none" in lines["controls below the null"].split(" | ", 2)[2]) is met
    assert lines["false positives"].count("20%: missed") == len(DETECTORS)
    assert lines["of the images that ship"].count("2: missed") == len(DETECTORS)
    assert "fcf (10-20 %)" in lines["LPIPS below telea's"]
    assert lines["PSNR not far below telea's"].endswith("| - |")


def test_measurements_of_other_images_are_refused(tmp_path: Path) -> None:
    found = Measured(photos=Path("photos"), forged=None, limit=3, work=tmp_path)
    found.refuse_other_inputs()
    found.refuse_other_inputs()
    with pytest.raises(SystemExit, match="other images or weights"):
        dataclasses.replace(found, limit=4).refuse_other_inputs()
