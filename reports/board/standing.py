"""Standing of every row with every detector: AUC, null, distance, rank, or why there is none.

The distance of a row is the mean over the compared cells (data sets and mask-ratio bins) of
|AUC - null|, so an AUC above the null in one cell does not cancel one below it in another. A row is
ranked only if it has every cell; its numbers are never averaged over a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite, sqrt
from statistics import fmean

from benchmark.results.nulls import MARK, RANKED, is_below
from benchmark.results.rounding import rounded
from benchmark.results.rows import ResultRow
from benchmark.results.training_exposure import MET, seen_in_training
from reports.board.rows import Column, Row
from reports.board.run_numbers import BoardRun, Spot

ABSENT = "not in a run with this detector"
LACKS = "gap"  # kinds of reasons, counted below a table
BELOW = "below the null"
SEEN = "seen in training"
OTHER = "no rank"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one row stands with one detector in one scope.

    Attributes:
        value: mean of the detection metric over the cells, or None if one is a gap.
        low: lower end of its 95 % interval over images, or None.
        high: upper end, or None.
        null: mean of the null over the same cells, or None.
        distance: mean of |AUC - null| over the cells, or None.
        rank: 1 for the smallest distance of the section's rows, or None.
        mark: "§" below the null, "¶" seen in training, or "".
        kind: kind of `reason`, or "".
        reason: why there is no number or no rank, or "".
        n: smallest number of images that count in a cell.
        expected: images of such a cell.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    null: float | None = None
    distance: float | None = None
    rank: int | None = None
    mark: str = ""
    kind: str = ""
    reason: str = ""
    n: int = 0
    expected: int = 0


def standings(rows: Sequence[Row], column: Column, spots: Sequence[Spot]) -> tuple[Standing, ...]:
    """Return the standing of every row with one detector over some cells.

    Args:
        rows: rows of a section.
        column: the detector.
        spots: the cells that are compared, all after the same post-processing.
    """
    found = [_standing(row, column, spots) for row in rows]
    distances = sorted(
        rounded(one.distance) for one in found if one.distance is not None and not one.reason
    )
    ranks: dict[float, int] = {}
    for place, distance in enumerate(distances, start=1):
        ranks.setdefault(distance, place)  # equal distances share a rank
    return tuple(
        one
        if one.reason or one.distance is None
        else replace(one, rank=ranks[rounded(one.distance)])
        for one in found
    )


def counts(found: Iterable[Standing]) -> str:
    """Return how many rows are ranked and why others are not, such as "12 of 14 ranked"."""
    known = [one for one in found if one.reason != ABSENT]
    words = {
        LACKS: "lack numbers that are compared",
        BELOW: f"{MARK} below the null",
        SEEN: f"{MET} seen in training",
        OTHER: "not ranked for another reason",
    }
    kinds = [one.kind for one in known]
    parts = [f"{kinds.count('')} of {len(known)} ranked"]
    parts += [f"{kinds.count(kind)} {text}" for kind, text in words.items() if kind in kinds]
    return ", ".join(parts)


def _standing(row: Row, column: Column, spots: Sequence[Spot]) -> Standing:
    run = row.chosen.get(column)
    if run is None:
        return Standing(kind=LACKS, reason=ABSENT)
    cells = {spot: run.cell(row.key.painter, column.detector, spot) for spot in spots}
    own = [cell for cell in cells.values() if cell is not None and _has(cell)]
    gaps = len(spots) - len(own)
    least = min(own, key=lambda cell: cell.n, default=None)
    known = Standing(
        n=least.n if least else 0,
        expected=least.expected if least else 0,
        mark=MET if any(map(seen_in_training, own)) else "",
    )
    if gaps:
        why = next((cell.reason for cell in cells.values() if cell and cell.reason), "no number")
        reason = f"lacks {gaps} of {len(spots)} cells: {why}" if len(spots) > 1 else why
        return replace(known, kind=LACKS, reason=reason)
    low, high = _interval(run, row, column, spots, own)
    nulls = [run.null_at(column.detector, spot) for spot in spots]
    known = replace(known, value=fmean(_numbers(own)), low=low, high=high)
    if any(null is None or not isfinite(null) for null in nulls):
        return replace(known, kind=OTHER, reason=_no_null(run))
    both = list(zip(_numbers(own), (null for null in nulls if null is not None), strict=True))
    known = replace(
        known,
        null=fmean(null for _, null in both),
        distance=fmean(abs(value - null) for value, null in both),
    )
    return _refused(known, run, row, column, spots)


def _has(cell: ResultRow) -> bool:
    return cell.value is not None and isfinite(cell.value)


def _numbers(cells: Iterable[ResultRow]) -> list[float]:
    return [cell.value for cell in cells if cell.value is not None]


def _no_null(run: BoardRun) -> str:
    if run.metric != RANKED:
        return f"{run.metric} of this convention has no null"
    return "the run has no null"


def _refused(
    known: Standing, run: BoardRun, row: Row, column: Column, spots: Sequence[Spot]
) -> Standing:
    """Return a standing with the reason why it is not ranked, if there is one."""
    wanted = [(row.key.painter, column.detector, spot) for spot in _means(run, spots)]
    tests = [run.tests[key] for key in wanted if key in run.tests]
    below = any(map(is_below, tests))
    if below:
        known = replace(known, mark=known.mark + MARK)
    if known.mark.startswith(MET):
        return replace(known, kind=SEEN, reason="seen in training by the detector")
    if below:
        return replace(known, kind=BELOW, reason="AUC below the null beyond noise")
    if not row.variant.keeps_known:
        return replace(known, kind=OTHER, reason="known pixels are not the original's")
    if not row.card.paints:
        return replace(known, kind=OTHER, reason="authentic content")
    if len(tests) < len(wanted):
        return replace(known, kind=OTHER, reason="no values per image, so not tested")
    return known


def _means(run: BoardRun, spots: Sequence[Spot]) -> list[Spot]:
    """Return what is tested in a scope: one bin, or the mean over all bins, of each data set."""
    if len(run.plan.buckets) > 1 and len({spot.bucket for spot in spots}) > 1:
        return list(dict.fromkeys(spot._replace(bucket="") for spot in spots))
    return list(spots)


def _interval(
    run: BoardRun, row: Row, column: Column, spots: Sequence[Spot], cells: Sequence[ResultRow]
) -> tuple[float | None, float | None]:
    """Return the interval of the mean over cells.

    One cell has that of results.csv; several bins of a data set that of the mean over bins per
    image. Data sets are independent, so their intervals are combined by the distances of their ends
    from the means (MOVER, Zou and Donner 2008).
    """
    if len(cells) == 1:
        return cells[0].low, cells[0].high
    parts = []
    for spot in _means(run, spots):
        own = [cell for cell in cells if cell.dataset == spot.dataset]
        low, high = own[0].low, own[0].high
        if not spot.bucket:
            low, high = run.spans.get((row.key.painter, column.detector, spot), (None, None))
        if low is None or high is None or not (isfinite(low) and isfinite(high)):
            return None, None
        parts.append((fmean(_numbers(own)), low, high))
    if len(parts) == 1:
        return parts[0][1], parts[0][2]
    mean, count = fmean(value for value, _, _ in parts), len(parts)
    below = sqrt(sum((value - low) ** 2 for value, low, _ in parts)) / count
    above = sqrt(sum((high - value) ** 2 for value, _, high in parts)) / count
    return mean - below, mean + above
