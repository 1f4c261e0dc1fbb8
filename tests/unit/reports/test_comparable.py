"""In what two runs may differ, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.core.errors import DataError
from reports.compare import compare_runs
from reports.formats.comparison import comparison_text
from tests.unit.reports.runs import Made


def recorded(folder: Path, **keys: object) -> Path:
    """Add keys to the record of a run."""
    path = folder / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal runs."""
    return Made().write(tmp_path / "first"), Made().write(tmp_path / "second")


def test_equal_runs_have_no_notes(runs: tuple[Path, Path]) -> None:
    for run in runs:
        recorded(run, metrics={"auc": "1"})
    assert compare_runs(*runs).notes == ()


def test_a_metric_of_another_revision_is_not_compared(runs: tuple[Path, Path]) -> None:
    recorded(runs[0], metrics={"auc": "1", "acc": "1", "psnr": "1"})
    recorded(runs[1], metrics={"auc": "2", "acc": "1", "psnr": "1"})
    found = compare_runs(*runs, "psnr:-1")
    said = "auc (revision 1 in the first run, 2 in the second)"
    assert found.notes == (f"Metrics of another revision, not compared: {said}.",)
    own = [one for one in found.changes if one.metric == "auc" and one.first is not None]
    assert {(one.change, one.low, one.verdict) for one in own} == {(None, None, "not tested")}
    assert found.notes[0] in comparison_text(found)
    assert "or a metric of another revision" in found.summary()


def test_a_limit_of_such_a_metric_is_refused(runs: tuple[Path, Path]) -> None:
    recorded(runs[0], metrics={"auc": "1"})
    recorded(runs[1], metrics={"auc": "2"})
    with pytest.raises(DataError, match="auc has revision 1 in the first run, 2 in the second"):
        compare_runs(*runs, "auc:+0.01")


def test_a_run_that_does_not_say_its_revisions_is_named(runs: tuple[Path, Path]) -> None:
    recorded(runs[1], metrics={"auc": "1"})
    (note,) = compare_runs(*runs).notes
    assert note.startswith(f"{runs[0]}: of an older version, which does not say the revisions")


def test_other_plans_weights_and_programs_are_said(tmp_path: Path) -> None:
    first = Made(convention="paper").write(tmp_path / "first")
    second = Made(convention="tgif").write(tmp_path / "second")
    program = {"kind": "inpainter", "word": "mine=cmd:x", "card": {"name": "mine", "title": "x"}}
    for run, letter in ((first, "a"), (second, "b")):
        known = {"telea": {"edition": "none"}, "mine": {"edition": "none"}}
        recorded(
            run, metrics={"auc": "1"},
            checkpoints={**known, "safepaint": {"edition": "mini", "sha256": letter}},
            brought={"mine": {**program, "identity": letter}},
        )  # fmt: skip
    assert compare_runs(first, second).notes == (
        "The plans differ in convention (paper; tgif).",
        "Other weights, files or code under the same name: mine, safepaint.",
    )


def test_other_pixels_are_said(tmp_path: Path) -> None:
    """Of the same bin: the key of an image contains its mask."""
    bins = {"first": ("10-20", "30-40"), "second": ("30-40", "50-60")}
    runs = [Made(buckets=own).write(tmp_path / name) for name, own in bins.items()]
    for run, digit in zip(runs, "ab", strict=True):
        path = run / "samples.csv"
        head, *rows = path.read_text().splitlines()
        names = head.split(",")
        parts = [row.split(",") for row in rows]
        for row in parts:
            other = digit if row[names.index("sample")] == "image 1" else "0"
            bucket = row[names.index("mask_ratio_percent")][0]
            row[names.index("original_key")] = other * 31 + bucket
        path.write_text("\n".join([head, *(",".join(row) for row in parts)]) + "\n")
        recorded(run, metrics={"auc": "1"})
    plans, pixels = compare_runs(*runs).notes
    assert plans.startswith("The plans differ in buckets")
    assert pixels.startswith("1 of 6 images have other pixels in the second run")
