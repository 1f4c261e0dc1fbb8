"""Charts, their images and the plain-language finding, from runs written by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.results.rows import ResultRow, SampleRow
from benchmark.results.run_folder import RunFolder
from benchmark.runner.plan import Plan
from reports.figures.charts import MARKERS, PALETTE, Chart, Point, Series, charts
from reports.figures.files import write_figures
from reports.findings import beats
from reports.page.builder import _json
from reports.page.plots import SHAPES, svg, ticks
from reports.page.summary import caveats, verdicts
from reports.statistics import statistics_of

INPAINTERS = ("telea", "meanfill", "original", "safepaint")


def row(inpainter: str, metric: str, value: float | None, **changed: object) -> ResultRow:
    known = {
        "dataset": "samples", "launder": "", "detector": "flatness", "bucket": "10-20",
        "n": 4, "expected": 4, "low": None, "high": None,
        "weights": f"{inpainter}=none flatness=none", "sees_hole": False, "reason": "",
    }  # fmt: skip
    named = {"inpainter": inpainter, "metric": metric, "value": value}
    return ResultRow(**{**known, **named, **changed})  # type: ignore[arg-type]


def sample(name: str, inpainter: str, auc: float) -> SampleRow:
    return SampleRow(
        dataset="samples", launder="", sample=name, bucket="10-20", mask="drawn",
        inpainter=inpainter, detector="flatness", score=0.5, numbers={"auc": (auc,)},
    )  # fmt: skip


def run_of(
    results: list[ResultRow],
    samples: list[SampleRow] | None = None,
    *,
    buckets: tuple[str, ...] = ("10-20",),
) -> RunFolder:
    run = RunFolder(
        path=Path("run"),
        plan=Plan(
            inpainters=INPAINTERS, detectors=("flatness",), metrics=("auc", "acc"), buckets=buckets
        ),
        record={"failures": []},
        results=tuple(results),
        store=Path("store"),
    )
    run.__dict__["samples"] = tuple(samples or ())  # as the cached property would have it
    return run


def test_names_in_a_results_file_make_no_path_out_of_the_figures_folder(tmp_path: Path) -> None:
    away = {"dataset": "../../../away", "detector": "/away", "launder": "jpeg/../../x:90"}
    rows = [row("telea", "auc", 0.9, **{key: away[key]}) for key in ("dataset", "launder")] + [
        row("telea", "auc", 0.8),
        row("telea", "psnr", 30.0, detector="", dataset="../up"),
    ]
    drawn = charts(run_of(rows))
    assert len(drawn) > 3
    inside = tmp_path / "run" / "figures"
    for path in write_figures(inside, drawn):
        assert path.parent == inside
    assert [one.name for one in tmp_path.iterdir()] == ["run"]
    assert [one.name for one in (tmp_path / "run").iterdir()] == ["figures"]
    assert {one.suffix for one in inside.iterdir()} == {".png", ".svg"}


def test_false_alarms_stand_in_the_panel_of_acc() -> None:
    rows = [row("telea", "acc", 0.9), row("original", "fpr", 0.2)]
    (chart,) = charts(run_of(rows))
    assert chart.name == "ratio-samples-flatness-acc"
    assert "original: FPR" in chart.y_title
    assert [(one.name, one.points[0].y) for one in chart.series] == [
        ("telea", 0.9),
        ("original", 0.2),
    ]


def test_a_gap_is_no_point_and_a_chart_of_gaps_is_none() -> None:
    buckets = ("10-20", "30-40")
    rows = [row("telea", "auc", 0.9), row("telea", "auc", None, bucket="30-40")]
    (chart,) = charts(run_of(rows, buckets=buckets))
    assert [(point.x, point.y) for point in chart.series[0].points] == [(0, 0.9)]
    assert chart.positions == buckets
    assert charts(run_of([row("telea", "auc", None)])) == ()


def test_an_inpainter_keeps_its_colour_where_others_are_missing() -> None:
    (chart,) = charts(run_of([row("meanfill", "auc", 0.9)]))
    (series,) = chart.series
    assert (series.colour, series.marker) == (PALETTE[1], MARKERS[1])


def test_twenty_inpainters_can_be_told_apart() -> None:
    looks = {(one.colour, one.marker) for one in (series(index) for index in range(20))}
    assert len(looks) == 20
    assert set(SHAPES) == set(MARKERS)


def series(index: int, *points: tuple[float, float]) -> Series:
    return Series(
        name=str(index),
        index=index,
        points=tuple(Point(x=x, y=y, low=None, high=None, label="") for x, y in points),
    )


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("jpeg:70", "jpeg:90"), ("as inpainted", "90", "70")),
        (("resize:0.5", "resize:0.75"), ("as inpainted", "0.75", "0.5")),
        (("noise:10", "noise:2"), ("as inpainted", "2", "10")),
        (("blur:2", "blur:1"), ("as inpainted", "1", "2")),
    ],
)
def test_laundering_gets_stronger_to_the_right(
    steps: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    rows = [row("telea", "auc", 0.9), *(row("telea", "auc", 0.8, launder=one) for one in steps)]
    (chart,) = (one for one in charts(run_of(rows)) if one.kind == "launder")
    assert chart.positions == expected
    assert [(point.x, point.y) for point in chart.series[0].points] == [
        (0, 0.9), (1, 0.8), (2, 0.8),
    ]  # fmt: skip


def test_quality_stands_over_detectability() -> None:
    alone = {"detector": "", "weights": "telea=none"}
    rows = [row("telea", "auc", 0.7), row("telea", "psnr", 25.0, low=24.0, high=26.0, **alone)]
    (chart,) = (one for one in charts(run_of(rows)) if one.kind == "tradeoff")
    (point,) = chart.series[0].points
    assert (point.x, point.y, point.low, point.high) == (0.7, 25.0, 24.0, 26.0)
    assert point.tag == "10-20 %"


def test_only_the_first_line_of_a_trade_off_says_where_it_begins() -> None:
    alone = {"detector": "", "weights": "telea=none"}
    rows = [row("telea", "auc", 0.7), row("telea", "psnr", 25.0, **alone),
            row("meanfill", "auc", 0.71), row("meanfill", "psnr", 25.1, **alone)]  # fmt: skip
    (chart,) = (one for one in charts(run_of(rows)) if one.kind == "tradeoff")
    assert [one.points[0].tag for one in chart.series] == ["10-20 %", ""]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.61, 0.93), (-3, 40), (1e-5, 2e-5), (7, 1e6)])
def test_ticks_are_round_and_cover_the_numbers(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found[0] <= low + 1e-9
    assert found[-1] >= high - 1e-9
    assert 3 <= len(found) <= 8
    assert np.allclose(np.diff(found), found[1] - found[0])


def test_an_svg_escapes_names_and_stays_within_its_frame() -> None:
    chart = Chart(
        kind="ratio", name="x", title="<b>", x_title="&", y_title='"', positions=("<i>", "2"),
        series=(series(0, (0, 0.2), (1, 1.0)),),
    )  # fmt: skip
    text = str(svg(chart))
    assert "<b>" not in text
    assert "&lt;i&gt;" in text
    assert ">1.2<" not in text  # a share of one has no tick beyond 1


def test_json_cannot_end_its_script() -> None:
    text = str(_json({"name": "</script><!-- & é"}))
    assert not set("<>&é") & set(text)


def runs_apart(count: int, gap: float, who: str = "safepaint") -> RunFolder:
    """One inpainter below the mean fill by `gap` on every image."""
    names = [f"{number:03}" for number in range(count)]
    samples = [sample(name, who, 0.6 + 0.001 * at) for at, name in enumerate(names)]
    samples += [
        sample(name, "meanfill", 0.6 + gap + 0.001 * at + 0.01 * (-1) ** at)
        for at, name in enumerate(names)
    ]
    rows = [row(who, "auc", 0.6), row("meanfill", "auc", 0.6 + gap)]
    return run_of([*rows, row("original", "fpr", 0.25)], samples)


def said_of(run: RunFolder) -> str:
    (verdict,) = verdicts(run, statistics_of(run))
    return " ".join(verdict.sentences)


def test_a_difference_on_many_images_is_better() -> None:
    run = runs_apart(40, 0.2)
    said = said_of(run)
    assert said.startswith("safepaint hides best: AUC 0.6195 [")
    assert "Next is meanfill with AUC" not in said
    assert "Next is meanfill with 0.8195 [" in said
    assert "safepaint against its best rival (two-sided): 10-20 % -0.2000 [" in said
    assert "to meanfill, better (p below 0.0001, Holm below 0.0001)" in said
    assert "25 % of the untouched images" in said
    (verdict,) = verdicts(run, statistics_of(run))
    measured = [one.inpainter for one in verdict.glances if one.value is not None]
    assert measured == ["safepaint", "meanfill"]  # who hides best stands first
    assert verdict.glances[0].low is not None
    assert verdict.glances[0].low < (verdict.glances[0].value or 0) < (verdict.glances[0].high or 0)


def test_the_page_says_what_the_statistics_say() -> None:
    run = runs_apart(7, 0.2)
    (best,) = (one for one in statistics_of(run) if one.name == "next_best")
    assert beats(best) in said_of(run)


def test_five_images_are_not_tested() -> None:
    said = said_of(runs_apart(5, 0.2))
    assert "to meanfill, not tested (5 images, a test needs 6)" in said
    assert "p 0" not in said


def test_no_gap_is_no_difference() -> None:
    assert "no difference shown (p" in said_of(runs_apart(40, 0.0))


def test_a_run_without_safepaint_tests_nothing() -> None:
    said = said_of(runs_apart(40, 0.2, "telea"))
    assert said.startswith("telea hides best")
    assert (
        "No inpainter is tested against another: that test is of safepaint and its best rival."
        in said
    )


def test_a_gap_in_any_bucket_is_a_gap_at_a_glance() -> None:
    buckets = ("10-20", "30-40")
    rows = [
        row("telea", "auc", 0.6),
        row("telea", "auc", None, bucket="30-40", reason="only 1 of 4 samples were measured"),
    ]
    run = run_of(rows, [sample("a", "telea", 0.6)], buckets=buckets)
    (verdict,) = verdicts(run, statistics_of(run))
    assert verdict.glances[0].value is None
    assert verdict.glances[0].reason == "only 1 of 4 samples were measured"
    assert verdict.sentences == ("No finding yet: no inpainter has all its numbers.",)


def test_few_images_and_mini_weights_are_said() -> None:
    rows = [row("telea", "auc", 0.6, weights="telea=mini flatness=none")]
    said = " ".join(caveats(run_of(rows, [sample("a", "telea", 0.6)])))
    assert "Only 1 image:" in said
    assert "telea: mini weights" in said
    assert "not the paper's" in said
