"""Numbers of one inpainter over time: its runs in the order of their dates, so a drift is seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmark.results.rounding import finite, number
from benchmark.results.significance import PairedTest, corrected, paired_tests
from reports.board.agreement import aligned, noise_text
from reports.board.rows import Column, Row
from reports.board.run_numbers import BoardRun, Spot
from reports.board.standing import Standing, standings
from reports.board.values import SectionView
from reports.figures.charts import Chart, Point, Series

MOST_TICKS = 6  # labels of the time axis that fit


class Measured(NamedTuple):
    """Numbers of one run.

    Attributes:
        run: the run.
        row: the row with the weights of that run.
        standings: its standing by detector, not ranked.
        changes: how each differs from the run before, in words, by detector.
    """

    run: BoardRun
    row: Row
    standings: dict[Column, Standing]
    changes: dict[Column, str]


@dataclass(frozen=True, kw_only=True)
class History:
    """Runs of one inpainter in one section.

    Attributes:
        painter: name of the inpainter with its treatment.
        columns: detectors with at least two numbers.
        runs: the runs, oldest first.
        chart: the numbers over the runs.
    """

    painter: str
    columns: tuple[Column, ...]
    runs: tuple[Measured, ...]
    chart: Chart


def histories(view: SectionView, inpainter: str) -> Iterator[History]:
    """Yield the history of each treatment of an inpainter that several runs of a section have.

    Numbers are over all data sets and mask-ratio bins without post-processing. A number is only
    compared with that of the same detector with the same weights, over the same images.
    """
    painters = dict.fromkeys(
        row.key.painter for row in view.rows if row.variant.inpainter == inpainter
    )
    for painter in painters:
        rows = [row for row in view.rows if row.key.painter == painter]
        pairs = [(run, row) for row in rows for run in row.runs]
        pairs.sort(key=lambda pair: (pair[0].date, pair[0].name))
        if len(pairs) > 1:
            yield _history(view, painter, pairs)


def _history(view: SectionView, painter: str, pairs: Sequence[tuple[BoardRun, Row]]) -> History:
    spots = view.section.spots("")
    found = [Measured(run, row, _of_run(view, run, row, spots), {}) for run, row in pairs]
    columns = tuple(
        column
        for column in view.columns
        if sum(one.standings[column].value is not None for one in found if column in one.standings)
        > 1
    )
    for column in columns:
        _compare(found, painter, column, spots)
    return History(
        painter=painter,
        columns=columns,
        runs=tuple(found),
        chart=_chart(view, painter, columns, found),
    )


def _of_run(
    view: SectionView, run: BoardRun, row: Row, spots: Sequence[Spot]
) -> dict[Column, Standing]:
    found = {}
    for column in view.columns:
        weights = run.weights.get(column.detector)
        if weights is not None and weights.identity == column.weights:
            (found[column],) = standings([row.of_run(run, column)], column, spots)
    return found


def _compare(
    found: Sequence[Measured], painter: str, column: Column, spots: Sequence[Spot]
) -> None:
    """Add how each number differs from the one before, tested on the same images."""
    measured = [
        one for one in found if column in one.standings and one.standings[column].value is not None
    ]
    tests: dict[int, list[PairedTest]] = {}
    for spot in spots:
        key = painter, column.detector, spot
        pairs = {
            place: (after, before)
            for place in range(1, len(measured))
            if (after := measured[place].run.values.get(key)) is not None
            and (before := aligned(measured[place - 1].run, measured[place].run, key)) is not None
        }
        if pairs:
            own = np.stack([after for after, _ in pairs.values()], axis=1)
            other = np.stack([before for _, before in pairs.values()], axis=1)
            metrics = [measured[0].run.metric] * len(pairs)
            seed = measured[0].run.plan.seed
            made = paired_tests(own, other, metrics=metrics, seed=seed)
            for place, test in zip(pairs, made, strict=True):
                tests.setdefault(place, []).append(test)
    for place in range(1, len(measured)):
        measured[place].changes[column] = _change(
            measured[place - 1], measured[place], column, tests.get(place, []), len(spots)
        )


def _change(
    before: Measured, after: Measured, column: Column, tests: Sequence[PairedTest], count: int
) -> str:
    """Return how a number differs from the one before, in words."""
    old, new = before.standings[column].value, after.standings[column].value
    if old == new and all(not test.value for test in tests):
        return "equal"
    if len(tests) < count:
        return "not tested"
    return noise_text(corrected(tests))


def _chart(
    view: SectionView, painter: str, columns: Sequence[Column], found: Sequence[Measured]
) -> Chart:
    step = max(1, -(-len(found) // MOST_TICKS))
    labels = [
        f"{one.run.date:%m-%d}" if place % step == 0 else "" for place, one in enumerate(found)
    ]
    series = tuple(
        Series(
            name=view.titles[column],
            index=index,
            points=tuple(_points(found, column, view.decimals)),
        )
        for index, column in enumerate(columns)
    )
    return Chart(
        kind="ratio",
        name=f"history-{view.section.id}",
        title=painter,
        x_title="runs by date",
        y_title=view.metric,
        positions=tuple(labels),
        series=series,
    )


def _points(found: Sequence[Measured], column: Column, decimals: int) -> Iterator[Point]:
    for place, one in enumerate(found):
        standing = one.standings.get(column)
        value = finite(standing.value) if standing else None
        if standing is not None and value is not None:
            yield Point(
                x=float(place),
                y=value,
                low=finite(standing.low),
                high=finite(standing.high),
                label=f"{one.run.name}, {one.run.date:%Y-%m-%d}: {number(value, decimals)}",
            )
