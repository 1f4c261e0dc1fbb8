"""Table of a run: numbers, intervals, the paper's numbers, gaps."""

from __future__ import annotations

from pathlib import Path

from benchmark.results.csv import write_results
from benchmark.results.rows import ResultRow
from benchmark.results.table import run_table


def cell(**changes: object) -> ResultRow:
    values: dict[str, object] = {
        "dataset": "samples", "detector": "trufor", "inpainter": "safepaint", "bucket": "10-20",
        "metric": "auc", "value": 0.75, "n": 7, "expected": 7, "low": 0.5, "high": 0.9,
        "weights": "safepaint=mini trufor=mini",
    }  # fmt: skip
    return ResultRow(**{**values, **changes})


def lines_of(folder: Path, rows: list[ResultRow]) -> list[str]:
    write_results(folder / "results.csv", rows)
    return (folder / "results.csv").read_text().splitlines()


def test_our_number_its_interval_and_the_papers() -> None:
    text = run_table([cell(), cell(bucket="30-40", value=0.5)]).markdown()
    assert "| inpainter | detector | metric | 10-20 % | paper | 30-40 % | paper |" in text
    assert (
        "| safepaint (mini) | trufor (mini) | AUC ↓ | 0.7500 [0.5000, 0.9000] | 0.6417 "
        "| 0.5000 [0.5000, 0.9000] | 0.5781 |"
    ) in text
    assert "7 at 10-20 %" in text


def test_a_gap_shows_how_many_of_how_many_and_its_reason_once() -> None:
    gap = {"value": None, "low": None, "high": None, "n": 6, "reason": "only 6 of 7 were measured"}
    text = run_table([cell(**gap), cell(bucket="30-40", **gap)]).markdown()
    assert "- (6/7)" in text
    assert text.count("only 6 of 7 were measured") == 1


def test_models_without_weights_share_a_line() -> None:
    gap = {"value": None, "low": None, "high": None, "n": 0, "reason": "no weights here"}
    rows = [
        cell(inpainter=name, metric=metric, weights=f"{name}=absent trufor=mini", **gap)
        for name in ("madf", "lama")
        for metric in ("auc", "f1")
    ]
    assert "- madf, lama: no weights here." in run_table(rows).markdown()


def test_a_derived_score_carries_a_dagger() -> None:
    text = run_table(
        [cell(detector="flatness", metric="acc", weights="safepaint=mini flatness=none")]
    )
    assert "| flatness† | ACC ↓ |" in text.markdown()
    assert "over 2 % of the heatmap" in text.markdown()


def test_metrics_of_the_image_name_no_detector() -> None:
    row = cell(
        detector="", metric="psnr", value=25.0, low=None, high=None, weights="safepaint=mini"
    )
    assert "| safepaint (mini) | - | PSNR ↑ | 25.00 | 29.00 |" in run_table([row]).markdown()


def test_fpr_has_no_number_in_the_paper(tmp_path: Path) -> None:
    row = cell(inpainter="original", metric="fpr", weights="original=none trufor=mini")
    assert "| original | trufor (mini) | FPR |" in run_table([row]).markdown()
    assert lines_of(tmp_path, [row])[1].split(",")[12] == ""


def test_an_inpainter_that_reads_the_hole_is_marked(tmp_path: Path) -> None:
    seeing = cell(inpainter="ctsdg", weights="ctsdg=mini trufor=mini", sees_hole=True)
    text = run_table([cell(), seeing]).markdown()
    assert "| ctsdg‡ (mini) | trufor (mini) |" in text
    assert "| safepaint (mini) |" in text
    assert text.count("--hole-blind") == 1
    assert lines_of(tmp_path, [seeing])[1].endswith(",yes,,")
    blind = run_table([cell(inpainter="ctsdg", weights="ctsdg=mini trufor=mini")]).markdown()
    assert "‡" not in blind


def test_csv_has_six_decimals_and_empty_gaps(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, [cell(), cell(value=None, low=None, high=None, n=0)])
    assert lines[1] == (
        "samples,,trufor,safepaint,,10-20,auc,0.750000,7,7,0.500000,0.900000,0.641700,"
        "safepaint=mini trufor=mini,,,"
    )
    assert lines[2].split(",")[7:12] == ["", "0", "7", "", ""]


def test_several_data_sets_and_post_processings_have_columns() -> None:
    washed = cell(launder="jpeg:70", value=0.5, low=None, high=None)
    text = run_table([cell(), washed, cell(dataset="celeba", expected=9)]).markdown()
    assert "## samples, celeba: can the detector" in text
    assert "| data set | post-processing | inpainter |" in text
    assert "| samples | jpeg:70 | safepaint (mini) | trufor (mini) | AUC ↓ | 0.5000 |  |" in text
    assert "| celeba | - | safepaint (mini) |" in text
    assert "Samples of celeba: 9 at 10-20 %." in text
    assert "jpeg:quality" in text
    assert "post-processing" not in run_table([cell()]).markdown()


def test_post_processed_images_have_no_number_in_the_paper_and_gaps_a_reason(
    tmp_path: Path,
) -> None:
    gap = cell(launder="jpeg:70", value=None, low=None, high=None, n=0, reason="why, then")
    line = lines_of(tmp_path, [gap])[1]
    assert line.startswith("samples,jpeg:70,trufor,safepaint,,10-20,auc,,0,7,,,,")
    assert line.endswith(',"why, then",')
