"""docs/statistics.md: its tables are those of benchmarks/coverage.py and keep their bounds."""

from __future__ import annotations

import importlib.util
from itertools import islice

import pytest

from tests.docs.blocks import PAGES
from tests.unit.test_layers import ROOT


@pytest.fixture(scope="module")
def coverage():
    spec = importlib.util.spec_from_file_location(
        "coverage_of_intervals", ROOT / "benchmarks" / "coverage.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tables() -> list[list[list[str]]]:
    """Rows of cells of the tables whose first heading is "images"."""
    found: list[list[list[str]]] = []
    for line in PAGES["docs/statistics.md"].splitlines():
        if line.startswith("| images |"):
            found.append([])
        elif found and line.startswith("| ") and line[2].isdigit():
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def test_coverage_is_what_is_promised() -> None:
    rows = tables()[0]
    assert [int(row[0]) for row in rows] == [3, 5, 7, 10, 20, 30, 100]
    for images, *cells in rows:
        numbers = [float(cell) for cell in cells[::2]]  # every other column is the old method
        assert min(numbers[:2]) >= (92 if int(images) <= 7 else 93)
        assert min(numbers[2:]) >= 95


def test_shares_are_the_programs(coverage) -> None:
    for row in islice(tables()[0], 6):
        expected = [one for p in coverage.SHARES for one in coverage.of_shares(p, int(row[0]))]
        assert " | ".join(row[5:]) == coverage.percent(*expected)


def test_paired_shares_are_the_programs(coverage) -> None:
    row = tables()[1][0]
    assert row[0] == "7"
    assert row[1] == coverage.percent(coverage.of_paired_shares((0.4, 0.1, 0.1, 0.4), 7))


def test_means_and_tests_are_near_the_programs(coverage) -> None:
    row = tables()[0][2]
    ours, old = coverage.of_means(coverage.skewed, 7, 1000)
    assert 100 * ours == pytest.approx(float(row[3]), abs=1.5)
    assert 100 * old == pytest.approx(float(row[4]), abs=4)
    for _, nine, three, one, old_rule in tables()[2]:
        assert max(float(nine), float(three), float(one)) < 6
        assert float(old_rule) > 6
