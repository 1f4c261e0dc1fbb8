"""The null in every report: rows, marks, ranks and bold numbers."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark import Plan, run
from benchmark.results.nulls import (
    MARK_NOTE,
    NO_NULL,
    NULL_ELSEWHERE,
    NULL_LINE,
    NULL_NOTE,
    CellKey,
    against_null,
    distance_from_null,
    is_below,
)
from benchmark.results.run_folder import RunFolder, read_run
from benchmark.results.significance import PairedTest
from benchmark.results.table import run_table
from reports.document import table_document
from reports.figures.charts import charts
from reports.figures.files import draw
from reports.findings import annotated
from reports.formats import render
from reports.page.plots import svg
from reports.page.summary import detector_summaries
from reports.page.write import write_report
from reports.paper.entries import Line, PaperTable
from reports.paper.tables import paper_tables
from reports.statistics import below_null, statistics_of
from tests.unit.reports.runs import Made

NULLS = ("auc_null", "f1_null", "area_null")
# The null of AUC is .45: telea lies a little below it, safepaint above, meanfill far below.
AUC = {"safepaint": 0.50, "telea": 0.44, "meanfill": 0.10, "edgeconnect": 0.60}


def level(inpainter: str, metric: str, bucket: str, sample: int) -> float:
    if metric == "acc":
        return float(sample < {"meanfill": 0, "original": 1}.get(inpainter, 6))
    if metric == "f1":
        return {"meanfill": 0.01}.get(inpainter, 0.3) + 0.001 * sample
    if metric == "f1_null":
        return 0.2
    if metric == "auc_null":
        return 0.45 + 0.01 * (sample % 2)
    noise = 0.02 * (-1) ** sample if inpainter == "telea" else 0.0
    return AUC.get(inpainter, 0.5) + noise + 0.001 * (sample % 3)


def made(folder: Path, **changes: object) -> RunFolder:
    values: dict[str, object] = {
        "inpainters": ("safepaint", "telea", "meanfill"), "metrics": ("auc", "f1", "acc", "psnr"),
        "nulls": NULLS, "value": level, "samples": 8,
    }  # fmt: skip
    return read_run(Made(**{**values, **changes}).write(folder))  # type: ignore[arg-type]


def table(found: RunFolder, number: int = 3) -> PaperTable:
    return annotated(paper_tables(number, found)[0], statistics_of(found))


def line(of: PaperTable, name: str) -> Line:
    return next(one for one in of.lines if one.name == name)


def one_test(own: NDArray[np.float64], null: NDArray[np.float64]) -> PairedTest:
    return against_null({"telea": own}, null, seed=0)["telea"]


def test_a_significant_difference_below_the_null_is_below() -> None:
    null = np.linspace(0.4, 0.5, 7)
    assert is_below(one_test(null - 0.01, null))  # paired: each lies below its own
    assert not is_below(one_test(null + 0.01, null))
    within = 0.01 * np.array([1, -1, 1, -1, 1, -1, 1])
    assert not is_below(one_test(null - within, null))


def test_without_a_shared_image_there_is_no_distance() -> None:
    nothing, half = np.full(6, np.nan), np.full(6, 0.5)
    assert against_null({"telea": half}, nothing, seed=0) == {}
    assert against_null({"telea": nothing, "meanfill": half}, half, seed=0).keys() == {"meanfill"}


def test_fewer_than_six_images_are_not_tested() -> None:
    test = one_test(np.full(5, 0.1), np.full(5, 0.5))
    assert not is_below(test)
    assert "5 images" in test.reason


def test_the_distance_has_the_sign_of_its_mean() -> None:
    null = np.array([0.5, 0.5, np.nan])
    assert distance_from_null(np.array([0.2, 0.6, 0.1]), null)[:2] == pytest.approx([0.3, -0.1])
    assert distance_from_null(np.array([0.9, 0.4, 0.1]), null)[:2] == pytest.approx([0.4, -0.1])


def ranks(found: RunFolder, metric: str) -> dict[str, float | None]:
    return {
        one.inpainter: one.value
        for one in statistics_of(found)
        if (one.name, one.metric, one.bucket) == ("rank", metric, "10-20")
    }


def test_ranks_of_auc_go_by_the_distance_to_the_null(tmp_path: Path) -> None:
    found = made(tmp_path / "run")
    assert ranks(found, "auc") == {"telea": 1, "safepaint": 2}  # meanfill has none
    assert ranks(found, "f1") == {"safepaint": 1.5, "telea": 1.5}
    assert ranks(found, "psnr").keys() == {"safepaint", "telea", "meanfill"}
    below = {spot.inpainter for spot in below_null(statistics_of(found))}
    assert below == {"meanfill"}


def test_without_a_null_ranks_go_by_auc_itself(tmp_path: Path) -> None:
    found = made(tmp_path / "run", nulls=())
    assert ranks(found, "auc") == {"meanfill": 1, "telea": 2, "safepaint": 3}
    assert NO_NULL in table(found).notes


def test_agreement_with_the_paper_keeps_auc_itself(tmp_path: Path) -> None:
    models = ("safepaint", "edgeconnect", "lama", "madf")
    order = dict(zip(models, (0.1, 0.6, 0.7, 0.8), strict=True))

    def value(inpainter: str, metric: str, bucket: str, sample: int) -> float:
        return order[inpainter] if metric == "auc" else level("original", metric, bucket, sample)

    tau = [
        [
            one.value
            for one in statistics_of(
                made(tmp_path / f"{nulls}", inpainters=models, value=value, nulls=nulls)
            )
            if (one.name, one.metric, one.n) == ("kendall_tau_b", "auc", 4)
        ]
        for nulls in (NULLS, ())
    ]
    assert tau[0] == tau[1]
    assert len(tau[0]) == 3


def test_the_best_rival_is_the_one_nearest_the_null(tmp_path: Path) -> None:
    best = [one for one in statistics_of(made(tmp_path / "run")) if one.name == "next_best"]
    assert {one.against for one in best} == {"telea"}
    (one, *_) = (one for one in best if one.metric == "auc")
    assert one.value == pytest.approx(0.046 - 0.014, abs=0.002)  # |safepaint| less |telea|
    assert one.verdict != "better"


def test_a_model_below_the_null_beats_no_other(tmp_path: Path) -> None:
    def value(inpainter: str, metric: str, bucket: str, sample: int) -> float:
        swapped = {"safepaint": "meanfill", "meanfill": "safepaint"}.get(inpainter, inpainter)
        return level(swapped, metric, bucket, sample)

    found = statistics_of(made(tmp_path / "run", value=value))
    assert not [one for one in found if one.name == "next_best"]


def test_image_scores_of_original_are_reported_only_if_it_is_in_the_plan(tmp_path: Path) -> None:
    def names(**changes: object) -> set[str]:
        found = statistics_of(made(tmp_path / f"{len(changes)}", **changes))
        return {one.name for one in found}

    assert "image_auc" not in names()
    assert "image_auc" in names(inpainters=("safepaint", "telea", "original"))


@pytest.mark.parametrize("number", [2, 3, 4, 5, 6])
def test_tables_2_to_6_have_a_line_with_the_null(tmp_path: Path, number: int) -> None:
    detectors = ("psccnet", "trufor", "iidnet")
    models = ("safepaint", "telea", "edgeconnect")
    found = table(made(tmp_path / "run", detectors=detectors, inpainters=models), number)
    own = [one for one in found.lines if one.name == NULL_LINE]
    assert len(own) == (1 if number < 5 else 3)
    for one in own:
        shown = {entry.place.metric: entry.value for entry in one.entries}
        assert shown == {"auc": pytest.approx(0.455), "f1": pytest.approx(0.2), "acc": None}
        assert not any(entry.ours_best for entry in one.entries)
        (gap,) = {one.reason(entry) for entry in one.entries if entry.value is None}
        assert gap == "acc has no null"
    assert NULL_NOTE in found.notes


def test_table_1_has_no_detector_and_no_null(tmp_path: Path) -> None:
    found = table(made(tmp_path / "run"), 1)
    assert not any(one.name == NULL_LINE for one in found.lines)
    assert not {NULL_NOTE, NO_NULL, MARK_NOTE} & set(found.notes)


def test_marked_models_are_never_bold(tmp_path: Path) -> None:
    found = table(made(tmp_path / "run"))
    bold = {
        metric: {one.name for one in found.lines for entry in one.entries
                 if entry.ours_best and entry.place.metric == metric}
        for metric in ("auc", "f1", "acc")
    }  # fmt: skip
    assert bold == {
        "auc": {"telea"},
        "f1": {"SafePaint", "telea"},
        "acc": {"SafePaint", "telea"},
    }  # meanfill has the lowest of all three
    marks = [(entry.place.metric, entry.mark) for entry in line(found, "meanfill").entries]
    assert marks == [("auc", "§")] * 3 + [("f1", "")] * 3 + [("acc", "")] * 3
    assert MARK_NOTE in found.notes


def test_below_the_null_within_noise_competes(tmp_path: Path) -> None:
    entry = line(table(made(tmp_path / "run")), "telea").entries[0]
    assert entry.value is not None
    assert entry.value < 0.455
    assert entry.ours_best
    assert not entry.mark


def test_too_few_images_mark_no_model_and_say_so(tmp_path: Path) -> None:
    found = table(made(tmp_path / "run", samples=5))
    assert not any(entry.mark for entry in found.entries)
    (said,) = (note for note in found.notes if "not tested against the null" in note)
    assert "5 images" in said


def test_every_format_shows_the_null_and_the_mark(tmp_path: Path) -> None:
    found = [table(made(tmp_path / "run"))]
    name = "null (authentic images, same masks)"
    assert f"\n{name}  ours" in render(found, "text")
    assert f"| {name} | ours | 0.4550 |" in render(found, "md")
    assert name in render(found, "tex")
    assert name in render(found, "html")
    for style, mark in (("text", "0.1009§"), ("md", "0.1009§"), ("tex", r"0.1009\S{}"),
                        ("html", "0.1009§")):  # fmt: skip
        assert mark in render(found, style)
    rows = list(csv.DictReader(StringIO(render(found, "csv"))))
    nulls = {row["metric"] for row in rows if row["inpainter"] == "original"}
    assert nulls == {"auc_null", "f1_null"}
    marked = {(row["inpainter"], row["metric"]) for row in rows if row["mark"]}
    assert marked == {("meanfill", "auc")}
    assert {row["mark"] for row in rows} == {"", "found by the inverted map"}
    values = table_document("3", run=tmp_path / "run").values()
    assert "found by the inverted map" in json.dumps(values)


def test_digits_stand_below_each_other_beside_a_mark(tmp_path: Path) -> None:
    text = render([table(made(tmp_path / "run"))], "text")
    rows = [one for one in text.splitlines() if one.startswith(("telea ", "meanfill "))]
    assert len({one.index("0.") for one in rows}) == 1


def test_another_convention_s_table_says_where_the_null_is(tmp_path: Path) -> None:
    found = table(made(tmp_path / "run", convention="trufor", metrics=("auc", "f1", "acc")))
    assert not any(one.name == NULL_LINE for one in found.lines)
    assert NULL_ELSEWHERE in found.notes


def ratio(found: RunFolder, metric: str) -> list[bool]:
    (chart,) = (one for one in charts(found) if one.name == f"ratio-samples-trufor-{metric}")
    assert draw(chart)
    assert "null" not in chart.title
    assert [one.index for one in chart.series] == list(range(len(chart.series)))
    return [one.null for one in chart.series]


def test_plots_have_a_dashed_line_for_the_null(tmp_path: Path) -> None:
    found = made(tmp_path / "run")
    assert ratio(found, "auc") == ratio(found, "f1") == [False, False, False, True]
    names = {one.name for one in charts(found)}
    assert "ratio-samples-trufor-area" not in names  # it would contain only the null
    assert not [name for name in names if "null" in name]
    assert ratio(made(tmp_path / "old", nulls=()), "auc") == [False, False, False]


def test_the_trade_off_has_an_upright_line_at_the_null(tmp_path: Path) -> None:
    (chart,) = (one for one in charts(made(tmp_path / "run")) if one.kind == "tradeoff")
    assert chart.null == pytest.approx(0.455)
    assert 'class="null"' in svg(chart)
    lines = [one.get_xdata() for one in draw(chart).axes[0].lines if one.get_linestyle() == "--"]
    assert [list(one) for one in lines] == [[chart.null, chart.null]]


def test_the_null_is_post_processed_like_the_images(tmp_path: Path) -> None:
    found = made(tmp_path / "run", launders=("jpeg:90", "jpeg:70"))
    (chart,) = (one for one in charts(found) if one.name == "launder-samples-trufor-auc-jpeg")
    (null,) = (one for one in chart.series if one.null)
    assert [point.x for point in null.points] == [0, 1, 2]


def test_charts_over_strength_leave_out_chains_and_presets(tmp_path: Path) -> None:
    steps = ("jpeg:90", "resize:0.5+jpeg:80", "social:telegram", "gamma:2", "gamma:0.4")
    found = [one for one in charts(made(tmp_path / "run", launders=steps)) if one.kind == "launder"]
    positions = {one.x_title.partition(",")[0]: one.positions[1:] for one in found}
    assert positions == {"jpeg": ("90",), "gamma": ("2", "0.4")}  # by the distance from 1


def sentences(found: RunFolder) -> str:
    (summary,) = detector_summaries(found, statistics_of(found))
    return " ".join(summary.sentences)


def test_the_finding_ranks_by_the_null_and_names_models_below(tmp_path: Path) -> None:
    said = sentences(made(tmp_path / "run"))
    assert "telea hides best" in said
    assert "the null, authentic images with the same holes, is 0.4550" in said
    assert "meanfill §: found by the inverted map" in said
    assert "0.5 is chance" not in said
    old = sentences(made(tmp_path / "old", nulls=()))
    assert "meanfill hides best" in old
    assert NO_NULL in old


def test_the_finding_says_if_no_model_is_ranked(tmp_path: Path) -> None:
    said = sentences(made(tmp_path / "run", inpainters=("meanfill",)))
    assert "no inpainter is ranked" in said
    assert "hides best" not in said


def test_the_page_has_the_null_in_its_bars(tmp_path: Path) -> None:
    made(tmp_path / "run")
    text = write_report(tmp_path / "run", store=tmp_path / "none").read_text(encoding="utf-8")
    assert text.count('<span class="null" style="left:45.5%">') == 3
    assert '<span class="who">meanfill (mini) §</span>' in text
    assert "Vertical line: the null, authentic images with the same masks" in text
    assert NULL_LINE in text


def test_the_run_s_own_table_and_its_files_agree(tmp_path: Path) -> None:
    plan = Plan(inpainters=("telea", "meanfill"), detectors=("flatness",), metrics=("auc", "f1"),
                buckets=("10-20",), limit=6)  # fmt: skip
    record = run(plan, out=tmp_path / "run", store=tmp_path / "store")
    found = statistics_of(read_run(tmp_path / "run"))
    files = {
        CellKey(one.dataset, one.launder, one.detector, one.bucket, one.inpainter): (
            one.value, one.low, one.high, one.p, one.verdict,
        )
        for one in found
        if one.name == "against_null"
    }  # fmt: skip
    assert files == {
        spot: (test.value, test.low, test.high, test.p, test.verdict)
        for spot, test in record.distances.items()
    }
    assert len(files) == 2


def test_the_run_s_own_table_shows_the_null_and_marks(tmp_path: Path) -> None:
    plan = Plan(inpainters=("meanfill",), detectors=("flatness",), metrics=("auc", "psnr"),
                buckets=("10-20",), limit=6)  # fmt: skip
    record = run(plan, store=tmp_path / "store")
    heads = [row[:3] for row in run_table(record.cells, record.distances).rows]
    assert heads[-2:] == [
        ("original", "flatness†", "null of AUC"),
        ("original", "flatness†", "null of F1"),
    ]
    plain = run_table(record.cells, record.distances)
    assert NULL_NOTE in plain.notes
    assert MARK_NOTE not in plain.notes
    ((spot, test),) = record.distances.items()
    low = {spot: one_test(np.full(6, 0.1), np.full(6, 0.5))}
    assert is_below(low[spot])
    marked = run_table(record.cells, low)
    assert marked.rows[0][3].endswith("§")
    assert MARK_NOTE in marked.notes
    assert not test.reason
