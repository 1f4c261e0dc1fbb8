"""Content of the board's page for its script: sections, rows and standings as compact JSON values.

Numbers are integers in units of their last printed digit, so that the page prints what every other
table prints: 8380 with four digits is 0.8380.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.metrics import METRICS
from benchmark.results.nulls import untested_notes
from benchmark.results.rounding import number, units
from reports.board.agreement import disagreements
from reports.board.names import detector_page, inpainter_page, run_page
from reports.board.rows import (
    Column,
    QualityColumn,
    Row,
    columns_of,
    provenance,
    quality_columns,
    rows_of,
    weights_text,
)
from reports.board.run_numbers import BoardRun
from reports.board.sections import Section
from reports.board.standing import Standing, counts, standings
from reports.figures.charts import metric_title
from reports.page.finding import counted
from reports.page.summary import FEW

if TYPE_CHECKING:
    from reports.board.lines import Line

SEES = "‡"  # mark of an output that depends on what the image shows inside the hole
MOST_LINES = 20  # of disagreement that are listed in one section


class SectionView:
    """A section with its rows, columns and disagreements, computed once for all pages.

    Args:
        section: the section.

    Attributes:
        section: the section.
        rows: its rows.
        columns: its detectors.
        qualities: its metrics of image quality.
        differing: how runs that have the same row differ, by row and detector.
        metric: title of the detection metric, such as "AUC".
        decimals: its printed digits.
        titles: titles of the detectors with their weights.
        lines: lines of tables that were made, by row, detector and scope.
    """

    def __init__(self, section: Section) -> None:
        self.section = section
        self.rows = rows_of(section)
        self.columns = columns_of(section)
        self.qualities = quality_columns(section)
        self.differing = disagreements(section, self.rows)
        kind = METRICS.load(section.first.metric)
        self.metric, self.decimals = kind.title, kind.decimals
        self.titles = {column: _title(section, column) for column in self.columns}
        self.lines: dict[tuple[int, Column, tuple[str, str, str]], Line | None] = {}
        self._texts: dict[tuple[int, tuple[str, str, str]], str] = {}
        self._quality: dict[tuple[int, tuple[str, str, str]], list[float | None]] = {}
        self._found: dict[tuple[str, str, str, Column], tuple[Standing, ...]] = {}

    def standings(
        self, column: Column, launder: str = "", dataset: str = "", bucket: str = ""
    ) -> tuple[Standing, ...]:
        """Return the standing of every row in one scope; "" is all data sets, or all bins."""
        key = launder, dataset, bucket, column
        if key not in self._found:
            spots = self.section.spots(launder, dataset, bucket)
            self._found[key] = standings(self.rows, column, spots)
        return self._found[key]

    def quality(self, place: int, scope: tuple[str, str, str]) -> list[float | None]:
        """Return the means of the quality metrics of the row at a position, None for a gap."""
        key = place, scope
        if key not in self._quality:
            self._quality[key] = self._means(self.rows[place], scope)
        return self._quality[key]

    def quality_text(self, place: int, scope: tuple[str, str, str]) -> str:
        """Return those means as text, such as "PSNR 21.30, LPIPS 0.231"."""
        key = place, scope
        if key not in self._texts:
            self._texts[key] = self._words(self.quality(*key))
        return self._texts[key]

    def quality_words(self, row: Row, scope: tuple[str, str, str]) -> str:
        """Return the means of a row that need not be one of the section, as text."""
        return self._words(self._means(row, scope))

    def _means(self, row: Row, scope: tuple[str, str, str]) -> list[float | None]:
        spots = self.section.spots(*scope)
        return [row.quality_mean(one, spots) for one in self.qualities]

    def _words(self, means: Iterable[float | None]) -> str:
        return ", ".join(
            f"{METRICS.load(one.metric).title} {number(value, one.decimals)}"
            for one, value in zip(self.qualities, means, strict=True)
            if value is not None
        )

    @property
    def scopes(self) -> Iterator[tuple[str, str, str]]:
        """Post-processing, data set and bin of every scope; "" is all, where there are several."""
        plan = self.section.first.plan
        datasets = ("", *(plan.datasets if len(plan.datasets) > 1 else ()))
        buckets = ("", *(plan.buckets if len(plan.buckets) > 1 else ()))
        for launder in self.section.launders:
            for dataset in datasets:
                for bucket in buckets:
                    yield launder, dataset, bucket

    def notes(self) -> list[str]:
        """Return what a reader has to know about the section, in sentences."""
        first = self.section.first
        count = len({(place.dataset, place.sample) for place in first.places})
        lines = (
            [f"Only {counted(count, 'image')}: a trial, not a result."] if 0 < count < FEW else []
        )
        tests = [test for run in self.section.runs for test in run.tests.values()]
        lines += untested_notes(test.reason for test in tests)
        lines += [note for run in self.section.runs for note in run.notes]
        found = [f"{line}." for lines_ in self.differing.values() for line in lines_]
        lines += found[:MOST_LINES]
        if len(found) > MOST_LINES:
            lines.append(f"{len(found) - MOST_LINES} more rows differ between their runs.")
        twice = sorted({row.key.painter for row in self.rows if row.other_weights})
        if twice:
            lines.append(f"With several weights, a row for each: {', '.join(twice)}.")
        return lines


def _title(section: Section, column: Column) -> str:
    run = next(run for run in section.runs if column.detector in run.cards)
    return f"{run.cards[column.detector].title} ({weights_text(column.edition, column.weights)})"


def board_values(views: Sequence[SectionView], runs: Sequence[BoardRun]) -> dict[str, Any]:
    """Return the content of the board's page.

    Args:
        views: the sections.
        runs: all runs, in the order given.
    """
    places = {run.id: place for place, run in enumerate(runs)}
    return {
        "runs": [{"id": run.id, "name": run.name, "page": run_page(run)} for run in runs],
        "sections": [_section(view, places) for view in views],
    }


def _section(view: SectionView, places: Mapping[str, int]) -> dict[str, Any]:
    plan = view.section.first.plan
    reasons: dict[str, int] = {}
    scopes = {}
    for launder, dataset, bucket in view.scopes:
        key = "|".join((launder, dataset, bucket))
        scopes[key] = _scope(view, (launder, dataset, bucket), reasons)
    return {
        "id": view.section.id,
        "title": view.section.title,
        "launders": view.section.launders,
        "datasets": plan.datasets,
        "buckets": plan.buckets,
        "metric": view.metric,
        "digits": view.decimals,
        "columns": [_column(view, one) for one in view.columns],
        "quality": [_quality(view, one) for one in view.qualities],
        "rows": [_row(view, row, places) for row in view.rows],
        "scopes": scopes,
        "reasons": list(reasons),
    }


def _column(view: SectionView, one: Column) -> dict[str, str]:
    twice = sum(other.detector == one.detector for other in view.columns) > 1
    return {
        "name": view.titles[one],
        "id": f"{one.detector} {one.weights[:8]}" if twice else one.detector,
        "page": detector_page(one.detector),
    }


def _quality(view: SectionView, one: QualityColumn) -> dict[str, Any]:
    twice = sum(other.metric == one.metric for other in view.qualities) > 1
    title = metric_title(one.metric) + (f", revision {one.revision}" if twice else "")
    better = METRICS.load(one.metric).better
    identity = f"{one.metric} {one.revision}" if twice else one.metric
    return {"name": title, "digits": one.decimals, "better": better, "id": identity}


def _row(view: SectionView, row: Row, places: Mapping[str, int]) -> dict[str, Any]:
    sees = any(row.key.painter in run.sees_hole for run in row.runs)
    values: dict[str, Any] = {
        "name": row.key.painter + (SEES if sees else ""),
        "page": inpainter_page(row.variant.inpainter),
        "weights": row.weights,
        "from": provenance(row.edition),
        "runs": [places[run.id] for run in row.runs],
    }
    if row.other_weights:
        values["twice"] = 1
    if any(key == row.key for key, _ in view.differing):
        values["differs"] = 1
    if any(run.proof for run in view.section.runs):
        values["proof"] = row.proof
    return values


def _scope(
    view: SectionView, scope: tuple[str, str, str], reasons: dict[str, int]
) -> dict[str, Any]:
    found = [view.standings(column, *scope) for column in view.columns]
    return {
        "counts": [counts(one) for one in found],
        "quality": [
            [
                units(value, one.decimals)
                for one, value in zip(view.qualities, view.quality(place, scope), strict=True)
            ]
            for place in range(len(view.rows))
        ],
        "rows": [
            [_cell(one[place], view.decimals, reasons) for one in found]
            for place in range(len(view.rows))
        ],
    }


def _cell(one: Standing, decimals: int, reasons: dict[str, int]) -> list[object]:
    """Return value, ends of the interval, null, distance, rank, images, mark, reason, expected."""
    numbers = (one.value, one.low, one.high, one.null, one.distance)
    cell: list[object] = [units(value, decimals) for value in numbers]
    cell += [one.rank or 0, one.n]
    if one.reason or one.mark or one.n != one.expected:
        reason = reasons.setdefault(one.reason, len(reasons))
        cell += [one.mark, reason, one.expected]
    return cell
