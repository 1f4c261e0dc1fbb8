"""Lines of the tables on the pages of models and runs: every number, cell by cell, as texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from markupsafe import Markup, escape

from benchmark.results.rounding import GAP, number, span
from benchmark.runner.resolve import ORIGINAL
from reports.board.names import detector_page, inpainter_page, run_page
from reports.board.rows import Column
from reports.board.run_numbers import BoardRun, Spot
from reports.board.standing import Standing, standings
from reports.board.values import SectionView

ALL = "all"
NONE = "-"
Where = tuple[int, Column, tuple[str, str, str]]  # position of a row, detector, scope


class Line(NamedTuple):
    """One line: a row of the section with one detector in one scope; links are from the root."""

    name: str
    page: str
    weights: str
    detector: str
    detector_page: str
    launder: str
    dataset: str
    bucket: str
    value: str
    span: str
    null: str
    distance: str
    rank: str
    images: str
    quality: str
    reason: str
    run: str
    run_name: str


def standing_lines(
    view: SectionView,
    places: Iterable[int],
    columns: Sequence[Column],
    *,
    scopes: Iterable[tuple[str, str, str]] | None = None,
    by_rank: bool = False,
    only: BoardRun | None = None,
) -> Iterator[Line]:
    """Yield the lines of some rows with some detectors.

    Args:
        view: the section.
        places: positions of the rows.
        columns: the detectors.
        scopes: post-processing, data set and bin; by default all of the section.
        by_rank: whether lines of a scope are in the order of their ranks.
        only: a run whose own numbers are shown; by default those of the board.
    """
    places = list(places)
    for scope in view.scopes if scopes is None else scopes:
        for column in columns:
            found = view.standings(column, *scope)
            order = places
            if by_rank:
                order = sorted(places, key=lambda at: (found[at].rank is None, found[at].rank or 0))
            for place in order:
                where = place, column, scope
                line = _line(view, where) if only is None else _own_line(view, where, only)
                if line is not None:
                    yield line


def _line(view: SectionView, where: Where) -> Line | None:
    """Return a row's numbers on the board, which several pages show; None without any."""
    if where not in view.lines:
        place, column, scope = where
        shown, run = view.standings(column, *scope)[place], view.rows[place].chosen.get(column)
        made = None if run is None else _new_line(view, where, shown, run)
        view.lines[where] = made
    return view.lines[where]


def _own_line(view: SectionView, where: Where, run: BoardRun) -> Line | None:
    """Return the numbers of one run in a row; only those that the board shows have a rank."""
    place, column, scope = where
    row = view.rows[place]
    if all(one is run for one in (row.chosen.get(column), *row.quality.values())):
        return _line(view, where)
    weights = run.weights.get(column.detector)
    if weights is None or weights.identity != column.weights:
        return None
    own = row.of_run(run, column)
    if row.chosen[column] is run:
        found = view.standings(column, *scope)[place]
    else:
        (found,) = standings([own], column, view.section.spots(*scope))
        said = found.reason or f"the board shows {row.chosen[column].name}"
        found = replace(found, rank=None, reason=said)
    line = _new_line(view, where, found, run)
    return line._replace(quality=view.quality_words(own, scope))


def _new_line(view: SectionView, where: Where, one: Standing, run: BoardRun) -> Line:
    place, column, scope = where
    row, (launder, dataset, bucket) = view.rows[place], scope
    plan, digits = view.section.first.plan, view.decimals
    return Line(
        name=row.key.painter,
        page=inpainter_page(row.variant.inpainter),
        weights=row.weights,
        detector=view.titles[column],
        detector_page=detector_page(column.detector),
        launder=launder or NONE,
        dataset=dataset or (ALL if len(plan.datasets) > 1 else plan.datasets[0]),
        bucket=bucket or (ALL if len(plan.buckets) > 1 else plan.buckets[0]),
        value=number(one.value, digits) + one.mark,
        span=span(one.low, one.high, digits) or NONE,
        null=number(one.null, digits),
        distance=number(one.distance, digits),
        rank=GAP if one.rank is None else str(one.rank),
        images=f"{one.n}/{one.expected}",
        quality=view.quality_text(place, scope),
        reason=one.reason,
        run=run_page(run),
        run_name=run.name,
    )


def lines_table(lines: Sequence[Line], metric: str, root: str, caption: str) -> Markup:
    """Return lines as an HTML table without columns that are the same in all of them.

    Written here and not by a template, as a site has a hundred thousand lines.

    Args:
        lines: the lines.
        metric: title of the detection metric.
        root: path from the page to the root of the site.
        caption: what the lines have in common.
    """
    shown = [
        column
        for column in _columns(metric)
        if column.always or len({getattr(line, column.field) for line in lines}) > 1
    ]
    heads = "".join(f'<th scope="col">{escape(column.head)}</th>' for column in shown)
    rows = "\n".join(
        f"<tr>{''.join(_html(line, column, root) for column in shown)}</tr>" for line in lines
    )
    return Markup(  # noqa: S704 (every value is escaped)
        f'<figure class="paper-table lines">\n<table>\n<caption>Numbers {escape(caption)}</caption>'
        f"\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</figure>"
    )


class _Column(NamedTuple):
    head: str
    field: str
    link: str = ""  # field with the page to which the text is a link
    always: bool = True  # shown also if all lines have the same


def _columns(metric: str) -> tuple[_Column, ...]:
    return (
        _Column("inpainter", "name", "page"),
        _Column("detector", "detector", "detector_page", always=False),
        _Column("post-processing", "launder", always=False),
        _Column("data set", "dataset", always=False),
        _Column("mask, %", "bucket"),
        _Column("rank", "rank"),
        _Column(metric, "value"),
        _Column("95 % interval", "span"),
        _Column("null", "null"),
        _Column("distance", "distance"),
        _Column("images", "images"),
        _Column("quality", "quality", always=False),
        _Column("weights", "weights"),
        _Column("run", "run_name", "run"),
        _Column("why there is no number or rank", "reason"),
    )


def _html(line: Line, column: _Column, root: str) -> str:
    text = escape(getattr(line, column.field) or NONE)
    if column.link and (page := getattr(line, column.link)):
        text = f'<a href="{root}{escape(page)}">{text}</a>'  # type: ignore[assignment]
    if column.field == "name":
        return f'<th scope="row">{text}</th>'
    return f'<td class="why">{text}</td>' if column.field == "reason" else f"<td>{text}</td>"


def fpr_text(view: SectionView, column: Column) -> str:
    """Return how many authentic images a detector calls forged, from the first run that says it."""
    for run in view.section.runs:
        weights = run.weights.get(column.detector)
        if weights is None or weights.identity != column.weights:
            continue
        plan = run.plan
        spots = [Spot(dataset, "", bucket) for dataset in plan.datasets for bucket in plan.buckets]
        rows = [run.cells.get((ORIGINAL, column.detector, "fpr", spot)) for spot in spots]
        values = {row.value for row in rows if row is not None and row.value is not None}
        if values:
            low, high = (number(100 * one, 0) for one in (min(values), max(values)))
            share = low if low == high else f"{low} to {high}"
            return f"It calls {share} % of the authentic images forged ({run.name})."
    return ""
