"""From a run's folder to one self-contained index.html beside its results."""

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
from reports.figures.charts import Chart, Series, charts, marked, metric_title
from reports.figures.files import write_figures
from reports.findings import annotated
from reports.formats import render
from reports.gallery import Exhibit, Gallery, Look, make_gallery
from reports.page.plots import legend_mark, svg
from reports.page.summary import caveats, counted, editions, verdicts
from reports.page.template import fill_template
from reports.paper.tables import PaperTable, paper_table, paper_tables
from reports.statistics import Statistic, inverted, statistics_of

PAGE = "index.html"
FIGURES = "figures"
IMAGES = "images"
_HEADINGS = {
    "ratio": "Metrics over the size of the hole",
    "tradeoff": "Quality against detectability",
    "launder": "After laundering",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """One of the paper's tables on the page.

    Attributes:
        number: 1 to 6.
        main: the table of images as inpainted, or the paper's alone where the run has none of it.
        laundered: the same after each laundering, with what was done.
        missing: why there are no numbers of ours, or "".
        measured: whether there is one.
    """

    number: int
    main: Markup
    laundered: tuple[tuple[str, Markup], ...]
    missing: str
    measured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plots:
    """Charts that answer one question.

    Attributes:
        heading: the question.
        series: the inpainters in them, for the legend.
        charts: the panels, each with its chart.
    """

    heading: str
    series: tuple[Series, ...]
    charts: tuple[Chart, ...]


def write_page(
    run: RunFolder,
    *,
    written: datetime,
    full: bool = False,
    say: Callable[[str], object] = lambda _: None,
) -> Path:
    """Write index.html and figures/ into a run's folder.

    Args:
        run: the run, finished or not.
        written: the page's one time stamp; all else depends on the run alone.
        full: also write full images and heatmaps beside the page, to which it links.
        say: told what is done next, in a line.

    Returns:
        The page.

    Raises:
        DataError: if the run's samples cannot be read, or full images are wanted and are gone.
        OutputError: if a file cannot be written.
    """
    say("1 of 3: plots")
    drawn = charts(run)
    write_figures(make_below(run.path, FIGURES), drawn)
    if full:
        shown = read_displayed(run)
        with Store(run.store, read_only=True) as store:
            images = Images(store, shown.jobs)
            write_images(run.path / IMAGES, shown.samples, store, images)
    path = run.path / PAGE
    say("2 of 3: gallery of images")
    gallery = make_gallery(run)
    say("3 of 3: tables and statistics")
    write_text(path, page(run, drawn, gallery, written=written, full=full))
    return path


def page(
    run: RunFolder, drawn: Sequence[Chart], gallery: Gallery, *, written: datetime, full: bool
) -> str:
    """The page as text.

    Args:
        run: the run.
        drawn: its charts.
        gallery: its images.
        written: the time stamp.
        full: whether full images lie beside the page.
    """
    statistics = statistics_of(run)
    return fill_template(
        "report.html",
        written=written,
        title=f"SafePaint Bench: {run.plan.name}",
        run=run,
        state=_state(run),
        verdicts=verdicts(run, statistics),
        counted=counted,
        share=_share,
        caveats=list(caveats(run)),
        tables=list(_tables(run, statistics)),
        plots=list(_plots(drawn)),
        svg=svg,
        legend_mark=legend_mark,
        rows=[_row(row, inverted(statistics)) for row in run.results],
        gallery=gallery,
        gallery_data=_json(_gallery_data(run, gallery, full=full)),
        provenance=_provenance(run),
        inpainters=_painters(run),
        detectors=_detectors(run),
    )


def _json(value: object) -> Markup:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 (its three dangerous signs are written as escapes)


def _share(value: float) -> str:
    """A number of [0, 1] in percent of a bar's width."""
    return f"{100 * min(max(value, 0.0), 1.0):.1f}"


def _state(run: RunFolder) -> str:
    """What is not as it should be, in a line, or ""."""
    if run.record is None:
        cells = len(run.results)
        done = sum(row.value is not None for row in run.results)
        return f"This run has not ended: {done} of {cells} numbers are there so far."
    failed = [one for one in run.record.failures if one.kind == "failed"]
    skipped = len(run.record.failures) - len(failed)
    absent = run.record.absent
    parts = [
        f"{counted(len(failed), 'job')} failed" if failed else "",
        f"{counted(skipped, 'sample')} skipped" if skipped else "",
        f"{counted(len(absent), 'model')} left out" if absent else "",
    ]
    said = ", ".join(part for part in parts if part)
    return f"This run is not whole: {said}; see Provenance." if said else ""


def _tables(run: RunFolder, statistics: Sequence[Statistic]) -> Iterator[Tables]:
    for table in range(1, 7):
        try:
            found = [annotated(one, statistics) for one in paper_tables(table, run)]
        except DataError as error:
            alone = Markup(render([paper_table(table)], "html"))  # noqa: S704 (escapes its texts)
            yield Tables(
                number=table,
                main=alone,
                laundered=(),
                missing=str(error).removeprefix(f"{run.path}: "),
                measured=False,
            )
            continue
        plain = [one for one in found if not one.launder]
        yield Tables(
            number=table,
            main=Markup(render(plain, "html")),  # noqa: S704 (escapes its texts)
            laundered=tuple(
                (_laundered(run, one), Markup(render([one], "html")))  # noqa: S704 (as above)
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


def _laundered(run: RunFolder, table: PaperTable) -> str:
    return f"{table.launder} on {table.dataset}" if len(run.plan.datasets) > 1 else table.launder


def _plots(drawn: Sequence[Chart]) -> Iterator[Plots]:
    for kind, heading in _HEADINGS.items():
        own = tuple(chart for chart in drawn if chart.kind == kind)
        if own:
            series = {one.index: one for chart in own for one in chart.series}
            yield Plots(
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
        "launder": row.launder or "as inpainted",
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
    """The inpainters with their retouchings, with their marks."""
    return {one.name: marked(one.card, run.results, one.retouch) for one in variants_of(run.plan)}


def _detectors(run: RunFolder) -> dict[str, str]:
    """The detectors with their marks."""
    return {name: marked(DETECTORS.card(name), run.results) for name in run.plan.detector_names}


def _gallery_data(run: RunFolder, gallery: Gallery, *, full: bool) -> dict[str, Any]:
    kind = METRICS.load(gallery.metric) if gallery.metric else None
    met = {(row.painter, row.detector) for row in run.results if seen_in_training(row)}
    return {
        "metric": kind.title if kind else "",
        "digits": kind.decimals if kind else 4,
        "better": kind.better if kind else "lower",
        "names": {**_painters(run), **_detectors(run)},
        "pictures": gallery.pictures,
        "exhibits": [
            _exhibit(run, one, gallery.metric, full=full, met=met) for one in gallery.exhibits
        ],
    }


def _met(painter: str, detector: str, met: Container[tuple[str, str]]) -> str:
    return f", {MET} seen in training" if (painter, detector) in met else ""


def _exhibit(
    run: RunFolder, one: Exhibit, metric: str, *, full: bool, met: Container[tuple[str, str]]
) -> dict[str, Any]:
    several = len(run.plan.datasets) > 1
    parts = [IMAGES, *([one.dataset] if several else []), one.bucket, one.folder]
    return {
        "dataset": one.dataset if several else "",
        "sample": one.sample,
        "bucket": one.bucket,
        "original": one.original,
        "hole": one.hole,
        "full": "/".join(quote(part) for part in parts) if full else "",
        "paintings": [
            {
                "inpainter": painting.inpainter,
                "picture": painting.picture,
                "looks": [
                    {
                        "detector": look.detector,
                        "heatmap": look.heatmap,
                        "value": look.value,
                        "text": _looked(metric, look)
                        + _met(painting.inpainter, look.detector, met),
                    }
                    for look in painting.looks
                ],
            }
            for painting in one.paintings
        ],
    }


def _looked(metric: str, look: Look) -> str:
    """A detector's numbers of one image as they are printed."""
    threshold = DETECTORS.card(look.detector).threshold
    said = [f"score {number(look.score, 3)}"]
    if look.score is not None:
        word = "forged" if look.score > threshold else "untouched"
        said[0] += f", called {word} (forged above {threshold:g})"
    if look.value is not None:
        kind = kind_of(metric)
        said.insert(0, f"{kind.title} {number(look.value, kind.decimals)}")
    return ", ".join(said)


def _provenance(run: RunFolder) -> dict[str, Any]:
    """What the record says, ready to be written down; of a run that goes on what is known."""
    record = run.record or Record(failures=())
    sums = {name: one.sha256 for name, one in record.checkpoints.items()}
    return {
        "plan": run.plan.dump(run.path),
        "weights": [
            {"name": name, "edition": edition, "sha256": sums.get(name, "")}
            for name, edition in editions(run).items()
        ],
        "versions": record.versions,
        "facts": {
            name: said
            for name in ("commit", "device", "samples")
            if (said := getattr(record, name))
        },
        "failures": record.failures,
        "absent": record.absent,
        "not_measured": record.not_measured,
        "unused": record.unused,
        "pairing": record.pairing,
        "read_as": record.read_as,
        "beside": record.left_out,
    }
