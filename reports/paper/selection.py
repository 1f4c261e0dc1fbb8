"""Which of a run's numbers stand where in a table of the paper: data sets, models, detectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmark.metrics import CONVENTIONS, NULLS, OF_UNTOUCHED
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import RunFolder
from benchmark.results.variants import InpainterVariant, variants_of
from benchmark.runner.resolve import ORIGINAL
from detectors import DETECTORS
from reports.paper.layouts import DATASETS, Layout, Place

FULL_MODEL = "Backbone+DDL+RWSA"  # Table 5's name of what Tables 1 to 4 call SafePaint

Index = Mapping[tuple[str, str, str, str, str, str], ResultRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A run's numbers on some of its data sets and one laundering, findable by the paper's names.

    Attributes:
        sets: the paper's data sets and which of the run's stands in each.
        launder: what was done to the inpainted images, or "".
        index: the run's rows.
        inpainters: the run's inpainters with their retouchings, by the paper's name or, without
            one, their own.
        detectors: the run's detectors that the paper has, by the paper's name.
        scored: the metrics that stand for the paper's own under the run's convention.
    """

    sets: Mapping[str, str]
    launder: str
    index: Index
    inpainters: Mapping[str, InpainterVariant]
    detectors: Mapping[str, str]
    scored: Mapping[str, str]

    def row(self, spot: Place) -> ResultRow | None:
        """Our row for a place of the paper's table."""
        painter = self.inpainters.get(spot.inpainter)
        detector = self.detectors.get(spot.detector, "")
        dataset = self.sets.get(spot.dataset)
        if painter is None or dataset is None or bool(spot.detector) != bool(detector):
            return None
        metric = OF_UNTOUCHED.get(spot.metric, spot.metric) if painter.untouched else spot.metric
        metric = self.scored.get(metric, metric)
        launder = self.launder if detector else ""
        return self.index.get((dataset, launder, detector, painter.name, spot.bucket, metric))

    def null(self, spot: Place) -> ResultRow | None:
        """The null of a place's metric, where it has one that is scored as the metric is."""
        dataset = self.sets.get(spot.dataset)
        detector = self.detectors.get(spot.detector, "")
        metric = NULLS.get(spot.metric, "")
        if dataset is None or not detector or not metric or spot.metric in self.scored:
            return None
        return self.index.get((dataset, self.launder, detector, ORIGINAL, spot.bucket, metric))


def views_of(layout: Layout, run: RunFolder) -> Iterator[View]:
    """The run as one table of the paper needs it: once per data set and laundering.

    Table 1 takes all of the paper's data sets that the run has at once.
    """
    index = {
        (row.dataset, row.launder, row.detector, row.painter, row.bucket, row.metric): row
        for row in run.results
    }
    inpainters = {one.reported or one.name: one for one in variants_of(run.plan)}
    if "SafePaint" in inpainters:
        inpainters[FULL_MODEL] = inpainters["SafePaint"]
    titles = {name: DETECTORS.card(name).reported for name in run.plan.detector_names}
    detectors = {title: name for name, title in titles.items() if title}
    for sets, launder in _combinations(layout, run):
        yield View(
            sets=sets,
            launder=launder,
            index=index,
            inpainters=inpainters,
            detectors=detectors,
            scored=CONVENTIONS[run.plan.convention],
        )


def _combinations(layout: Layout, run: RunFolder) -> Iterator[tuple[dict[str, str], str]]:
    datasets = list(dict.fromkeys(row.dataset for row in run.results))
    if layout.number > 1:
        for name in datasets:
            for launder in dict.fromkeys(row.launder for row in run.results):
                yield {"places2": name}, launder
        return
    own = {name: name for name in datasets if name in DATASETS}
    if own:
        yield own, ""
    yield from (({"places2": name}, "") for name in datasets if name not in DATASETS)
