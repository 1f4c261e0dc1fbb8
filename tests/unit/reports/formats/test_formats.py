"""Formats of the paper's tables: complete, well-formed, rounded in print only."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import pytest

from benchmark.core.errors import UnknownName
from benchmark.results.run_folder import read_run
from reports.formats import FORMATS, render
from reports.formats.grid import signed
from reports.formats.tex import escaped
from reports.paper.entries import PaperTable
from reports.paper.layouts import paper_numbers
from reports.paper.tables import paper_table, paper_tables
from tests.unit.reports.runs import Made

NUMBERS = range(1, 7)


@pytest.fixture
def filled(tmp_path: Path) -> tuple[PaperTable, ...]:
    made = Made(launders=("jpeg:70",), value=lambda inpainter, *_: 0.123456 + len(inpainter) / 100)
    return paper_tables(3, read_run(made.write(tmp_path / "run")))


def test_text_stars_the_best_below_each_other(filled: tuple[PaperTable, ...]) -> None:
    text = render(filled, "text")
    assert "*: the best of its column" in text
    lines = text.splitlines()
    row = next(line for line in lines if line.startswith("SafePaint"))
    assert "ours (mini)" in row
    assert "0.2135" in row
    assert lines[lines.index(row) + 1].split()[:2] == ["paper", "0.6417*"]
    assert lines[lines.index(row) + 2].split()[:2] == ["difference", "-0.4282"]
    assert text.count("Table 3: ") == 2


@pytest.mark.parametrize("style", ["text", "md", "tex"])
def test_intervals_stand_below_our_numbers_if_asked_for(
    filled: tuple[PaperTable, ...], style: str
) -> None:
    entry = next(one for one in filled[0].entries if one.ours and one.ours.low is not None)
    low, high = entry.ours.low, entry.ours.high
    shown = f"[{low:.4f}, {high:.4f}]"
    assert shown not in render(filled, style)
    assert shown in render([replace(table, intervals=True) for table in filled], style)


@pytest.mark.parametrize("number", NUMBERS)
def test_markdown_has_as_many_fields_in_every_row(number: int) -> None:
    lines = [line for line in render((paper_table(number),), "md").splitlines() if "|" in line]
    assert len({line.count("|") for line in lines}) == 1
    bold = sum(line.count("**") // 2 for line in lines)
    assert bold == sum(entry.paper_best for entry in paper_table(number).entries)


@pytest.mark.parametrize("number", NUMBERS)
def test_csv_of_the_paper_is_the_papers(number: int) -> None:
    rows = list(csv.DictReader(StringIO(render((paper_table(number),), "csv"))))
    assert list(rows[0]) == [
        "table", "dataset", "detector", "inpainter", "mask_ratio_percent", "metric", "paper",
        "ours", "n", "expected", "low", "high", "weights", "data", "launder", "reason",
        "mark", "met",
    ]  # fmt: skip
    found = {
        (row["dataset"], row["detector"], row["inpainter"], row["mask_ratio_percent"],
         row["metric"]): float(row["paper"])
        for row in rows
    }  # fmt: skip
    assert found == {
        (one.dataset, one.detector, one.inpainter, one.bucket, one.metric): value
        for one, value in paper_numbers(number).items()
    }
    assert {row["ours"] for row in rows} == {""}


def test_csv_keeps_six_decimals_of_ours(filled: tuple[PaperTable, ...]) -> None:
    rows = list(csv.DictReader(StringIO(render(filled, "csv"))))
    ours = [row for row in rows if row["inpainter"] == "SafePaint" and row["metric"] == "auc"]
    assert {row["ours"] for row in ours} == {"0.213456"}
    assert {row["launder"] for row in ours} == {"", "jpeg:70"}
    assert ours[0]["weights"] == "safepaint=mini trufor=mini"
    assert ours[0]["data"] == "samples"
    assert {row["metric"] for row in rows if row["inpainter"] == "original"} == {
        "auc", "fpr",
    }  # fmt: skip
    reasons = {row["reason"] for row in rows if row["inpainter"] == "MADF"}
    assert reasons == {"not in this run"}


@pytest.mark.parametrize("number", NUMBERS)
def test_latex_is_well_formed(number: int, filled: tuple[PaperTable, ...]) -> None:
    for tables in ((paper_table(number),), filled):
        text = render(tables, "tex")
        assert text.isascii()
        plain = re.sub(r"\\[{}%&$#_]", "", text)
        assert plain.count("{") == plain.count("}")
        assert plain.count("$") % 2 == 0
        for name in ("document", "table", "tabular"):
            begun = text.count(rf"\begin{{{name}}}")
            assert begun == text.count(rf"\end{{{name}}}") > 0
        for part in text.split(r"\begin{tabular}")[1:]:
            columns = len(re.sub(r"[^lr]", "", part.splitlines()[0]))
            rows = [line for line in part.splitlines() if line.endswith(r"\\")]
            spans = [sum(int(n) - 1 for n in re.findall(r"multicolumn\{(\d+)\}", r)) for r in rows]
            counts = [
                len(re.findall(r"(?<!\\)&", row)) + 1 + span
                for row, span in zip(rows, spans, strict=True)
            ]
            assert set(counts) == {columns}
        for command in (r"\toprule", r"\bottomrule", r"\usepackage{booktabs}"):
            assert command in text


def test_latex_escapes_what_a_name_can_hold() -> None:
    assert escaped(r"50 % of a_b & c\d {e} $f #g ~^") == (
        r"50 \% of a\_b \& c\textbackslash{}d \{e\} \$f \#g \textasciitilde{}\textasciicircum{}"
    )
    assert escaped("↓ † ‡") == r"$\downarrow$ \dag{} \ddag{}"
    assert escaped("snow ☃") == "snow ?"


class Outline(HTMLParser):
    """Open tags, and the number of cells of every row."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append(0)
        if tag in ("td", "th"):
            self.rows[-1] += int(dict(attrs).get("colspan") or 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("number", NUMBERS)
def test_html_is_well_formed_and_sortable(number: int, filled: tuple[PaperTable, ...]) -> None:
    for tables in ((paper_table(number),), filled):
        text = render(tables, "html")
        outline = Outline()
        outline.feed(text)
        assert not outline.open
        width = len(tables[0].labels) + len(tables[0].columns)
        assert set(outline.rows) <= {width, len(tables[0].columns)}
        assert text.count("<td ") == sum(len(line.entries) for t in tables for line in t.lines)
    assert 'data-value="0.213456"' in render(filled, "html")


def test_html_escapes_titles(filled: tuple[PaperTable, ...]) -> None:
    text = render((replace(filled[0], title="<script>", notes=("<b>",)),), "html")
    assert "<script>" not in text
    assert "&lt;b&gt;" in text


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_tables_are_the_same_bytes(name: str, filled: tuple[PaperTable, ...]) -> None:
    assert render(filled, name) == render(filled, name)
    assert render(filled, name).endswith("\n")


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'text'"):
        render((paper_table(2),), "txt")


def test_a_difference_of_nothing_has_no_sign() -> None:
    assert signed(-0.00001, 4) == "0.0000"
    assert signed(0.5, 2) == "+0.50"
    assert signed(None, 2) == "-"
