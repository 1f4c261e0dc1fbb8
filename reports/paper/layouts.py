"""Layouts of the paper's Tables 1 to 6: rows, columns, headings and captions, in its order.

Data sets, detectors, models and metrics are named as in `reported.csv`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from benchmark.core.errors import BadInput
from benchmark.metrics import METRICS
from benchmark.results.reported import TABLES

ARROWS = {"lower": "↓", "higher": "↑"}
NUMBERS = (1, 2, 3, 4, 5, 6)
DATASETS = {
    "places2": "Places2",
    "paris-street-view": "Paris Street View",
    "celeba": "CelebA",
}
BUCKETS = ("10-20", "30-40", "50-60")
FORENSIC = ("auc", "f1", "acc")
MODELS = ("EdgeConnect", "MADF", "CTSDG", "AOT-GAN", "Lama", "FcF", "SafePaint")
DETECTED_BY = ("PSCC-Net", "TruFor", "IID-Net")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """Rows under one label.

    Attributes:
        label: text beside the rows, or "".
        detector: their detector, or "".
        metric: their metric, or "" where the columns name it.
    """

    label: str
    detector: str = ""
    metric: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """One column of numbers.

    Attributes:
        block: the heading over several columns, or "".
        label: heading of this column.
        dataset: the paper's data set.
        metric: the metric, or "" where the rows name it.
        bucket: mask-ratio bin.
    """

    block: str
    label: str
    dataset: str
    metric: str
    bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLayout:
    """Layout of one of the paper's tables, without its numbers.

    Attributes:
        number: 1 to 6.
        caption: caption of the paper, without reference numbers.
        labels: headings of the columns that name the rows: of the group, if there is one, and of
            the model.
        groups: row groups, from top to bottom.
        models: models of every group, from top to bottom.
        columns: columns of numbers, from left to right.
        bold: whether the paper prints the best of each group's column in bold.
        others: whether models that the paper lacks can be added below.
    """

    number: int
    caption: str
    labels: tuple[str, ...]
    groups: tuple[RowGroup, ...]
    models: tuple[str, ...]
    columns: tuple[TableColumn, ...]
    bold: bool = True
    others: bool = True


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Position of a number in the paper, named as in `reported.csv`."""

    dataset: str
    detector: str
    inpainter: str
    bucket: str
    metric: str


def heading(metric: str) -> str:
    """Return a metric's title with an arrow in the direction of better hiding or inpainting.

    A metric of authentic images has no arrow.

    Raises:
        UnknownName: if there is no such metric.
    """
    kind = METRICS.load(metric)
    return kind.title if kind.of_untouched_images() else f"{kind.title} {ARROWS[kind.better]}"


def layout_of(number: int) -> TableLayout:
    """Return the layout of one table.

    Raises:
        BadInput: if the paper has no such table.
    """
    makers = {1: _quality, 2: _forensic, 3: _forensic, 4: _forensic, 5: _ablation, 6: _plug_in}
    if number not in makers:
        raise BadInput(f"table {number}: the paper has Tables 1 to 6")
    return makers[number](number)


@cache
def paper_numbers(number: int) -> dict[Place, float]:
    """Return the numbers of one table of the paper, from `reported.csv`."""
    with TABLES.open(encoding="utf-8", newline="") as file:
        return {
            Place(
                row["dataset"],
                row["detector"],
                row["inpainter"],
                row["mask_ratio_percent"],
                row["metric"],
            ): float(row["value"])
            for row in csv.DictReader(file)
            if int(row["table"]) == number
        }


def place(group: RowGroup, model: str, column: TableColumn) -> Place:
    """Return the position of the number in a row and column."""
    metric = column.metric or group.metric
    return Place(column.dataset, group.detector, model, column.bucket, metric)


def percent(bucket: str) -> str:
    """Return a mask-ratio bin as a heading: "10-20 %"."""
    return f"{bucket} %"


def _quality(number: int) -> TableLayout:
    return TableLayout(
        number=number,
        caption="Quantitative comparison on visual quality.",
        labels=("Metric", "Model"),
        groups=tuple(RowGroup(label=heading(name), metric=name) for name in ("psnr", "lpips")),
        models=MODELS,
        columns=tuple(
            TableColumn(block=title, label=percent(bucket), dataset=name, metric="", bucket=bucket)
            for name, title in DATASETS.items()
            for bucket in BUCKETS
        ),
    )


def _forensic(number: int) -> TableLayout:
    detector = DETECTED_BY[number - 2]
    return TableLayout(
        number=number,
        caption="Anti-forensic performance evaluation of the paper's SafePaint with SOTAs on "
        f"detector {detector}.",
        labels=("Model",),
        groups=(RowGroup(label="", detector=detector),),
        models=MODELS,
        columns=tuple(
            TableColumn(
                block=heading(metric),
                label=percent(bucket),
                dataset="places2",
                metric=metric,
                bucket=bucket,
            )
            for metric in FORENSIC
            for bucket in BUCKETS
        ),
    )


def _ablation(number: int) -> TableLayout:
    return _at_30_40(
        number,
        "Ablation study conducted on three detectors.",
        ("Backbone", "Backbone+DDL", "Backbone+RWSA", "Backbone+DDL+RWSA"),
        bold=True,
    )


def _plug_in(number: int) -> TableLayout:
    return _at_30_40(
        number,
        "Anti-forensic performance evaluation of existing methods and these methods with the "
        "paper's RWSA module conducted on three detectors.",
        ("EdgeConnect", "EdgeConnect+RWSA", "AOT-GAN", "AOT-GAN+RWSA"),
        bold=False,
    )


def _at_30_40(number: int, caption: str, models: tuple[str, ...], *, bold: bool) -> TableLayout:
    return TableLayout(
        number=number,
        caption=caption,
        labels=("Detector", "Model"),
        groups=tuple(RowGroup(label=name, detector=name) for name in DETECTED_BY),
        models=models,
        columns=tuple(
            TableColumn(
                block="", label=heading(name), dataset="places2", metric=name, bucket="30-40"
            )
            for name in FORENSIC
        ),
        bold=bold,
        others=False,
    )
