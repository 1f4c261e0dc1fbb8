"""CSV files: escaping, pipes and oversized files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmark.core.errors import DataError
from benchmark.results.files import escape_formula, read_rows, unescape_formula, write_rows

RUN = ("=1+1.png", "+cmd", "-2+3", "@SUM(A1)", "\tx", "\r=1", "'=1", "''@x", "-x", "=")
KEPT = ("", "a", "-", "-0.5", "+1e-3", "-inf", "inf", "nan", "'", "'a", "10-20", "1+1", "- ")


@pytest.mark.parametrize("text", RUN)
def test_formulas_are_escaped(tmp_path: Path, text: str) -> None:
    assert escape_formula(text) == "'" + text
    write_rows(tmp_path / "rows.csv", ["name"], [{"name": text}])
    assert [row["name"] for row in read_rows(tmp_path / "rows.csv", ["name"])] == [text]


@pytest.mark.parametrize("text", KEPT[:-1])
def test_numbers_and_other_texts_stay(text: str) -> None:
    assert escape_formula(text) == text == unescape_formula(text)


@pytest.mark.parametrize("text", [*RUN, *KEPT])
def test_escaping_round_trip(text: str) -> None:
    assert unescape_formula(escape_formula(text)) == text


def test_pipes_and_oversized_files_raise(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    os.mkfifo(path)
    with pytest.raises(DataError, match="not a regular file"):
        list(read_rows(path, ["name"]))
    path.unlink()
    with path.open("wb") as file:
        file.truncate(1 << 40)  # sparse
    with pytest.raises(DataError, match="larger than"):
        list(read_rows(path, ["name"]))
    path.write_text(",".join(map(str, range(20_000))) + "\n")
    with pytest.raises(DataError, match="more than 10,000 columns"):
        list(read_rows(path, ["0"]))


def test_a_value_without_a_column_is_never_dropped(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no column 'extra'"):
        write_rows(tmp_path / "rows.csv", ["name"], [{"name": "a", "extra": 1}])
    assert not (tmp_path / "rows.csv").exists()
