"""The two runs with which the page of what moved opens."""

from __future__ import annotations

from pathlib import Path

from reports.board.first_change import first_change
from reports.board.images import list_images
from tests.unit.reports.board.made import REVISIONS, make, sources

VALUES = {"telea": 0.7, "lama": 0.6}


def opens(*folders: Path) -> tuple[int, int] | None:
    runs = sources(*folders).runs
    return first_change(runs, list_images(runs))


def test_the_first_two_runs_that_differ_in_an_image_are_found(tmp_path: Path) -> None:
    one = make(tmp_path / "one", VALUES)
    same = make(tmp_path / "same", VALUES, commit="another")
    moved = make(tmp_path / "moved", {"telea": 0.7, "lama 30-40": 0.61, "lama": 0.6})
    assert opens(one, same) is None
    assert opens(one, same, moved) == (0, 2)
    assert opens(moved, one, same) == (0, 1)
    near = make(tmp_path / "near", {"telea": 0.7000001, "lama": 0.6})
    assert opens(one, near) is None  # equal as printed
    revised = make(tmp_path / "revised", {"telea": 0.9}, revisions={**REVISIONS, "auc": "2"})
    assert opens(one, revised) is None  # not compared
