"""Build index.html of a run: one self-contained page, and its figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from benchmark.core.errors import DataError
from benchmark.core.paths import make_below, write_text
from benchmark.metrics import METRICS
from benchmark.results.displayed import Images, read_displayed
from benchmark.results.images import write_images
from benchmark.results.nulls import MARK, RANKED, CellKey
from benchmark.results.record import Record
from benchmark.results.rounding import kind_of, number, span, stored
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import RunFolder
from benchmark.results.training_exposure import MET, seen_in_training, training_mark
from benchmark.results.variants import variants_of
from benchmark.store.store import Store
from detectors import DETECTORS
from reports.figures.charts import AS_INPAINTED, Chart, Series, charts, marked, metric_title
from reports.figures.files import write_figures
from reports.findings import annotated
from reports.formats import render
from reports.gallery import Gallery, GalleryDetection, GallerySample, make_gallery
from reports.page.finding import counted
from reports.page.forgeries import forgery_sample, forgery_values
from reports.page.plots import legend_mark, svg
from reports.page.ranking import weights_of
from reports.page.summary import caveats, detector_summaries
from reports.page.template import fill_template
from reports.paper.entries import PaperTable
from reports.paper.tables import paper_table, paper_tables
from reports.statistics import Statistic, below_null, statistics_of

PAGE = "index.html"
FIGURES = "figures"
IMAGES = "images"
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
    progress("1 of 3: plots")
    drawn = charts(run)
    write_figures(make_below(run.path, FIGURES), drawn)
    if full:
        shown = read_displayed(run)
        with Store(run.store, read_only=True) as store:
            images = Images(store, shown.jobs)
            write_images(run.path / IMAGES, shown.samples, store, images)
    path = run.path / PAGE
    progress("2 of 3: gallery of images")
    gallery = make_gallery(run)
    progress("3 of 3: tables and statistics")
    write_text(path, page(run, drawn, gallery, written=written, full=full))
    return path


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
    gallery = make_gallery(run)
    progress("2 of 2: tables")
    text = fill_template(
        "forgeries.html",
        written=written,
        title=f"SafePaint Bench: {run.plan.name}",
        run=run,
        state=_state(run),
        counted=counted,
        gallery=gallery,
        gallery_data=_json(_gallery_data(run, gallery, full=False)),
        provenance=_provenance(run),
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
        state=_state(run),
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
        gallery_data=_json(_gallery_data(run, gallery, full=full)),
        provenance=_provenance(run),
        inpainters=_painters(run),
        detectors=_detectors(run),
    )


def _json(value: object) -> Markup:
    """Render JSON that cannot end its script element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 (<, > and & are escaped)


def _share(value: float) -> str:
    """Return a number in [0, 1] as percent of the width of a bar."""
    return f"{100 * min(max(value, 0.0), 1.0):.1f}"


def _state(run: RunFolder) -> str:
    """Return what is incomplete in the run, in one line, or ""."""
    if run.record is None:
        cells = len(run.results)
        done = sum(row.value is not None for row in run.results)
        return f"This run has not finished: {done} of {cells} numbers are available so far."
    failed = [one for one in run.record.failures if one.kind == "failed"]
    skipped = len(run.record.failures) - len(failed)
    absent = run.record.absent
    parts = [
        f"{counted(len(failed), 'job')} failed" if failed else "",
        f"{counted(skipped, 'sample')} skipped" if skipped else "",
        f"{counted(len(absent), 'model')} left out" if absent else "",
    ]
    text = ", ".join(part for part in parts if part)
    return f"This run is incomplete: {text}; see Provenance." if text else ""


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


def _painters(run: RunFolder) -> dict[str, str]:
    """Return the inpainters and their treatments by name, with marks."""
    return {one.name: marked(one.card, run.results, one.treatment) for one in variants_of(run.plan)}


def _detectors(run: RunFolder) -> dict[str, str]:
    """Return the detectors by name, with marks."""
    return {name: marked(DETECTORS.card(name), run.results) for name in run.plan.detector_names}


def _gallery_data(run: RunFolder, gallery: Gallery, *, full: bool) -> dict[str, Any]:
    kind = METRICS.load(gallery.metric) if gallery.metric else None
    met = {(row.painter, row.detector) for row in run.results if seen_in_training(row)}
    return {
        "metric": kind.title if kind else "",
        "digits": kind.decimals if kind else 4,
        "better": kind.better if kind else "lower",
        "forgeries": run.plan.forgeries is not None,
        "names": {**_painters(run), **_detectors(run)},
        "images": gallery.images,
        "samples": [
            _sample(run, one, gallery.metric, full=full, met=met) for one in gallery.samples
        ],
    }


def _met(painter: str, detector: str, met: Container[tuple[str, str]]) -> str:
    return f", {MET} seen in training" if (painter, detector) in met else ""


def _sample(
    run: RunFolder, one: GallerySample, metric: str, *, full: bool, met: Container[tuple[str, str]]
) -> dict[str, Any]:
    if one.forgery is not None:
        (output,) = one.outputs
        return forgery_sample(
            one, [_detection(metric, detection) for detection in output.detections]
        )
    several = len(run.plan.datasets) > 1
    parts = [IMAGES, *([one.dataset] if several else []), one.bucket, one.folder]
    return {
        "dataset": one.dataset if several else "",
        "sample": one.sample,
        "bucket": one.bucket,
        "original": one.original,
        "hole": one.hole,
        "full": "/".join(quote(part) for part in parts) if full else "",
        "outputs": [
            {
                "inpainter": output.inpainter,
                "image": output.image,
                "detections": [
                    _detection(metric, detection, _met(output.inpainter, detection.detector, met))
                    for detection in output.detections
                ],
            }
            for output in one.outputs
        ],
    }


def _detection(metric: str, detection: GalleryDetection, mark: str = "") -> dict[str, Any]:
    return {
        "detector": detection.detector,
        "heatmap": detection.heatmap,
        "value": detection.value,
        "text": _detection_text(metric, detection) + mark,
    }


def _detection_text(metric: str, detection: GalleryDetection) -> str:
    """Return the printed numbers of a detector for one image."""
    threshold = DETECTORS.card(detection.detector).threshold
    parts = [f"score {number(detection.score, 3)}"]
    if detection.score is not None:
        word = "forged" if detection.score > threshold else "authentic"
        parts[0] += f", called {word} (forged above {threshold:g})"
    if detection.value is not None:
        kind = kind_of(metric)
        parts.insert(0, f"{kind.title} {number(detection.value, kind.decimals)}")
    return ", ".join(parts)


def _provenance(run: RunFolder) -> dict[str, Any]:
    """Return the provenance for the template; of an unfinished run, what is known."""
    record = run.record or Record(failures=())
    sums = {name: one.sha256 for name, one in record.checkpoints.items()}
    return {
        "plan": run.plan.dump(run.path),
        "weights": [
            {"name": name, "edition": edition, "sha256": sums.get(name, "")}
            for name, edition in weights_of(run).items()
        ],
        "versions": record.versions,
        "facts": {
            name: value
            for name, value in (
                ("commit", record.commit),
                ("device", record.device),
                ("samples", record.samples),
            )
            if value
        },
        "failures": record.failures,
        "absent": record.absent,
        "not_measured": record.not_measured,
        "unused": record.unused,
        "pairing": record.pairing,
        "read_as": record.read_as,
        "beside": record.left_out,
    }
