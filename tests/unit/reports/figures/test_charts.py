"""Charts of made runs: panels, gaps, order, colors, file names."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.figures.charts import MARKERS, PALETTE, charts
from reports.figures.files import write_figures
from reports.page.plots import SHAPES
from tests.unit.reports.figures.series import series
from tests.unit.reports.runs import result_row as row
from tests.unit.reports.runs import run_of


def test_names_in_a_results_file_make_no_path_out_of_the_figures_folder(tmp_path: Path) -> None:
    away = {"dataset": "../../../away", "detector": "/away", "launder": "jpeg/../../x:90"}
    rows = [row("telea", "auc", 0.9, **{key: away[key]}) for key in ("dataset", "launder")] + [
        row("telea", "auc", 0.8),
        row("telea", "psnr", 30.0, detector="", dataset="../up"),
    ]
    drawn = charts(run_of(rows))
    assert len(drawn) >= 3
    inside = tmp_path / "run" / "figures"
    for path in write_figures(inside, drawn):
        assert path.parent == inside
    assert [one.name for one in tmp_path.iterdir()] == ["run"]
    assert [one.name for one in (tmp_path / "run").iterdir()] == ["figures"]
    assert {one.suffix for one in inside.iterdir()} == {".png", ".svg"}


def test_false_positives_share_the_panel_of_acc() -> None:
    rows = [row("telea", "acc", 0.9), row("original", "fpr", 0.2)]
    (chart,) = charts(run_of(rows))
    assert chart.name == "ratio-samples-flatness-acc"
    assert "original: FPR" in chart.y_title
    assert [(one.name, one.points[0].y) for one in chart.series] == [
        ("telea", 0.9),
        ("original", 0.2),
    ]


def test_a_gap_has_no_point_and_a_chart_of_gaps_is_left_out() -> None:
    buckets = ("10-20", "30-40")
    rows = [row("telea", "auc", 0.9), row("telea", "auc", None, bucket="30-40")]
    (chart,) = charts(run_of(rows, buckets=buckets))
    assert [(point.x, point.y) for point in chart.series[0].points] == [(0, 0.9)]
    assert chart.positions == buckets
    assert charts(run_of([row("telea", "auc", None)])) == ()


def test_an_inpainter_keeps_its_color_where_others_are_missing() -> None:
    (chart,) = charts(run_of([row("meanfill", "auc", 0.9)]))
    (series,) = chart.series
    assert (series.color, series.marker) == (PALETTE[1], MARKERS[1])


def test_twenty_inpainters_have_different_colors_or_markers() -> None:
    styles = {(one.color, one.marker) for one in (series(index) for index in range(20))}
    assert len(styles) == 20
    assert set(SHAPES) == set(MARKERS)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("jpeg:70", "jpeg:90"), ("as inpainted", "90", "70")),
        (("resize:0.5", "resize:0.75"), ("as inpainted", "0.75", "0.5")),
        (("noise:10", "noise:2"), ("as inpainted", "2", "10")),
        (("blur:2", "blur:1"), ("as inpainted", "1", "2")),
    ],
)
def test_post_processing_gets_stronger_to_the_right(
    steps: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    rows = [
        row("telea", "auc", 0.9),
        *(row("telea", "auc", 0.8, launder=one) for one in steps),
    ]
    (chart,) = (one for one in charts(run_of(rows)) if one.kind == "launder")
    assert chart.positions == expected
    assert [(point.x, point.y) for point in chart.series[0].points] == [
        (0, 0.9), (1, 0.8), (2, 0.8),
    ]  # fmt: skip


def test_quality_is_plotted_over_detectability() -> None:
    alone = {"detector": "", "weights": "telea=none"}
    rows = [
        row("telea", "auc", 0.7),
        row("telea", "psnr", 25.0, low=24.0, high=26.0, **alone),
    ]
    (chart,) = (one for one in charts(run_of(rows)) if one.kind == "tradeoff")
    (point,) = chart.series[0].points
    assert (point.x, point.y, point.low, point.high) == (0.7, 25.0, 24.0, 26.0)
    assert point.tag == "10-20 %"


def test_only_the_first_series_of_a_trade_off_has_a_tag() -> None:
    alone = {"detector": "", "weights": "telea=none"}
    rows = [row("telea", "auc", 0.7), row("telea", "psnr", 25.0, **alone),
            row("meanfill", "auc", 0.71), row("meanfill", "psnr", 25.1, **alone)]  # fmt: skip
    (chart,) = (one for one in charts(run_of(rows)) if one.kind == "tradeoff")
    assert [one.points[0].tag for one in chart.series] == ["10-20 %", ""]
