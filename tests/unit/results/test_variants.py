"""Retouched inpainters in tables, plots, statistics and the page's finding."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.results.run_folder import RunFolder, read_run
from benchmark.results.table import run_table
from benchmark.results.variants import InpainterVariant, parse_variant, variants_of
from benchmark.runner.plan import Plan
from inpainters import INPAINTERS
from reports.compare import compare_runs
from reports.figures.charts import charts
from reports.figures.files import draw
from reports.page.controls import gains
from reports.page.summary import DetectorSummary, detector_summaries
from reports.paper.tables import paper_tables
from reports.statistics import statistics_of
from tests.unit.reports.runs import Made
from tests.unit.results.test_table import cell

RETOUCH = ("none", "grain:1.5", "grain:match")
LEVEL = {  # higher: detected better
    "safepaint": 0.8, "safepaint+grain:1.5": 0.6, "safepaint+grain:match": 0.4,
    "telea": 0.9, "telea+grain:1.5": 0.3, "telea+grain:match": 0.2,
    "meanfill": 0.7, "meanfill+grain:1.5": 0.5, "meanfill+grain:match": 0.5,
    "original": 0.0, "original+grain:1.5": 0.1, "original+grain:match": 0.1,
}  # fmt: skip


def value(painter: str, metric: str, bucket: str, sample: int) -> float:
    return LEVEL[painter] + 0.001 * sample * (1 + len(painter))


def made(folder: Path, **changes: object) -> RunFolder:
    options = {"retouch": RETOUCH, "value": value, "samples": 8, **changes}
    return read_run(Made(**options).write(folder))  # type: ignore[arg-type]


def found(run: RunFolder) -> tuple[DetectorSummary, ...]:
    return detector_summaries(run, statistics_of(run))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return made(tmp_path / "run")


def test_variant_names_round_trip() -> None:
    for name in INPAINTERS.built_in:
        for step in ("", "grain:1.5", "grain:match", "median:3"):
            painter = InpainterVariant(name, step)
            assert parse_variant(painter.name) == painter
    assert parse_variant("safepaint++grain:1.5") == InpainterVariant("safepaint+", "grain:1.5")


def test_the_order_is_the_plans() -> None:
    plan = Plan(inpainters=("telea", "meanfill"), retouch=("grain:2", "none"))
    names = [one.name for one in variants_of(plan)]
    assert names == ["telea+grain:2", "telea", "meanfill+grain:2", "meanfill"]


def test_only_original_without_retouching_is_authentic() -> None:
    assert InpainterVariant("original").untouched
    assert not InpainterVariant("original", "grain:1").untouched
    assert InpainterVariant("safepaint").reported == "SafePaint"
    assert InpainterVariant("safepaint", "grain:1").reported == ""


def test_files_without_the_column_are_read_as_not_retouched(tmp_path: Path) -> None:
    folder = made(tmp_path / "run", retouch=()).path
    for name in ("results.csv", "samples.csv"):
        with (folder / name).open(newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            assert row.pop("retouch") == ""
        with (folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    found = read_run(folder)
    assert {row.retouch for row in found.results} == {""}
    assert {row.retouch for row in found.samples} == {""}
    assert "retouch" not in found.samples[0].numbers
    assert not compare_runs(folder, made(tmp_path / "new", retouch=()).path).failures


def test_the_runs_table_has_a_line_each_with_the_plain_models_weights() -> None:
    text = run_table([cell(), cell(retouch="grain:1.5", value=0.5)]).markdown()
    assert "| safepaint (mini) | trufor (mini) | AUC ↓ | 0.7500" in text
    assert "| safepaint+grain:1.5 (mini) | trufor (mini) | AUC ↓ | 0.5000" in text
    assert text.count("0.6417") == 1  # the paper has nothing retouched
    assert "after the inpainter and before rounding" in text
    assert "Retouching" not in run_table([cell()]).markdown()


def test_notes_name_8_bit_models_and_retouched_originals(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    INPAINTERS.card(f"mine=outputs:{tmp_path}")
    rows = [
        cell(inpainter=name, retouch="blur:1", weights=f"{name}=none trufor=mini")
        for name in ("mine", "original", "telea")
    ]
    notes = "\n".join(run_table(rows).notes)
    assert "mine: 8-bit outputs, so retouching is applied after rounding." in notes
    assert "original retouched: the hole is the original's" in notes


def test_extra_lines_of_the_papers_tables(run: RunFolder) -> None:
    (table,) = paper_tables(3, run)
    lines = {one.name: one for one in table.lines}
    assert lines["SafePaint"].entries[0].value == pytest.approx(0.8, abs=0.1)
    assert lines["safepaint+grain:1.5"].entries[0].value == pytest.approx(0.6, abs=0.1)
    assert lines["safepaint+grain:1.5"].entries[0].paper is None
    assert lines["safepaint+grain:1.5"].edition == "mini"
    assert "original (false positives)" in lines
    control = lines["original+grain:1.5"]  # lowest, but never the best
    assert not any(entry.ours_best for entry in control.entries)
    assert lines["telea+grain:match"].entries[0].ours_best


def test_tables_5_and_6_have_their_own_models_retouched_and_no_others(run: RunFolder) -> None:
    (table,) = paper_tables(5, run)
    names = {one.name for one in table.lines if one.measured}
    assert {"Backbone+DDL+RWSA", "safepaint+grain:1.5", "original (false positives)"} <= names
    assert not any(name.startswith(("telea", "meanfill")) for name in names)


def test_a_run_without_none_has_the_retouched_alone(tmp_path: Path) -> None:
    run = made(tmp_path / "run", retouch=("grain:1.5",))
    (table,) = paper_tables(3, run)
    assert {one.name for one in table.lines if one.measured} == {
        "safepaint+grain:1.5", "telea+grain:1.5", "meanfill+grain:1.5", "original+grain:1.5",
    }  # fmt: skip
    assert {row.painter for row in run.results if row.value is not None} == {
        one.name for one in variants_of(run.plan)
    }
    assert charts(run)


def test_statistics_take_them_as_further_models_but_not_as_the_best_rival(run: RunFolder) -> None:
    found = statistics_of(run)
    pairs = {one.against for one in found if (one.name, one.metric) == ("difference", "auc")}
    assert {"telea", "telea+grain:1.5", "meanfill+grain:match", "safepaint+grain:1.5"} <= pairs
    assert not any(name.startswith("original") for name in pairs)
    rivals = {one.against for one in found if (one.name, one.metric) == ("next_best", "auc")}
    assert rivals == {"meanfill"}  # telea+grain:match hides better, but is not a rival
    ranks = {
        one.inpainter: one.value
        for one in found
        if (one.name, one.metric, one.bucket) == ("rank", "auc", "10-20")
    }
    assert ranks["telea+grain:match"] == 1
    assert len(ranks) == 9
    forged = {one.inpainter for one in found if one.name == "image_auc"}
    assert "original+grain:1.5" in forged
    assert {one.inpainter for one in found if one.name == "fpr"} == {"original"}


def test_each_variant_has_its_own_color_and_marker(run: RunFolder) -> None:
    chart = next(one for one in charts(run) if one.name.endswith("auc"))
    assert len({(one.color, one.marker) for one in chart.series}) == len(chart.series) == 11
    assert "telea+grain:1.5" in {one.name for one in chart.series}
    assert "telea+grain:1.5, 10-20 %" in chart.series[4].points[0].label
    quality = next(one for one in charts(run) if one.name.endswith("psnr"))
    assert not any(one.name.startswith("original") for one in quality.series)
    many = replace(chart, series=chart.series * 6)
    figure = draw(many)  # 22 rows of names
    (axes,) = figure.axes
    assert axes.get_position().height * figure.get_figheight() > 1


def test_the_finding_begins_with_the_gain_over_a_flat_color(run: RunFolder) -> None:
    (summary,) = found(run)
    first = summary.sentences[0]
    assert first.startswith(
        "What does a network gain over a flat color (meanfill) with the same retouching? "
        "It hides better in 1 of 2, worse in 1 (AUC of the same images, Holm's rule over 2 tests): "
        "with grain:1.5, safepaint +0.1"
    )
    assert "(hides worse, p 0.0156); with grain:match, safepaint -0.0" in first
    assert "(hides better, p 0.0156)" in first
    assert "telea" not in first  # no network
    assert "telea+grain:match hides best" in summary.sentences[1]
    assert "safepaint against its best rival (two-sided)" in summary.sentences[3]
    assert "telea+grain:1.5" in {one.inpainter for one in summary.inpainters}


def test_a_model_below_the_null_does_not_hide_better(tmp_path: Path) -> None:
    def level(painter: str, metric: str, bucket: str, sample: int) -> float:
        known = {"auc_null": 0.45, "meanfill+grain:4": 0.55, "safepaint+grain:4": 0.1}
        return known.get(metric, known.get(painter, 0.9)) + 0.001 * sample * (1 + len(painter))

    options = {"inpainters": ("safepaint", "meanfill"), "retouch": ("grain:4",), "value": level}
    nulls = ("auc_null", "f1_null")
    first, second, *_ = found(made(tmp_path / "run", nulls=nulls, **options))[0].sentences
    assert "hides better in 0 of 1, worse in 1 (distance of AUC to the null" in first
    assert second.startswith("safepaint+grain:4 §: found by the inverted map")
    old = found(made(tmp_path / "old", **options))[0].sentences[0]
    assert "hides better in 1 of 1, worse in 0 (AUC of the same images" in old


def test_a_gain_is_paired_image_by_image(run: RunFolder) -> None:
    values = {one.inpainter: one.values for one in found(run)[0].inpainters}
    tests = {one.painter.retouch: one.test for one in gains(run, "auc", values)}
    for step, test in tests.items():
        apart = values[f"safepaint+{step}"] - values[f"meanfill+{step}"]
        assert test.value == pytest.approx(apart.mean())
        assert test.n == 8


def test_the_finding_without_a_flat_color_or_a_network(tmp_path: Path) -> None:
    run = made(tmp_path / "a", inpainters=("safepaint", "telea"))
    assert "meanfill is not in this run" in found(run)[0].sentences[0]
    run = made(tmp_path / "b", inpainters=("meanfill", "telea"))
    assert found(run)[0].sentences[0].startswith("telea+grain:match hides best")
    run = made(tmp_path / "c", retouch=())
    assert "flat color" not in " ".join(found(run)[0].sentences)


def test_few_images_give_no_verdict(tmp_path: Path) -> None:
    run = made(tmp_path / "run", samples=5)
    assert "(not tested: 5 images, a test needs 6)" in found(run)[0].sentences[0]


def test_two_runs_are_compared_line_by_line(run: RunFolder, tmp_path: Path) -> None:
    other = made(tmp_path / "other", retouch=("none", "grain:1.5"))
    changes = {
        (one.inpainter, one.metric, one.bucket): one
        for one in compare_runs(run.path, other.path).changes
    }
    assert changes["telea+grain:1.5", "auc", "10-20"].change == 0
    assert changes["telea+grain:match", "auc", "10-20"].change is None
