"""Runs that have the same row: equal, different within noise, or beyond it; and their history."""

from __future__ import annotations

import os
from pathlib import Path

from reports.board.history import histories
from tests.unit.reports.board.made import make, views


def test_equal_numbers_are_no_disagreement(tmp_path: Path) -> None:
    one = make(tmp_path / "one", {"telea": 0.7}, commit="a")
    (view,) = views(one, make(tmp_path / "two", {"telea": 0.7}, commit="b"))
    assert view.differing == {}
    assert [run.name for run in view.rows[0].runs] == ["one", "two"]


def test_different_numbers_of_the_same_weights_are_said(tmp_path: Path) -> None:
    one = make(tmp_path / "one", {"telea": 0.7, "lama": 0.6}, samples=8)
    (view,) = views(one, make(tmp_path / "two", {"telea": 0.72, "lama": 0.6}, samples=8))
    (lines,) = view.differing.values()
    said = "telea on trufor: one and two differ beyond noise in 2 of 2 cells, most at samples 10-20"
    assert lines == [f"{said} %: 0.7004 and 0.7204"]


def test_a_difference_of_too_few_images_is_not_tested(tmp_path: Path) -> None:
    one = make(tmp_path / "one", {"telea": 0.7}, samples=3)
    (view,) = views(one, make(tmp_path / "two", {"telea": 0.72}, samples=3))
    ((line,),) = view.differing.values()
    assert "differ (not tested: " in line


def test_history_is_by_date_and_says_what_moved_beyond_noise(tmp_path: Path) -> None:
    folders = [
        make(tmp_path / name, {"lama": value}, commit=name, samples=8)
        for name, value in (("c", 0.8), ("a", 0.6), ("b", 0.6))
    ]
    for age, folder in zip((0, 200, 100), folders, strict=True):
        os.utime(folder / "record.json", (1e9 - age, 1e9 - age))
    (view,) = views(*folders)
    (found,) = histories(view, "lama")
    (column,) = found.columns
    assert [one.run.record.commit for one in found.runs] == ["a", "b", "c"]
    assert [one.changes.get(column, "") for one in found.runs] == [
        "",
        "equal",
        "beyond noise in 2 of 2 cells",
    ]
    assert [len(series.points) for series in found.chart.series] == [3]


def test_a_model_of_one_run_has_no_history(tmp_path: Path) -> None:
    (view,) = views(make(tmp_path / "one", {"lama": 0.6}))
    assert list(histories(view, "lama")) == []
