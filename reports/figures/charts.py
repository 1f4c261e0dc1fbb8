"""Charts of a run as data; `reports.figures.files` and `reports.page.plots` draw them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal, NamedTuple

from benchmark.core.card import Card
from benchmark.core.filenames import file_part
from benchmark.metrics import METRICS, NULLS
from benchmark.results.rounding import finite, kind_of, with_span
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import RunFolder
from benchmark.results.training_exposure import MET, seen_in_training
from benchmark.results.variants import InpainterVariant, variants_of
from benchmark.retouch import retouched_name
from detectors import DETECTORS
from inpainters import INPAINTERS
from reports.paper.layouts import heading

PERCEPTUAL = ("lpips", "gmsd", "lpips_vgg")  # the first one in the run is shown beside PSNR
AS_INPAINTED = "as inpainted"
# Post-processing that is milder for a larger number.
_MILDER_UPWARDS = frozenset({"jpeg", "resize", "webp", "avif", "fit"})
_SINGLE = re.compile(r"[a-z0-9_-]+:[0-9.e+-]+")  # one step with a number, not a chain or a preset

# Okabe and Ito's palette, safe for color-blind readers; yellow last, as it is faint on white.
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#F0E442",
)  # fmt: skip
GRAY = "#555555"  # color of the null
NULL = "null"
_METRIC_OF = {null: metric for metric, null in NULLS.items()}
MARKERS = ("circle", "square", "triangle", "diamond", "cross", "plus", "down", "star")

Kind = Literal["ratio", "tradeoff", "launder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of a series.

    Attributes:
        x: index into the `positions` of the chart, or a number.
        y: value.
        low: lower end of its 95 % interval, or None.
        high: upper end, or None.
        label: tooltip.
        tag: text beside the point, or "".
    """

    x: float
    y: float
    low: float | None
    high: float | None
    label: str
    tag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points of one inpainter with one treatment, or of the null.

    Attributes:
        name: name of the inpainter, with its treatment and marks.
        index: position in the plan, which decides color and marker in every chart.
        points: points from left to right.
        null: whether it is the null, drawn gray and dashed.
    """

    name: str
    index: int
    points: tuple[Point, ...]
    null: bool = False

    @property
    def color(self) -> str:
        """Color; colors repeat after eight inpainters, with other markers."""
        if self.null:
            return GRAY
        return PALETTE[self.index % len(PALETTE)]

    @property
    def marker(self) -> str:
        """Marker, one of `MARKERS`."""
        if self.null:
            return "plus"
        return MARKERS[(self.index + self.index // len(PALETTE)) % len(MARKERS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart.

    Attributes:
        kind: metrics by mask ratio, quality against detectability, or by post-processing strength.
        name: file name without suffix.
        title: title.
        x_title: label of the x axis.
        y_title: label of the y axis.
        positions: tick labels at x = 0, 1, ...; empty for a numeric x axis.
        series: one per inpainter, and the null if the metric has one.
        null: x coordinate of the null, a mean over the mask-ratio bins, or None.
    """

    kind: Kind
    name: str
    title: str
    x_title: str
    y_title: str
    positions: tuple[str, ...]
    series: tuple[Series, ...]
    null: float | None = None


class _Panel(NamedTuple):
    """What one panel shows."""

    dataset: str
    detector: str
    metric: str


def charts(run: RunFolder) -> tuple[Chart, ...]:
    """Return the charts of a run that have at least one number, in a fixed order."""
    found = [*_over_ratio(run), *_trade_offs(run), *_over_strength(run)]
    return tuple(chart for chart in found if any(one.points for one in chart.series))


def marked(card: Card, rows: Sequence[ResultRow], treatment: str = "") -> str:
    """Return a model's name with marks.

    ‡: its output depends on the masked pixels. †: its score is derived from the heatmap.

    Args:
        card: card of the model.
        rows: numbers of the run.
        treatment: its composite and its retouching as one text, or "".
    """
    sees = any(row.sees_hole and row.inpainter == card.name for row in rows)
    name = retouched_name(card.name, treatment)
    return name + ("‡" if sees and card.paints else "") + _dagger(card)


def metric_title(name: str) -> str:
    """Return a metric's title with unit and an arrow in the direction of better hiding or quality.

    Raises:
        UnknownName: if there is no such metric.
    """
    unit = METRICS.load(name).unit
    return heading(name) + (f" ({unit})" if unit else "")


