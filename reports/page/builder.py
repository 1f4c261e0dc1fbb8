"""Build index.html of a run: one self-contained page, and its figures."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic

from markupsafe import Markup

from benchmark.core.errors import DataError
from benchmark.core.paths import make_below, write_text
from benchmark.results.displayed import Images, read_displayed
from benchmark.results.images import write_images
from benchmark.results.nulls import MARK, RANKED, CellKey
from benchmark.results.rounding import kind_of, number, span, stored
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import RunFolder
from benchmark.results.training_exposure import training_mark
from benchmark.store.store import Store
from reports.figures.charts import AS_INPAINTED, Chart, Series, charts, metric_title
from reports.findings import annotated
from reports.formats import render
from reports.gallery import Gallery, make_gallery
from reports.page.finding import counted
from reports.page.forgeries import forgery_values
from reports.page.gallery_data import IMAGES, detector_names, gallery_data, inpainter_names
from reports.page.plots import legend_mark, svg
from reports.page.provenance import provenance, state_of
from reports.page.summary import caveats, detector_summaries
from reports.page.template import fill_template
from reports.paper.entries import PaperTable
from reports.paper.tables import paper_table, paper_tables
from reports.statistics import Statistic, below_null, statistics_of

PAGE = "index.html"
FIGURES = "figures"
BETWEEN_LINES = 2.0  # seconds between lines of progress
_HEADINGS = {
    "ratio": "Metrics by mask ratio",
    "tradeoff": "Quality against detectability",
    "launder": "After post-processing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostProcessedTable:
    """Table after one post-processing.

    Attributes:
        name: the post-processing, with the data set if there are several.
        table: the rendered table.
    """

    name: str
    table: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSection:
    """One of the paper's tables on the page.

    Attributes:
        number: 1 to 6.
        main: rendered table without post-processing, or the paper's alone if the run has none of
            its numbers.
        post_processed: the same table after each post-processing.
        missing: why there are no numbers of ours, or "".
        measured: whether there is a number of ours.
    """

    number: int
    main: Markup
    post_processed: tuple[PostProcessedTable, ...]
    missing: str
    measured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartGroup:
    """Charts of one kind.

    Attributes:
        heading: heading of the group.
        series: series of all charts, for the legend.
        charts: the charts, one panel each.
    """

    heading: str
    series: tuple[Series, ...]
    charts: tuple[Chart, ...]


def write_page(
    run: RunFolder,
    *,
    written: datetime,
    full: bool = False,
    progress: Callable[[str], object] = lambda _: None,
) -> Path:
    """Write index.html and figures/ into the folder of a run.

    Args:
        run: the run, finished or not.
        written: time stamp of the page; all else depends on the run alone.
        full: also write full-size images and heatmaps, to which the page links.
        progress: called with one line before each step.

    Returns:
        The page.

    Raises:
        DataError: if the run's samples cannot be read, or full-size images are missing.
        OutputError: if a file cannot be written.
    """
    if run.plan.forgeries is not None:
        return _write_forgery_page(run, written=written, full=full, progress=progress)
    if full:
        shown = read_displayed(run)
        with Store(run.store, read_only=True) as store:
            images = Images(store, shown.jobs)
            write_images(run.path / IMAGES, shown.samples, store, images)
    path = run.path / PAGE
    progress("1 of 2: plots and gallery of images")
    drawn = charts(run)
    with ThreadPoolExecutor(1) as beside:
        figures = beside.submit(_write_figures, run.path, drawn)
        gallery = make_gallery(run, progress=_GalleryProgress(progress))
        figures.result()  # raises its error, if there is one
    progress("2 of 2: tables and statistics")
    write_text(path, page(run, drawn, gallery, written=written, full=full))
    return path


def _write_figures(folder: Path, drawn: Sequence[Chart]) -> None:
    """Draw the charts; Matplotlib is imported here, while the images of the gallery are made."""
    from reports.figures.files import write_figures

    write_figures(make_below(folder, FIGURES), drawn)


def _write_forgery_page(
    run: RunFolder, *, written: datetime, full: bool, progress: Callable[[str], object]
) -> Path:
    """Write index.html into the folder of a run of forgeries; it has no plots."""
    if full:
        raise DataError(
            f"{run.path}: a run of forgeries: its full-size images are those of the set, not in "
            "the store; leave out --full, or rerun with --save-images"
        )
    progress("1 of 2: gallery of images")
    gallery = make_gallery(run, progress=_GalleryProgress(progress))
    progress("2 of 2: tables")
    text = fill_template(
        "forgeries.html",
        written=written,
        title=f"SafePaint Bench: {run.plan.name}",
        run=run,
        state=state_of(run),
        counted=counted,
        gallery=gallery,
        gallery_data=gallery_data(run, gallery, full=False),
        provenance=provenance(run),
        **forgery_values(run),
    )
    path = run.path / PAGE
    write_text(path, text)
    return path


def page(
    run: RunFolder, drawn: Sequence[Chart], gallery: Gallery, *, written: datetime, full: bool
) -> str:
    """Return the page as text.

    Args:
        run: the run.
        drawn: its charts.
        gallery: its images.
        written: time stamp.
        full: whether full-size images are written beside the page.
    """
    statistics = statistics_of(run)
    below = below_null(statistics)
    return fill_template(
        "report.html",
        written=written,
        title=f"SafePaint Bench: {run.title}",
        run=run,
        state=state_of(run),
        summaries=detector_summaries(run, statistics),
        counted=counted,
        share=_share,
        caveats=list(caveats(run)),
        tables=list(_tables(run, statistics)),
        plots=list(_chart_groups(drawn)),
        svg=svg,
        legend_mark=legend_mark,
        rows=[_row(row, below) for row in run.results],
        gallery=gallery,
        gallery_data=gallery_data(run, gallery, full=full),
        provenance=provenance(run),
        inpainters=inpainter_names(run),
        detectors=detector_names(run),
    )


class _GalleryProgress:
    """Print how many samples are done, every two seconds."""

    def __init__(self, show: Callable[[str], object]) -> None:
        self._show, self._start = show, monotonic()
        self._last = self._start

    def __call__(self, done: int, total: int) -> None:
        now = monotonic()
        if now - self._last < BETWEEN_LINES:
            return
        self._last = now
        left = round((now - self._start) / done * (total - done))
        self._show(f"  {done} of {total} samples, {left // 60}:{left % 60:02d} left")


def _share(value: float) -> str:
    """Return a number in [0, 1] as percent of the width of a bar."""
    return f"{100 * min(max(value, 0.0), 1.0):.1f}"


def _tables(run: RunFolder, statistics: Sequence[Statistic]) -> Iterator[TableSection]:
    for table in range(1, 7):
        try:
            found = [annotated(one, statistics) for one in paper_tables(table, run)]
        except DataError as error:
            alone = Markup(render([paper_table(table)], "html"))  # noqa: S704 (escapes its texts)
            yield TableSection(
                number=table,
                main=alone,
                post_processed=(),
                missing=str(error).removeprefix(f"{run.path}: "),
                measured=False,
            )
            continue
        plain = [one for one in found if not one.launder]
        yield TableSection(
            number=table,
            main=Markup(render(plain, "html")),  # noqa: S704 (escapes its texts)
            post_processed=tuple(
                PostProcessedTable(
                    name=_post_processing(run, one),
                    table=Markup(render([one], "html")),  # noqa: S704 (as above)
                )
                for one in found
                if one.launder
            ),
            missing="",
            measured=any(
                entry.value is not None
                for one in found
                for line in one.lines
                for entry in line.entries
            ),
        )


def _post_processing(run: RunFolder, table: PaperTable) -> str:
    return f"{table.launder} on {table.dataset}" if len(run.plan.datasets) > 1 else table.launder


def _chart_groups(drawn: Sequence[Chart]) -> Iterator[ChartGroup]:
    for kind, heading in _HEADINGS.items():
        own = tuple(chart for chart in drawn if chart.kind == kind)
        if own:
            series = {one.index: one for chart in own for one in chart.series}
            yield ChartGroup(
                heading=heading,
                series=tuple(series[index] for index in sorted(series)),
                charts=own,
            )


def _row(row: ResultRow, below: Container[CellKey] = frozenset()) -> Mapping[str, str]:
    spot = CellKey(row.dataset, row.launder, row.detector, row.bucket, row.painter)
    mark = MARK if row.metric == RANKED and spot in below else ""
    digits = kind_of(row.metric).decimals
    return {
        "dataset": row.dataset,
        "launder": row.launder or AS_INPAINTED,
        "detector": row.detector or "-",
        "inpainter": row.painter + ("‡" if row.sees_hole else "") + training_mark(row),
        "bucket": row.bucket,
        "metric": metric_title(row.metric),
        "value": number(row.value, digits) + mark,
        "sort": "" if row.value is None else stored(row.value),
        "interval": span(row.low, row.high, digits),
        "count": f"{row.n}/{row.expected}",
        "weights": row.weights,
        "reason": row.reason,
    }
