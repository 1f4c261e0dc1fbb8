"""Findings and caveats of the page, of made runs."""

from __future__ import annotations

from benchmark.results.run_folder import RunFolder
from reports.findings import rival_text
from reports.page.summary import DetectorSummary, caveats, detector_summaries
from reports.statistics import statistics_of
from tests.unit.reports.runs import result_row, run_of, sample_row


def runs_apart(count: int, gap: float, who: str = "safepaint") -> RunFolder:
    """One inpainter below the mean fill by `gap` on every image."""
    names = [f"{number:03}" for number in range(count)]
    samples = [sample_row(name, who, 0.6 + 0.001 * at) for at, name in enumerate(names)]
    samples += [
        sample_row(name, "meanfill", 0.6 + gap + 0.001 * at + 0.01 * (-1) ** at)
        for at, name in enumerate(names)
    ]
    rows = [result_row(who, "auc", 0.6), result_row("meanfill", "auc", 0.6 + gap)]
    return run_of([*rows, result_row("original", "fpr", 0.25)], samples)


def summary_of(run: RunFolder) -> DetectorSummary:
    (summary,) = detector_summaries(run, statistics_of(run))
    return summary


def finding_of(run: RunFolder) -> str:
    return " ".join(summary_of(run).sentences)


def test_a_difference_on_many_images_is_better() -> None:
    run = runs_apart(40, 0.2)
    finding = finding_of(run)
    assert finding.startswith("safepaint hides best: AUC 0.6195 [")
    assert "Next is meanfill with AUC" not in finding
    assert "Next is meanfill with 0.8195 [" in finding
    assert "safepaint against its best rival (two-sided): 10-20 % -0.2000 [" in finding
    assert "to meanfill, better (p below 0.0001, Holm below 0.0001)" in finding
    assert "25 % of the authentic images" in finding
    summary = summary_of(run)
    measured = [one.inpainter for one in summary.inpainters if one.value is not None]
    assert measured == ["safepaint", "meanfill"]  # best first
    assert summary.inpainters[0].low is not None
    assert (
        summary.inpainters[0].low
        < (summary.inpainters[0].value or 0)
        < (summary.inpainters[0].high or 0)
    )


def test_the_page_and_the_statistics_have_the_same_test() -> None:
    run = runs_apart(7, 0.2)
    (best,) = (one for one in statistics_of(run) if one.name == "next_best")
    assert rival_text(best) in finding_of(run)


def test_five_images_are_not_tested() -> None:
    finding = finding_of(runs_apart(5, 0.2))
    assert "to meanfill, not tested (5 images, a test needs 6)" in finding
    assert "p 0" not in finding


def test_no_gap_is_no_difference() -> None:
    assert "no difference shown (p" in finding_of(runs_apart(40, 0.0))


def test_a_run_without_safepaint_tests_nothing() -> None:
    finding = finding_of(runs_apart(40, 0.2, "telea"))
    assert finding.startswith("telea hides best")
    assert (
        "No inpainter is tested against another: the test is of safepaint and its best rival."
        in finding
    )


def test_a_gap_in_any_bin_is_a_gap_of_the_summary() -> None:
    buckets = ("10-20", "30-40")
    rows = [
        result_row("telea", "auc", 0.6),
        result_row("telea", "auc", None, bucket="30-40", reason="only 1 of 4 were measured"),
    ]
    run = run_of(rows, [sample_row("a", "telea", 0.6)], buckets=buckets)
    summary = summary_of(run)
    assert summary.inpainters[0].value is None
    assert summary.inpainters[0].reason == "only 1 of 4 were measured"
    assert summary.sentences == ("No finding yet: no inpainter has all its numbers.",)


def test_few_images_and_mini_weights_are_caveats() -> None:
    rows = [result_row("telea", "auc", 0.6, weights="telea=mini flatness=none")]
    finding = " ".join(caveats(run_of(rows, [sample_row("a", "telea", 0.6)])))
    assert "Only 1 image:" in finding
    assert "telea: mini weights" in finding
    assert "not the paper's" in finding