def _dagger(card: Card) -> str:
    return "†" if card.score and card.score_from == "area" else ""


def _panel_metric(row: ResultRow) -> str:
    """Return the metric whose panel shows a row; metrics of authentic images share a panel."""
    return METRICS.load(row.metric).of_untouched or _METRIC_OF.get(row.metric, row.metric)


def _panels(rows: Iterable[ResultRow]) -> Iterable[_Panel]:
    """Return every panel of some rows; a null has no panel of its own."""
    return dict.fromkeys(
        _Panel(row.dataset, row.detector, _panel_metric(row))
        for row in rows
        if row.metric not in _METRIC_OF
    )


def _y_title(metric: str, rows: Sequence[ResultRow]) -> str:
    others = dict.fromkeys(row.metric for row in rows if METRICS.load(row.metric).of_untouched)
    return metric_title(metric) + "".join(
        f", original: {METRICS.load(name).title}" for name in others
    )


def _over_ratio(run: RunFolder) -> Iterator[Chart]:
    rows = [row for row in _finite_rows(run) if not row.launder and not _own_hole(row)]
    places = {bucket: float(at) for at, bucket in enumerate(run.plan.buckets)}
    for dataset, detector, metric in _panels(rows):
        chosen = [
            row
            for row in rows
            if (row.dataset, row.detector, _panel_metric(row)) == (dataset, detector, metric)
        ]
        yield Chart(
            kind="ratio",
            name=_file("ratio", dataset, detector, metric),
            title=_title(run, dataset, detector),
            x_title="mask ratio, %",
            y_title=_y_title(metric, chosen),
            positions=run.plan.buckets,
            series=_series(run, chosen, lambda row: places[row.bucket]),
        )


def _finite_rows(run: RunFolder) -> Iterator[ResultRow]:
    """Yield a run's cells with what can be drawn: no infinite number, such as a PSNR."""
    for row in run.results:
        yield replace(row, value=finite(row.value), low=finite(row.low), high=finite(row.high))


def _own_hole(row: ResultRow) -> bool:
    """Whether a row is the image quality of a retouched `original`, far above any inpainter's."""
    return bool(row.retouch) and not row.detector and not INPAINTERS.card(row.inpainter).paints


