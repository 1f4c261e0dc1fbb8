"""Rows and columns of a section: one row an inpainter with its weights, one column a detector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from benchmark.core.card import Card
from benchmark.metrics import METRICS
from benchmark.results.variants import InpainterVariant
from reports.board.run_numbers import NOT_CHECKED, QUALITY, BoardRun, RowProof, Spot, weakest
from reports.board.sections import Section

PROVENANCES = ("official", "official, unverified", "mini", "none", "own")


class RowKey(NamedTuple):
    """Identity of a row: an inpainter with its treatment and its weights.

    Attributes:
        painter: name of the inpainter with its treatment.
        weights: identity of its weights.
    """

    painter: str
    weights: str


class Column(NamedTuple):
    """Identity of a column: a detector with its weights.

    Attributes:
        detector: name of the detector.
        weights: identity of its weights.
        edition: weights variant, such as "mini".
    """

    detector: str
    weights: str
    edition: str


class QualityColumn(NamedTuple):
    """A metric of image quality with its revision; another revision is another column.

    Attributes:
        metric: name of the metric.
        revision: its revision.
    """

    metric: str
    revision: str

    @property
    def decimals(self) -> int:
        """Printed digits after the decimal point."""
        return METRICS.load(self.metric).decimals


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a section.

    Attributes:
        key: its identity.
        variant: the inpainter with its treatment.
        card: card of the inpainter.
        edition: weights variant.
        runs: runs that have the row, in the order given.
        chosen: per detector the run whose numbers are shown: the one with most cells, of equals the
            first; all numbers of one detector are of one run.
        quality: per quality metric the run whose numbers are shown.
        other_weights: whether the section has the inpainter with other weights, too.
    """

    key: RowKey
    variant: InpainterVariant
    card: Card
    edition: str
    runs: tuple[BoardRun, ...]
    chosen: Mapping[Column, BoardRun]
    quality: Mapping[QualityColumn, BoardRun]
    other_weights: bool

    @property
    def weights(self) -> str:
        """Weights as printed: the variant and the first digits of the SHA-256."""
        return weights_text(self.edition, self.key.weights)

    @property
    def proof(self) -> str:
        """How far its numbers are proved: the weakest marks of the runs that are shown."""
        none = RowProof(NOT_CHECKED, NOT_CHECKED)
        detection, quality = (
            [run.proof.get(self.key.painter, none) for run in runs.values()]
            for runs in (self.chosen, self.quality)
        )
        found = weakest(one.detection for one in detection)
        other = weakest(one.quality for one in quality)
        both = weakest([found, other])
        return both if found in ("", both) else f"{found}, quality {other}"

    def of_run(self, run: BoardRun, column: Column) -> Row:
        """Return the row with the numbers of one of its runs alone, with one detector."""
        quality = {one: run for one in self.quality if _has_quality(run, self.key, one)}
        return replace(self, runs=(run,), chosen={column: run}, quality=quality)

    def quality_mean(self, column: QualityColumn, spots: Iterable[Spot]) -> float | None:
        """Return the mean of a quality metric over some cells, or None if one is a gap."""
        run = self.quality.get(column)
        cells = {spot._replace(launder="") for spot in spots}
        if run is None or not cells:
            return None
        rows = [run.cells.get((self.key.painter, "", column.metric, spot)) for spot in cells]
        values = [row.value for row in rows if row is not None and row.value is not None]
        return sum(values) / len(values) if len(values) == len(rows) else None


def provenance(edition: str) -> str:
    """Return the kind of a weights variant, one of `PROVENANCES`."""
    return edition if edition in PROVENANCES else "own"


def weights_text(edition: str, identity: str) -> str:
    """Return weights as printed, such as "mini 3f2a1c9d"; a file of one's own is "own file"."""
    name = "own file" if provenance(edition) == "own" else edition
    return name if identity == edition else f"{name} {identity[:8]}"


def columns_of(section: Section) -> tuple[Column, ...]:
    """Return the detectors of a section with their weights, in the order of its runs."""
    found: dict[Column, None] = {}
    for run in section.runs:
        for name in run.plan.detector_names:
            if name in run.weights:
                edition, identity = run.weights[name]
                found.setdefault(Column(name, identity, edition))
    return tuple(found)


def quality_columns(section: Section) -> tuple[QualityColumn, ...]:
    """Return the quality metrics that runs of a section measured, each revision apart."""
    found = {
        QualityColumn(metric, run.record.metrics.get(metric, "not recorded"))
        for run in section.runs
        for (_, detector, metric, _), row in run.cells.items()
        if metric in QUALITY and not detector and row.value is not None
    }
    return tuple(sorted(found, key=lambda one: (QUALITY.index(one.metric), one.revision)))


def rows_of(section: Section) -> tuple[Row, ...]:
    """Return the rows of a section, inpainters in the order of its runs.

    Authentic images, which no inpainter changed, are no row: they are the null.
    """
    members: dict[RowKey, list[BoardRun]] = {}
    for run in section.runs:
        for name, variant in run.variants.items():
            own = run.weights.get(variant.inpainter)
            if own is not None and not variant.untouched:
                members.setdefault(RowKey(name, own.identity), []).append(run)
    columns, qualities = columns_of(section), quality_columns(section)
    names = [key.painter for key in members]
    order = {name: place for place, name in enumerate(dict.fromkeys(names))}
    found = [
        _row(section, key, runs, (columns, qualities), names.count(key.painter) > 1)
        for key, runs in members.items()
    ]
    return tuple(sorted(found, key=lambda row: order[row.key.painter]))


def _row(
    section: Section,
    key: RowKey,
    runs: Sequence[BoardRun],
    columns: tuple[tuple[Column, ...], tuple[QualityColumn, ...]],
    other_weights: bool,
) -> Row:
    variant = runs[0].variants[key.painter]
    spots = [spot for launder in section.launders for spot in section.spots(launder)]
    chosen = {}
    for column in columns[0]:
        having = [run for run in runs if run.weights.get(column.detector, ("", ""))[::-1] ==
                  (column.weights, column.edition)]  # fmt: skip
        if having:
            chosen[column] = max(having, key=lambda run: _measured(run, key, column, spots))
    quality = {}
    for one in columns[1]:
        having = [run for run in runs if _has_quality(run, key, one)]
        if having:
            quality[one] = having[0]
    return Row(
        key=key,
        variant=variant,
        card=runs[0].cards[variant.inpainter],
        edition=runs[0].weights[variant.inpainter].edition,
        runs=tuple(runs),
        chosen=chosen,
        quality=quality,
        other_weights=other_weights,
    )


def _measured(run: BoardRun, key: RowKey, column: Column, spots: Iterable[Spot]) -> int:
    cells = (run.cell(key.painter, column.detector, spot) for spot in spots)
    return sum(row is not None and row.value is not None for row in cells)


def _has_quality(run: BoardRun, key: RowKey, column: QualityColumn) -> bool:
    revision = run.record.metrics.get(column.metric, "not recorded")
    return revision == column.revision and any(
        (key.painter, "", column.metric, spot) in run.cells
        for spot in (
            Spot(dataset, "", bucket)
            for dataset in run.plan.datasets
            for bucket in run.plan.buckets
        )
    )
