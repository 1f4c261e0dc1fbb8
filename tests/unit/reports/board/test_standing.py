"""Ranks: by the distance to the null, only with all cells, never of what is not comparable."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.board.standing import Standing, counts
from reports.board.values import SectionView
from tests.unit.reports.board.made import make, views


def standing(view: SectionView, painter: str, bucket: str = "") -> Standing:
    (column,) = view.columns
    place = next(at for at, row in enumerate(view.rows) if row.key.painter == painter)
    return view.standings(column, bucket=bucket)[place]


def test_ranks_are_by_the_mean_distance_to_the_null(tmp_path: Path) -> None:
    values = {"telea": 0.7, "meanfill 10-20": 0.6, "meanfill 30-40": 0.9, "lama": 0.55}
    (view,) = views(make(tmp_path / "run", values))
    lama, telea, flat = (standing(view, name) for name in ("lama", "telea", "meanfill"))
    assert [lama.rank, telea.rank, flat.rank] == [1, 2, 3]
    assert telea.distance == pytest.approx(0.2)
    assert flat.distance == pytest.approx(0.25)  # the mean of 0.1 and 0.4
    assert flat.null == pytest.approx(0.50025)
    assert flat.value == pytest.approx(0.75025)
    assert flat.low is not None
    assert flat.low <= 0.75025 <= (flat.high or 0)
    assert standing(view, "meanfill", "10-20").rank == 2
    assert (lama.n, lama.expected) == (6, 6)


def test_distances_above_and_below_the_null_do_not_cancel(tmp_path: Path) -> None:
    values = {"telea 10-20": 0.45, "telea 30-40": 0.55, "lama": 0.52}
    (view,) = views(make(tmp_path / "run", values, samples=3))  # too few for §
    assert standing(view, "telea").distance == pytest.approx(0.05)
    assert standing(view, "lama").rank == 1


def test_a_gap_is_never_averaged_over(tmp_path: Path) -> None:
    values = {"telea": 0.7, "lama": 0.55, "meanfill": 0.9}
    (view,) = views(make(tmp_path / "run", values, gaps=[("lama", "30-40")]))
    found = standing(view, "lama")
    assert (found.value, found.distance, found.rank) == (None, None, None)
    assert found.reason == "lacks 1 of 2 cells: failed"
    assert standing(view, "lama", "10-20").rank == 1
    assert standing(view, "telea").rank == 1
    assert counts(view.standings(view.columns[0])) == (
        "2 of 3 ranked, 1 lack numbers that are compared"
    )


def test_below_the_null_and_seen_in_training_are_shown_and_not_ranked(tmp_path: Path) -> None:
    values = {"telea": 0.2, "lama": 0.51, "meanfill": 0.9}
    (view,) = views(make(tmp_path / "run", values, met=["lama"]))
    below, seen = standing(view, "telea"), standing(view, "lama")
    assert (below.mark, below.rank) == ("§", None)
    assert below.value == pytest.approx(0.20025)
    assert "below the null" in below.reason
    assert (seen.mark, seen.rank) == ("¶", None)
    assert standing(view, "meanfill").rank == 1
    assert "1 § below the null, 1 ¶ seen in training" in counts(view.standings(view.columns[0]))


def test_equal_distances_share_a_rank(tmp_path: Path) -> None:
    (view,) = views(make(tmp_path / "run", {"telea": 0.7, "lama": 0.7, "meanfill": 0.9}))
    assert [standing(view, name).rank for name in ("telea", "lama", "meanfill")] == [1, 1, 3]


def test_a_run_without_samples_is_shown_and_not_ranked(tmp_path: Path) -> None:
    folder = make(tmp_path / "run", {"telea": 0.7, "lama": 0.55})
    (folder / "samples.csv").unlink()
    (view,) = views(folder)
    found = standing(view, "telea", "10-20")
    assert found.value == pytest.approx(0.70025)
    assert found.rank is None
    assert found.reason == "no values per image, so not tested"
    assert any("samples.csv is missing" in note for note in view.notes())


def test_a_convention_without_a_null_is_not_ranked(tmp_path: Path) -> None:
    folder = make(
        tmp_path / "run", {"telea": 0.7}, metrics=("auc_imdlbenco", "psnr"), convention="imdlbenco"
    )
    (view,) = views(folder)
    found = standing(view, "telea")
    assert found.value is not None
    assert found.reason == "auc_imdlbenco of this convention has no null"