def _over_strength(run: RunFolder) -> Iterator[Chart]:
    """Yield one chart per kind of post-processing, at the middle bin, strongest to the right."""
    bucket = run.plan.buckets[len(run.plan.buckets) // 2]
    rows = [row for row in _finite_rows(run) if row.detector and row.bucket == bucket]
    single = (row.launder for row in rows if _SINGLE.fullmatch(row.launder))
    kinds = dict.fromkeys(launder.partition(":")[0] for launder in single)
    for kind in kinds:
        steps = ("", *_by_strength(kind, {row.launder for row in rows}))
        places = {step: float(at) for at, step in enumerate(steps)}
        for dataset, detector, metric in _panels(rows):
            shown = (
                row
                for row in rows
                if (row.dataset, row.detector, _panel_metric(row)) == (dataset, detector, metric)
                and row.launder in places
            )
            chosen = sorted(shown, key=_x_by_strength(places))
            yield Chart(
                kind="launder",
                name=_file("launder", dataset, detector, metric, kind),
                title=f"{_title(run, dataset, detector)}, mask {bucket} %",
                x_title=f"{kind}, stronger to the right",
                y_title=_y_title(metric, chosen),
                positions=tuple(step.partition(":")[2] or AS_INPAINTED for step in steps),
                series=_series(run, chosen, _x_by_strength(places)),
            )


def _trade_offs(run: RunFolder) -> Iterator[Chart]:
    """Yield quality against detectability: an inpainter at the left hides well."""
    rows = [row for row in _finite_rows(run) if not row.launder and not _own_hole(row)]
    with_values = {row.metric for row in rows if row.value is not None}
    perceptual = next((name for name in PERCEPTUAL if name in with_values), "")
    qualities = [name for name in ("psnr", perceptual) if name in with_values]
    for dataset, detector in dict.fromkeys((row.dataset, row.detector) for row in rows):
        found = {
            (row.painter, row.bucket): row.value
            for row in rows
            if (row.dataset, row.detector, row.metric) == (dataset, detector, "auc")
            and row.value is not None
        }
        for quality in qualities if found else ():
            chosen = [row for row in rows if (row.dataset, row.metric) == (dataset, quality)]
            yield Chart(
                kind="tradeoff",
                name=_file("tradeoff", dataset, detector, quality),
                title=_title(run, dataset, detector),
                x_title=metric_title("auc"),
                y_title=metric_title(quality),
                positions=(),
                series=_tagged(
                    _series(
                        run,
                        [row for row in chosen if (row.painter, row.bucket) in found],
                        _x_by_auc(found),
                    )
                ),
                null=_mean_null(rows, dataset, detector),
            )


def _x_by_strength(places: Mapping[str, float]) -> Callable[[ResultRow], float]:
    """Return a function from a row to the position of its post-processing."""
    return lambda row: places[row.launder]


def _x_by_auc(found: Mapping[tuple[str, str], float]) -> Callable[[ResultRow], float]:
    """Return a function from a row to the AUC of the same inpainter and bin."""
    return lambda row: found[row.painter, row.bucket]


def _mean_null(rows: Iterable[ResultRow], dataset: str, detector: str) -> float | None:
    """Return the null of AUC as a mean over the bins, or None."""
    where = (dataset, detector, NULLS["auc"])
    found = [row.value for row in rows if (row.dataset, row.detector, row.metric) == where]
    known = [one for one in found if one is not None]
    return fmean(known) if known else None


def _tagged(series: Iterable[Series]) -> tuple[Series, ...]:
    """Tag the first series that begins at each bin with the bin; more tags would overlap."""
    tagged: set[str] = set()
    found = []
    for one in series:
        first, *rest = one.points
        bucket = first.label.partition(", ")[2].partition(":")[0]
        found.append(
            one if bucket in tagged else replace(one, points=(replace(first, tag=bucket), *rest))
        )
        tagged.add(bucket)
    return tuple(found)


def _series(
    run: RunFolder, rows: Sequence[ResultRow], place: Callable[[ResultRow], float]
) -> tuple[Series, ...]:
    by_model: Mapping[InpainterVariant, list[ResultRow]] = {
        one: [] for one in variants_of(run.plan)
    }
    nulls = [row for row in rows if row.metric in _METRIC_OF and row.value is not None]
    for row in rows:
        if row.value is not None and row.metric not in _METRIC_OF:
            by_model[InpainterVariant(row.inpainter, row.retouch, row.composite)].append(row)
    found = [
        Series(
            name=marked(one.card, own, one.treatment),
            index=index,
            points=tuple(_point(row, place(row)) for row in own),
        )
        for index, (one, own) in enumerate(by_model.items())
        if own
    ]
    if nulls:
        points = tuple(_point(row, place(row)) for row in nulls)
        found.append(Series(name=NULL, index=len(by_model), points=points, null=True))
    return tuple(found)


def _point(row: ResultRow, x: float) -> Point:
    assert row.value is not None  # noqa: S101 (callers leave out rows without a number)
    return Point(x=x, y=row.value, low=row.low, high=row.high, label=_label(row))


def _label(row: ResultRow) -> str:
    value = with_span(row.value, row.low, row.high, kind_of(row.metric).decimals)
    after = f", {row.launder}" if row.launder else ""
    name = NULL if row.metric in _METRIC_OF else row.painter
    met = f", {MET} met in training" if seen_in_training(row) else ""
    return f"{name}, {row.bucket} %{after}: {value}, n = {row.n}{met}"


def _by_strength(kind: str, launders: set[str]) -> list[str]:
    """Return the post-processing steps of one kind, mildest first."""
    own = [one for one in launders if _SINGLE.fullmatch(one) and one.partition(":")[0] == kind]
    sign = -1 if kind in _MILDER_UPWARDS else 1
    return sorted(own, key=lambda one: (sign * _strength(one), one))


def _strength(launder: str) -> float:
    kind, _, number = launder.partition(":")
    try:
        strength = float(number)
    except ValueError:
        return 0.0
    return abs(math.log(strength)) if kind == "gamma" and strength > 0 else strength


def _title(run: RunFolder, dataset: str, detector: str) -> str:
    several = len({row.dataset for row in run.results}) > 1
    title = marked(DETECTORS.card(detector), run.results) if detector else "image quality"
    return f"{title}, {dataset}" if several else title


def _file(*parts: str) -> str:
    """Return the file name of a chart, with names as in the run's files."""
    return file_part("-".join(part for part in parts if part))
