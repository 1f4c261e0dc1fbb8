"""Terminal table of a run: width, alignment, intervals and the paper's numbers."""

from __future__ import annotations

import pytest

from benchmark.results.gaps import NOT_DEFINED
from benchmark.results.rows import ResultRow
from benchmark.results.terminal_table import terminal_table
from tests.unit.results.test_table import cell

BUCKETS = ("10-20", "20-30", "30-40", "40-50", "50-60")
GAP = {"value": None, "low": None, "high": None, "n": 0}


def rows(*cells: ResultRow) -> list[str]:
    return terminal_table(cells).splitlines()


def test_a_row_an_inpainter_and_detector_with_buckets_across() -> None:
    found = rows(cell(), cell(bucket="30-40", value=0.5), cell(metric="f1", value=0.25))
    begin = found.index("AUC ↓             detector         10-20 %     30-40 %")
    assert found[begin + 2 : begin + 5] == [
        "safepaint (mini)  trufor (mini)     0.7500      0.5000",
        "                  95 %           0.50-0.90   0.50-0.90",
        "                  paper             0.6417      0.5781",
    ]
    assert any(line.startswith("F1 ↓") for line in found)
    assert [line for line in found if line.startswith("safepaint")] == [
        found[begin + 2], "safepaint (mini)  trufor (mini)     0.2500",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["telea", "safepaint-backbone", "a" * 64])
@pytest.mark.parametrize("launder", ["", "resize:0.75"])
def test_the_table_fits_the_terminal_whatever_the_names(name: str, launder: str) -> None:
    from benchmark.core.card import Card
    from inpainters import INPAINTERS

    if name not in INPAINTERS:
        INPAINTERS.remember_card(Card(name=name, title=name))
    cells = [
        cell(inpainter=name, bucket=bucket, launder=launder, weights=f"{name}=mini trufor=mini")
        for bucket in BUCKETS
    ]
    text = terminal_table(cells)
    assert max(map(len, text.splitlines())) <= 80
    assert all(f"{bucket} %" in text for bucket in BUCKETS)
    assert text.count("0.7500") == len(BUCKETS)
    wide = terminal_table(cells, width=200)
    assert any(all(f"{one} %" in line for one in BUCKETS) for line in wide.splitlines())


def test_the_null_is_below_its_metric() -> None:
    null = cell(inpainter="original", metric="auc_null", value=0.45, weights="trufor=mini")
    found = rows(cell(), replaced(null), cell(metric="f1", value=0.25))
    auc = next(place for place, line in enumerate(found) if line.startswith("AUC ↓"))
    f1 = next(place for place, line in enumerate(found) if line.startswith("F1 ↓"))
    null_line = next(place for place, line in enumerate(found) if line.startswith("null (orig"))
    assert auc < null_line < f1
    assert found[null_line].endswith("0.4500")


def replaced(null: ResultRow) -> ResultRow:
    from dataclasses import replace

    return replace(null, weights="original=none trufor=mini")


def test_metrics_undefined_by_design_have_no_row_and_gaps_a_count() -> None:
    untouched = {"inpainter": "original", "weights": "original=none trufor=mini"}
    text = terminal_table([cell(), cell(**untouched, **GAP, reason=NOT_DEFINED)])
    assert "original" not in text
    assert "not defined" not in text
    gap = {**GAP, "n": 6, "reason": "only 6 of 7 were measured"}
    text = terminal_table([cell(**gap)])
    assert "- (6/7)" in text
    assert "only 6 of 7 were measured" in text


def test_fpr_is_in_the_block_of_acc() -> None:
    alarms = {"inpainter": "original", "weights": "original=none trufor=mini", "metric": "fpr"}
    found = rows(cell(metric="acc"), cell(**alarms, value=0.25))
    assert len([line for line in found if "detector" in line and "%" in line]) == 1
    assert any(line.startswith("original: FPR") and "0.2500" in line for line in found)


def test_interval_digits_follow_its_width() -> None:
    narrow = terminal_table([cell(low=0.7495, high=0.7505)])
    assert "0.7495-0.7505" in narrow
    below = terminal_table([cell(metric="mcc", value=-0.1, low=-0.3, high=0.2)])
    assert "-0.30 to 0.20" in below


def test_notes_are_those_of_the_table_and_are_wrapped() -> None:
    text = terminal_table([cell(launder="jpeg:90"), cell()])
    assert "Post-processing: between inpainting" in text
    assert "Post-processing" not in terminal_table([cell()])
    assert "table.md" in text
    assert "Brackets" not in text
