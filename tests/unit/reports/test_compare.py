"""Comparison of two runs: paired by image, the same images required, limits."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from benchmark.core.errors import BadInput, DataError
from reports.compare import compare_runs
from reports.comparison import Change, Comparison
from reports.formats.comparison import comparison_text
from reports.page.write import write_comparison
from tests.unit.reports.runs import Made

LEVEL = {"safepaint": 0.5, "telea": 0.6}


def value(inpainter: str, metric: str, bucket: str, sample: int) -> float:
    return LEVEL.get(inpainter, 0.7) + 0.05 * sample


def shifted(inpainter: str, metric: str, bucket: str, sample: int) -> float:
    """SafePaint's AUC rises by 0.01 on every image, telea's on one alone."""
    rise = inpainter == "safepaint" or (inpainter == "telea" and sample == 0)
    return value(inpainter, metric, bucket, sample) + (0.01 if rise and metric == "auc" else 0.0)


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    first = Made(value=value).write(tmp_path / "first")
    return first, Made(value=shifted).write(tmp_path / "second")


def the(comparison: Comparison, inpainter: str, metric: str) -> Change:
    return next(
        one
        for one in comparison.changes
        if (one.inpainter, one.metric, one.bucket) == (inpainter, metric, "10-20")
    )


def test_what_moved_and_whether_it_is_noise(runs: tuple[Path, Path]) -> None:
    found = compare_runs(*runs)
    risen = the(found, "safepaint", "auc")
    assert risen.change == pytest.approx(0.01)
    assert (risen.low, risen.high) == pytest.approx((0.01, 0.01))
    assert (risen.p, risen.n) == (2 / 64, 6)
    lone = the(found, "telea", "auc")
    assert lone.change == pytest.approx(0.01 / 6, abs=1e-6)
    assert lone.p == 1.0
    still = the(found, "meanfill", "auc")
    assert (still.change, still.verdict) == (0.0, "no difference shown")
    assert not [one for one in found.changes if (one.inpainter, one.metric) == ("original", "auc")]
    assert "30 cells: 6 moved, 0 of them better or worse by a test." in comparison_text(found)


def test_the_family_is_what_moved_with_a_detector(runs: tuple[Path, Path]) -> None:
    """Three hole sizes of safepaint and three of telea: 6 tests, and 2 / 64 cannot pass them."""
    found = compare_runs(*runs)
    reason = "p below 0.05 cannot be reached with 6 images and 6 tests"
    for inpainter in ("safepaint", "telea"):
        one = the(found, inpainter, "auc")
        assert (one.verdict, one.reason) == ("not tested", reason)
    assert f"Not tested, 6 of them: {reason}." in comparison_text(found)


def test_a_change_of_one_number_is_tested_alone(tmp_path: Path) -> None:
    made = {"buckets": ("10-20",), "inpainters": ("safepaint", "meanfill"), "samples": 6}
    first = Made(value=value, **made).write(tmp_path / "first")  # type: ignore[arg-type]
    second = Made(value=shifted, **made).write(tmp_path / "second")  # type: ignore[arg-type]
    worse = the(compare_runs(first, second), "safepaint", "auc")
    assert (worse.p, worse.p_holm, worse.verdict) == (2 / 64, 2 / 64, "worse")
    better = the(compare_runs(second, first), "safepaint", "auc")
    assert better.verdict == "better"  # AUC fell: hidden better
    assert "0.0313" in comparison_text(compare_runs(first, second))


def test_five_images_are_not_tested(tmp_path: Path) -> None:
    made = {"buckets": ("10-20",), "samples": 5}
    first = Made(value=value, **made).write(tmp_path / "first")  # type: ignore[arg-type]
    second = Made(value=shifted, **made).write(tmp_path / "second")  # type: ignore[arg-type]
    one = the(compare_runs(first, second), "safepaint", "auc")
    assert (one.p, one.verdict, one.reason) == (None, "not tested", "5 images, a test needs 6")
    assert (one.low, one.high) == (None, None)  # as much on every image


def test_holm_corrects_within_a_detector_alone(tmp_path: Path) -> None:
    made = {"buckets": ("10-20",), "detectors": ("trufor", "flatness"), "samples": 9}
    first = Made(value=value, **made).write(tmp_path / "first")  # type: ignore[arg-type]
    second = Made(value=shifted, **made).write(tmp_path / "second")  # type: ignore[arg-type]
    found = [one for one in compare_runs(first, second).changes if one.metric == "auc"]
    mine = {one.detector: one.p_holm for one in found if one.inpainter == "safepaint"}
    assert mine == {"trufor": 2 * 2 / 512, "flatness": 2 * 2 / 512}


def test_false_positives_are_paired_too(runs: tuple[Path, Path]) -> None:
    assert the(compare_runs(*runs), "original", "fpr").n == 6


@pytest.mark.parametrize(
    ("limits", "failed"),
    [
        ("", 0),
        ("auc:+0.005", 3),
        ("auc:+0.01", 0),  # by no more than the limit
        ("auc:+0.0011", 6),
        ("auc:+0", 6),
        ("auc:-0.001", 0),
        ("psnr:-0.2, auc:+0.005", 3),
    ],
)
def test_limits(runs: tuple[Path, Path], limits: str, failed: int) -> None:
    assert len(compare_runs(*runs, limits).failures) == failed


def test_a_fall_has_its_limit(runs: tuple[Path, Path]) -> None:
    found = compare_runs(runs[1], runs[0], "auc:-0.005")
    assert found.failures[0] == (
        "safepaint on trufor: auc (samples 10-20 %) moved by -0.010000, the limit is -0.005"
    )


def test_a_number_that_is_missing_in_the_second_run_fails(tmp_path: Path) -> None:
    first = Made(value=value).write(tmp_path / "first")
    second = Made(value=value, absent=("telea",)).write(tmp_path / "second")
    third = Made(value=value, inpainters=("safepaint", "meanfill")).write(tmp_path / "third")
    for other in (second, third):
        failures = compare_runs(first, other, "auc:+0.5").failures
        assert len(failures) == 3
        assert all("telea on trufor: auc" in line and "gap" in line for line in failures)
    assert compare_runs(second, first, "auc:+0.5").failures == ()


def test_a_cell_without_a_number_in_either_run_is_left_out(tmp_path: Path) -> None:
    """Not in any format, but named: `original` has no AUC by its nature, `telea` no weights."""
    runs = [Made(value=value, absent=("telea",)).write(tmp_path / name) for name in ("a", "b")]
    found = compare_runs(*runs, "auc:+0.5")
    assert found.changes
    assert not [one for one in found.changes if one.first is None and one.second is None]
    assert found.failures == ()
    (note,) = found.notes
    assert note == "Left out, as neither run has a number: 9 cells of telea (no weights here)."


@pytest.mark.parametrize("limits", ["auc", "auc:0.01", "auc:+x", "auc+0.01", ":+1"])
def test_malformed_limits_are_refused(runs: tuple[Path, Path], limits: str) -> None:
    with pytest.raises(BadInput, match="--fail-on: expected METRIC"):
        compare_runs(*runs, limits)


def test_a_limit_of_a_metric_that_was_not_measured_is_refused(runs: tuple[Path, Path]) -> None:
    with pytest.raises(BadInput, match="no 'f1' in these runs; they have acc, auc, fpr"):
        compare_runs(*runs, "f1:+0.1")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"samples": 5}, "different images or masks of samples at 10-20 %, such as 'image 5'"),
        ({"mask": "random with seed 2"}, "different images or masks"),
        ({"buckets": ("20-30",)}, "no data set and mask-ratio bin in common"),
        ({"datasets": ("places2",)}, "no data set and mask-ratio bin in common"),
    ],
)
def test_runs_over_other_images_are_refused(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    first = Made(value=value).write(tmp_path / "first")
    second = Made(value=value, **changes).write(tmp_path / "second")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=said) as caught:
        compare_runs(first, second)
    assert "\n" not in str(caught.value)


def test_a_pooled_metric_has_no_interval(tmp_path: Path) -> None:
    made = Made(metrics=("f1_pooled",), inpainters=("telea",), value=value)
    found = compare_runs(made.write(tmp_path / "first"), made.write(tmp_path / "second"))
    assert {(one.change, one.low, one.verdict) for one in found.changes} == {
        (0.0, None, "not tested")
    }
    assert "a number of all images together has no value per image" in found.rule


def test_runs_are_named_as_they_were_given(
    runs: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that names something else than a folder, which is opened elsewhere."""
    folders = {tmp_path / "a.zip": runs[0], tmp_path / "b.zip": runs[1]}
    monkeypatch.setattr(
        "reports.opened.opened_folder", lambda path: nullcontext(folders[Path(path)])
    )
    monkeypatch.chdir(tmp_path)
    made = write_comparison(*folders)
    assert (made.comparison.first, made.comparison.second) == tuple(folders)
    assert made.page == Path("compare.html")
    assert str(runs[0]) not in made.page.read_text(encoding="utf-8")
