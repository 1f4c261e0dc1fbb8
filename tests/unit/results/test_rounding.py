"""Rounding: the same digits in the run's table, the paper's tables, page and files."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.core.errors import DataError
from benchmark.results.csv import read_results
from benchmark.results.rounding import number, p_text, signed, signed_span, span
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import read_run
from benchmark.results.samples import read_samples
from benchmark.results.table import run_table
from reports.formats import render
from reports.page.builder import _row
from reports.paper.tables import paper_tables
from tests.unit.reports.runs import Made

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.621150, 4, "0.6212"),  # the nearest float is below: formatting it gives 0.6211
        (0.6211499, 4, "0.6212"),  # results.csv contains 0.621150
        (0.6211494, 4, "0.6211"),
        (0.62125, 4, "0.6213"),  # half away from zero
        (-0.62125, 4, "-0.6213"),
        (0.7108500092, 4, "0.7109"),
        (0.62135, 4, "0.6214"),
        (23.125, 2, "23.13"),
        (2.5, 0, "3"),
        (-0.000049, 4, "0.0000"),
        (-0.00015, 4, "-0.0002"),
        (None, 4, "-"),
        (float("nan"), 4, "-"),
    ],
)
def test_a_number_is_rounded_once_from_six_decimals(
    value: float | None, decimals: int, text: str
) -> None:
    assert number(value, decimals) == text


def test_differences_have_a_sign_and_zero_has_none() -> None:
    assert [signed(one, 4) for one in (0.62115, -0.62115, 0.00004, None)] == [
        "+0.6212", "-0.6212", "0.0000", "-",
    ]  # fmt: skip
    assert span(0.62115, 1.0, 4) == "[0.6212, 1.0000]"
    assert signed_span(-0.1, 0.62115, 2) == "[-0.10, +0.62]"
    assert span(None, None, 4) == signed_span(None, 0.1, 4) == ""


def test_p_values() -> None:
    assert [p_text(one) for one in (None, 0.03125, 0.0001, 1e-9)] == [
        "-", "0.0313", "0.0001", "below 0.0001",
    ]  # fmt: skip


@pytest.mark.parametrize("value", [0.62115, 0.6211499])
def test_run_table_tables_and_page_print_the_same_digits(tmp_path: Path, value: float) -> None:
    made = Made(
        inpainters=("telea", "meanfill"),
        buckets=("10-20",),
        metrics=("f1",),
        value=lambda *_: value,
    )
    folder = made.write(tmp_path / "run")
    run = read_run(folder)
    (row, _) = run.results
    cell = ResultRow(
        dataset=row.dataset, detector=row.detector, inpainter=row.inpainter, bucket=row.bucket,
        metric=row.metric, value=value, n=row.n, expected=row.expected, low=value, high=value,
        weights=row.weights,
    )  # fmt: skip
    said = "0.6212 [0.6212, 0.6212]"
    assert said in run_table([cell]).markdown()
    assert (_row(row)["value"], _row(row)["interval"]) == ("0.6212", "[0.6212, 0.6212]")
    tables = [replace(one, intervals=True) for one in paper_tables(3, run)]
    for style in ("text", "md", "tex", "html"):
        text = render(tables, style)
        assert "0.6212" in text, style
        assert "[0.6212, 0.6212]" in text, style
        assert "0.6211" not in text.replace('data-value="0.621150"', ""), style
    assert "0.621150" in render(tables, "csv")


def test_nothing_else_rounds_a_number_of_results() -> None:
    """A format such as `:.4f` in reports would be a second rounding."""
    for file in sorted((ROOT / "reports").rglob("*.py")):
        if file.name in {"numbers.py", "plots.py"}:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
                spec = ast.unparse(node.format_spec)
                known = (file.name, spec) in {
                    ("comparison.py", "f'+.6f'"), ("finding.py", "f'.0f'"),
                    ("builder.py", "f'.1f'"),  # where a bar ends, in percent of its width
                }  # fmt: skip
                assert "f" not in spec[2:-1] or known, f"{file.name}: {ast.unparse(node)}"


@pytest.mark.parametrize("text", ["1e300", "-1e16"])
def test_a_number_that_no_run_writes_is_refused_where_it_is_read(tmp_path: Path, text: str) -> None:
    folder = Made(value=lambda *_: 0.5).write(tmp_path / "run")
    for name in ("results.csv", "samples.csv"):
        path = folder / name
        before = path.read_text()
        path.write_text(before.replace("0.500000", text, 1))
        read = read_results if name == "results.csv" else read_samples
        with pytest.raises(DataError, match=rf"{name}: damaged \(line 2"):
            list(read(path))
        path.write_text(before)


def test_the_largest_numbers_are_formatted() -> None:
    assert number(1.7e308, 2).endswith(".00")
    assert number(float("inf"), 2) == "-"
