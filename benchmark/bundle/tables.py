"""Compare samples.csv and results.csv with what their numbers give, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import isinf, isnan
from pathlib import Path

from benchmark.bundle.proof import Findings, Mismatch
from benchmark.metrics import METRICS
from benchmark.results.csv import (
    COLUMNS,
    FORGERY_COLUMNS,
    LATER,
    OLD_NAMES,
    columns_of,
    result_rows,
)
from benchmark.results.files import csv_value, is_of_forgeries, read_rows, unescape_formula
from benchmark.results.rows import ResultRow, SampleRow

RESULTS, SAMPLES = "results.csv", "samples.csv"
EXACT = 1.5e-6  # largest difference of results made from all digits, on another machine
SIX_DECIMALS = 1e-4  # of means and intervals made from six decimals
_NUMBERS = ("value", "low", "high")
_ENDS = ("low", "high")
_NAMES = (
    "dataset", "launder", "detector", "inpainter", "method", "retouch", "composite",
    "mask_ratio_percent", "subset", "metric",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparable:
    """What of a run's results this version can compare.

    Attributes:
        metrics: metrics of this version's revision.
        intervals: whether intervals are made by this version's rules.
        within: largest difference that is rounding.
    """

    metrics: frozenset[str]
    intervals: bool
    within: float


def close(stated: float, computed: float, within: float) -> bool:
    """Return whether two numbers are equal within a relative difference; NaN equals NaN."""
    if isnan(stated) or isnan(computed) or isinf(stated) or isinf(computed):
        return stated == computed or (isnan(stated) and isnan(computed))
    return abs(stated - computed) <= within * max(1.0, abs(computed))


def compare_samples(
    stated: Iterable[SampleRow], computed: Iterable[SampleRow], findings: Findings
) -> None:
    """Compare the rows of samples.csv with those that numbers and keys give.

    Args:
        stated: the rows of the file.
        computed: the rows that the run would write.
        findings: where contradictions are added.
    """
    for line, (one, other) in enumerate(zip_longest(stated, computed), start=2):
        if one is None or other is None or _names(one) != _names(other):
            findings.differs(SAMPLES, _out_of_order(one, other), row=line)
            return
        for column, said, found in _sample_values(one, other):
            if said != found:
                findings.add(
                    Mismatch(file=SAMPLES, row=line, column=column, stated=said, computed=found)
                )


def _names(row: SampleRow) -> tuple[str, ...]:
    return (
        row.dataset, row.inpainter, row.treatment, row.detector, row.launder, row.bucket, row.sample
    )  # fmt: skip


def _out_of_order(one: SampleRow | None, other: SampleRow | None) -> str:
    said = "no row" if one is None else f"a row of {_said(one)}"
    wanted = "no row" if other is None else f"one of {_said(other)}"
    return f"{said}, expected {wanted}: rows were removed, added, repeated or moved"


def _said(row: SampleRow) -> str:
    return " ".join(filter(None, (row.sample, row.bucket, row.painter, row.detector, row.launder)))


def _sample_values(one: SampleRow, other: SampleRow) -> Iterator[tuple[str, str, str]]:
    """Yield column, stated and computed text of every value of a row."""
    yield "mask", one.mask, other.mask
    yield "score", _text(one.score), _text(other.score)
    for name in {**one.numbers, **other.numbers}:
        stated, computed = one.numbers.get(name, ()), other.numbers.get(name, ())
        if len(stated) != len(computed):
            yield name, f"{len(stated)} numbers", f"{len(computed)} numbers"
            continue
        parts = METRICS.load(name).parts
        parts = parts if len(parts) == len(computed) else tuple(map(str, range(1, 10_000)))
        for part, said, found in zip(parts, stated, computed, strict=False):
            yield f"{name}.{part}" if part else name, _text(said), _text(found)


def _text(number: float | None) -> str:
    return "" if number is None or isnan(number) else f"{number:.6f}"


def compare_results(
    path: Path, cells: Sequence[ResultRow], comparable: Comparable, findings: Findings
) -> None:
    """Compare the rows of results.csv with those that samples.csv gives.

    Args:
        path: the file.
        cells: the cells made from the samples, in the run's order.
        comparable: what can be compared.
        findings: where contradictions are added.

    Raises:
        DataError: if the file cannot be read.
    """
    wanted = FORGERY_COLUMNS if is_of_forgeries(path) else COLUMNS
    stated = read_rows(path, wanted, later=LATER)
    columns = columns_of(cells)
    for line, (one, cell) in enumerate(zip_longest(stated, result_rows(cells)), start=2):
        other = None if cell is None else {name: csv_text(cell.get(name)) for name in columns}
        if one is not None:
            one["metric"] = OLD_NAMES.get(one["metric"], one["metric"])
        if one is None or other is None or _cell_names(one, other) != _cell_names(other, one):
            said = "no row" if one is None else f"a row of {' '.join(_cell_names(one, one))}"
            lacks = "none" if other is None else f"one of {' '.join(_cell_names(other, other))}"
            findings.differs(
                RESULTS,
                f"{said}, expected {lacks}: rows were removed, added, repeated or renamed",
                row=line,
            )
            return
        _compare_cell(line, one, other, comparable, findings)


def _cell_names(row: dict[str, str], other: dict[str, str]) -> list[str]:
    """Return the names of a cell that both rows have a column for."""
    return [row[name] for name in _NAMES if name in row and name in other]


def _compare_cell(
    line: int,
    stated: dict[str, str],
    computed: dict[str, str],
    comparable: Comparable,
    findings: Findings,
) -> None:
    numbers = stated["metric"] in comparable.metrics
    for column, said in stated.items():
        found = computed.get(column, "")
        if said == found:
            continue
        if column in (*_NUMBERS, "n", "images", "reason") and not numbers:
            continue
        if column in _ENDS and not comparable.intervals:
            continue
        if column in _NUMBERS and _is_close(said, found, comparable.within):
            continue
        findings.add(Mismatch(file=RESULTS, row=line, column=column, stated=said, computed=found))


def _is_close(said: str, found: str, within: float) -> bool:
    try:
        stated, computed = float(said), float(found)
        return stated == computed or abs(stated - computed) <= within
    except ValueError:  # a gap, or no number
        return False


def csv_text(value: object) -> str:
    """Return a value as the text that a CSV file has, as it is read."""
    return unescape_formula(str(csv_value(value)))
