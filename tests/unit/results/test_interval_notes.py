"""Table notes on intervals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.results.interval_notes import interval_note
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import read_run
from benchmark.results.table import run_table
from reports.paper.tables import paper_tables
from tests.unit.reports.runs import Made


def cell(metric: str, n: int, low: float | None = 0.1) -> ResultRow:
    return ResultRow(
        dataset="samples", detector="flatness", inpainter="telea", bucket="10-20", metric=metric,
        value=0.5, n=n, expected=n, low=low, high=low, weights="telea=none flatness=none",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([("auc", 49)], "Student's t for means over fewer than 50."),
        ([("auc", 50)], "percentile bootstrap for means over 50 or more."),
        ([("acc", 7)], "Clopper-Pearson for shares of images."),
        ([("fpr", 700)], "Clopper-Pearson for shares of images."),
        (
            [("acc", 60), ("auc", 60), ("f1", 12)],
            (
                "Clopper-Pearson for shares of images, Student's t for means over fewer than 50, "
                "percentile bootstrap for means over 50 or more."
            ),
        ),
    ],
)
def test_the_note_names_what_is_there(cells: list[tuple[str, int]], said: str) -> None:
    found = [cell(*one) for one in cells]
    assert interval_note(found) == f"Brackets: 95 % interval over images: {said}"
    assert interval_note(found) in run_table(found).markdown()


def test_no_brackets_no_note() -> None:
    assert interval_note([cell("auc", 1, low=None)]) == ""
    assert "Brackets" not in run_table([cell("auc", 1, low=None)]).markdown()


def test_intervals_of_older_runs_are_named(tmp_path: Path) -> None:
    folder = Made(buckets=("10-20",)).write(tmp_path / "run")
    (table,) = paper_tables(3, read_run(folder))
    assert any("Student's t" in note for note in table.notes)
    (folder / "record.json").write_text(json.dumps({"failures": []}), encoding="utf-8")
    (old,) = paper_tables(3, read_run(folder))
    assert any("percentile bootstrap interval over images, of an older" in one for one in old.notes)
    assert not any("Student's t" in note for note in old.notes)
