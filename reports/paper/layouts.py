"""How the paper lays out its Tables 1 to 6: rows, columns, headings and captions, in its order.

Names of data sets, detectors, models and metrics are those of `reported.csv`.
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
DATASETS = {"places2": "Places2", "paris-street-view": "Paris Street View", "celeba": "CelebA"}
BUCKETS = ("10-20", "30-40", "50-60")
FORENSIC = ("auc", "f1", "acc")
MODELS = ("EdgeConnect", "MADF", "CTSDG", "AOT-GAN", "Lama", "FcF", "SafePaint")
DETECTED_BY = ("PSCC-Net", "TruFor", "IID-Net")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that stand together.

    Attributes:
        label: what stands beside them, or "".
        detector: the detector they share, or "".
        metric: the metric they share, or "" where the columns name it.
    """

    label: str
    detector: str = ""
    metric: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of numbers.

    Attributes:
        block: the heading over several columns, or "".
        label: its own heading.
        dataset: the paper's data set.
        metric: the metric, or "" where the rows name it.
        bucket: the hole's bucket.
    """

    block: str
    label: str
    dataset: str
    metric: str
    bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One of the paper's tables, without its numbers.

    Attributes:
        number: 1 to 6.
        caption: the paper's, without reference numbers.
        labels: headings of the columns that name the rows: the group's, if it has one, the model's.
        groups: rows that stand together, from the top.
        models: the models of every group, from the top.
        columns: from the left.
        bold: whether the paper prints the best of each group's column in bold.
        others: whether models that the paper does not have can stand beneath.
    """

    number: int
    caption: str
    labels: tuple[str, ...]
    groups: tuple[Group, ...]
    models: tuple[str, ...]
    columns: tuple[Column, ...]
    bold: bool = True
    others: bool = True


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a number stands in the paper, in the words of `reported.csv`."""

    dataset: str
    detector: str
    inpainter: str
    bucket: str
    metric: str


def heading(metric: str) -> str:
    """A metric's title with its arrow: the direction in which an inpainter hides or inpaints
    better.

    A metric of untouched images has none.

    Raises:
        UnknownName: if there is no such metric.
    """
    kind = METRICS.load(metric)
    return kind.title if kind.of_untouched_images() else f"{kind.title} {ARROWS[kind.better]}"


def layout_of(number: int) -> Layout:
    """The layout of one table.

    Raises:
        BadInput: if the paper has no such table.
    """
    makers = {1: _quality, 2: _forensic, 3: _forensic, 4: _forensic, 5: _ablation, 6: _plug_in}
    if number not in makers:
        raise BadInput(f"table {number}: the paper has Tables 1 to 6")
    return makers[number](number)


@cache
def paper_numbers(number: int) -> dict[Place, float]:
    """The numbers that the paper prints in one of its tables, as `reported.csv` has them."""
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


def place(group: Group, model: str, column: Column) -> Place:
    """Where the number of a row and a column stands."""
    metric = column.metric or group.metric
    return Place(column.dataset, group.detector, model, column.bucket, metric)


def percent(bucket: str) -> str:
    """A bucket as a heading: "10-20 %"."""
    return f"{bucket} %"


def _quality(number: int) -> Layout:
    return Layout(
        number=number,
        caption="Quantitative comparison on visual quality.",
        labels=("Metric", "Model"),
        groups=tuple(Group(label=heading(name), metric=name) for name in ("psnr", "lpips")),
        models=MODELS,
        columns=tuple(
            Column(block=title, label=percent(bucket), dataset=name, metric="", bucket=bucket)
            for name, title in DATASETS.items()
            for bucket in BUCKETS
        ),
    )


def _forensic(number: int) -> Layout:
    detector = DETECTED_BY[number - 2]
    return Layout(
        number=number,
        caption="Anti-forensic performance evaluation of the paper's SafePaint with SOTAs on "
        f"detector {detector}.",
        labels=("Model",),
        groups=(Group(label="", detector=detector),),
        models=MODELS,
        columns=tuple(
            Column(
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


def _ablation(number: int) -> Layout:
    return _at_30_40(
        number,
        "Ablation study conducted on three detectors.",
        ("Backbone", "Backbone+DDL", "Backbone+RWSA", "Backbone+DDL+RWSA"),
        bold=True,
    )


def _plug_in(number: int) -> Layout:
    return _at_30_40(
        number,
        "Anti-forensic performance evaluation of existing methods and these methods with the "
        "paper's RWSA module conducted on three detectors.",
        ("EdgeConnect", "EdgeConnect+RWSA", "AOT-GAN", "AOT-GAN+RWSA"),
        bold=False,
    )


def _at_30_40(number: int, caption: str, models: tuple[str, ...], *, bold: bool) -> Layout:
    return Layout(
        number=number,
        caption=caption,
        labels=("Detector", "Model"),
        groups=tuple(Group(label=name, detector=name) for name in DETECTED_BY),
        models=models,
        columns=tuple(
            Column(block="", label=heading(name), dataset="places2", metric=name, bucket="30-40")
            for name in FORENSIC
        ),
        bold=bold,
        others=False,
    )
