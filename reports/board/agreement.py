"""Agreement of runs that have the same row: the same inpainter, detector and weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.metrics import METRICS
from benchmark.metrics.intervals import Values
from benchmark.results.rounding import number
from benchmark.results.significance import PairedTest, corrected, paired_tests
from reports.board.rows import Column, Row, RowKey
from reports.board.run_numbers import BoardRun, Spot
from reports.board.sections import Section


def disagreements(section: Section, rows: Sequence[Row]) -> dict[tuple[RowKey, Column], list[str]]:
    """Return, by row and detector, how runs that should have equal numbers differ.

    Rows of which several runs have the same numbers are not in the result.
    """
    spots = [spot for launder in section.launders for spot in section.spots(launder)]
    found: dict[tuple[RowKey, Column], list[str]] = {}
    for row in rows:
        for column, shown in row.chosen.items():
            lines = [
                line
                for other in row.runs
                if other is not shown
                and _has_column(other, column)
                and (line := _difference(row, column, (shown, other), spots))
            ]
            if lines:
                found[row.key, column] = lines
    return found


def noise_text(tests: Sequence[PairedTest]) -> str:
    """Return whether differences are beyond noise by a family of corrected tests, in words."""
    beyond = sum(one.differs for one in tests)
    if beyond:
        return (
            "beyond noise" if len(tests) == 1 else f"beyond noise in {beyond} of {len(tests)} cells"
        )
    untested = next((one.reason for one in tests if one.reason), "")
    return f"(not tested: {untested})" if untested else "within noise"


def _has_column(run: BoardRun, column: Column) -> bool:
    weights = run.weights.get(column.detector)
    return weights is not None and weights.identity == column.weights


def _difference(
    row: Row, column: Column, pair: tuple[BoardRun, BoardRun], spots: Sequence[Spot]
) -> str:
    """Return how two runs differ in one row and detector, or "" if their numbers are equal."""
    changed = list(_changed(row, column, pair, spots))
    if not changed:
        return ""
    shown, other = pair
    painter, detector = row.key.painter, column.detector
    decimals = METRICS.load(shown.metric).decimals
    spot, first, second = max(changed, key=lambda one: abs(one[1] - one[2]))
    pairs = [
        (own, there)
        for where, _, _ in changed
        if (own := shown.values.get((painter, detector, where))) is not None
        and (there := aligned(other, shown, (painter, detector, where))) is not None
    ]
    if len(pairs) < len(changed):
        word = "differ (not tested: a run has no values per image)"
    else:
        tests = [
            paired_tests(b[:, None], a[:, None], metrics=[shown.metric], seed=shown.plan.seed)[0]
            for a, b in pairs
        ]
        word = f"differ {noise_text(corrected(tests))}"
    after = f" after {spot.launder}" if spot.launder else ""
    return (
        f"{painter} on {detector}: {shown.name} and {other.name} {word}, most at {spot.dataset} "
        f"{spot.bucket} %{after}: {number(first, decimals)} and {number(second, decimals)}"
    )


def _changed(
    row: Row, column: Column, pair: tuple[BoardRun, BoardRun], spots: Sequence[Spot]
) -> Iterator[tuple[Spot, float, float]]:
    for spot in spots:
        first, second = (run.cell(row.key.painter, column.detector, spot) for run in pair)
        if first is None or second is None or first.value is None or second.value is None:
            continue
        if first.value != second.value:  # as in results.csv, with six decimals
            yield spot, first.value, second.value


def aligned(run: BoardRun, to: BoardRun, key: tuple[str, str, Spot]) -> Values | None:
    """Return the (N,) values of one run in the order of another's images, or None without any."""
    values, where = run.values.get(key), (key[2].dataset, key[2].bucket)
    if values is None or run.order[where].keys() != to.order[where].keys():
        return None
    order = [run.order[where][name] for name in to.order[where]]
    found: Values = values[order]
    return found
