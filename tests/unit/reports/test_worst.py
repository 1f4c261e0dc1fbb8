"""The images that moved most: which, in which direction, and how many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reports.compare import compare_runs
from reports.comparison import Change, Comparison, Failure, WorstImage
from tests.unit.reports.runs import Made


def change_of(**changed: Any) -> Change:
    """A cell that rose by 0.02."""
    known: dict[str, Any] = {
        "dataset": "samples", "launder": "", "detector": "flatness", "inpainter": "telea",
        "bucket": "10-20", "metric": "auc", "first": 0.5, "second": 0.52, "low": 0.01,
        "high": 0.03, "p": 0.01, "p_holm": 0.02, "n": 6, "verdict": "worse", "reason": "",
        "first_weights": "telea=none", "second_weights": "telea=none", "met": False,
    }  # fmt: skip
    return Change(**{**known, **changed})


def comparison_of(*, sample: str = "a", **changed: Any) -> Comparison:
    """A comparison with one cell, which failed."""
    cell = change_of(**changed)
    return Comparison(
        first=Path("before"),
        second=Path("after"),
        changes=(cell,),
        failed=(Failure(cell, 0.01),),
        limits={"auc": 0.01},
        worst=(WorstImage(cell=cell, sample=sample, first=0.5, second=0.7),),
    )


def _value(inpainter: str, metric: str, bucket: str, sample: int) -> float:
    return 0.5


def _moved(inpainter: str, metric: str, bucket: str, sample: int) -> float:
    """AUC rises with the sample's number, most at 50-60; PSNR falls for telea."""
    if metric == "auc":
        return 0.5 + 0.01 * sample * (2 if bucket == "50-60" else 1) - 0.001
    return 0.5 - (0.1 * sample if (metric, inpainter) == ("psnr", "telea") else 0)


def test_three_images_of_each_metric_that_failed_each_once(tmp_path: Path) -> None:
    first = Made(value=_value).write(tmp_path / "first")
    second = Made(value=_moved).write(tmp_path / "second")
    found = compare_runs(first, second, "auc:+0.01,psnr:-0.01").worst
    shown = [(one.cell.metric, one.sample, one.cell.bucket) for one in found]
    assert shown[:3] == [
        ("auc", "image 5", "50-60"), ("auc", "image 4", "50-60"), ("auc", "image 3", "50-60"),
    ]  # fmt: skip
    assert [one[:2] for one in shown[3:]] == [
        ("psnr", "image 5"), ("psnr", "image 4"), ("psnr", "image 3"),
    ]  # fmt: skip
    assert (found[0].first, round(found[0].second, 6)) == (0.5, 0.599)
    assert found[3].cell.inpainter == "telea"


def test_without_a_failure_they_are_of_cells_that_are_worse(tmp_path: Path) -> None:
    first = Made(value=_value, samples=12).write(tmp_path / "first")
    second = Made(value=_moved, samples=12).write(tmp_path / "second")
    assert {one.cell.metric for one in compare_runs(first, second).worst} == {"auc", "psnr"}
    assert compare_runs(second, first).worst == ()  # better
    assert compare_runs(first, first, "auc:+0.01").worst == ()


def test_an_image_that_moved_the_other_way_is_not_named(tmp_path: Path) -> None:
    first = Made(value=_value, inpainters=("telea",), buckets=("10-20",)).write(tmp_path / "first")
    second = Made(
        value=lambda name, metric, bucket, sample: 0.9 if sample == 2 else 0.45,
        inpainters=("telea",), buckets=("10-20",),
    ).write(tmp_path / "second")  # fmt: skip
    (one,) = compare_runs(first, second, "auc:+0.01").worst
    assert one.sample == "image 2"
