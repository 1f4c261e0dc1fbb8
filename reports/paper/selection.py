"""Map positions in the paper's tables to numbers of a run: data sets, models, detectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from benchmark.metrics import CONVENTIONS, NULLS, OF_UNTOUCHED
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import RunFolder
from benchmark.results.variants import InpainterVariant, variants_of
from benchmark.runner.resolve import ORIGINAL
from detectors import DETECTORS
from reports.paper.layouts import DATASETS, Place, TableLayout

FULL_MODEL = "Backbone+DDL+RWSA"  # Table 5's name of what Tables 1 to 4 call SafePaint


class ResultKey(NamedTuple):
    """Identity of one number of a run, in our names; `inpainter` includes the retouching."""

    dataset: str
    launder: str
    detector: str
    inpainter: str
    bucket: str
    metric: str


class _Combination(NamedTuple):
    """Data sets of the run, by the paper's data set whose columns they use, and post-processing."""

    sets: Mapping[str, str]
    launder: str


ResultIndex = Mapping[ResultKey, ResultRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSelection:
    """Numbers of a run on some data sets after one post-processing, found by the paper's names.

    Attributes:
        sets: data sets of the run, by the paper's data set whose columns they use.
        launder: post-processing of the inpainted images, or "".
        index: rows of the run.
        inpainters: inpainters of the run with their retouchings, by the paper's name or, without
            one, their own.
        detectors: detectors of the run that the paper has, by the paper's name.
        scored: metrics that replace the paper's under the convention of the run.
    """

    sets: Mapping[str, str]
    launder: str
    index: ResultIndex
    inpainters: Mapping[str, InpainterVariant]
    detectors: Mapping[str, str]
    scored: Mapping[str, str]

    def row(self, spot: Place) -> ResultRow | None:
        """Return our row for a position of the paper's table, or None."""
        painter = self.inpainters.get(spot.inpainter)
        detector = self.detectors.get(spot.detector, "")
        dataset = self.sets.get(spot.dataset)
        if painter is None or dataset is None or bool(spot.detector) != bool(detector):
            return None
        metric = OF_UNTOUCHED.get(spot.metric, spot.metric) if painter.untouched else spot.metric
        metric = self.scored.get(metric, metric)
        launder = self.launder if detector else ""
        key = ResultKey(dataset, launder, detector, painter.name, spot.bucket, metric)
        return self.index.get(key)

    def null(self, spot: Place) -> ResultRow | None:
        """Return the null of a position's metric, if there is one under the same convention."""
        dataset = self.sets.get(spot.dataset)
        detector = self.detectors.get(spot.detector, "")
        metric = NULLS.get(spot.metric, "")
        if dataset is None or not detector or not metric or spot.metric in self.scored:
            return None
        key = ResultKey(dataset, self.launder, detector, ORIGINAL, spot.bucket, metric)
        return self.index.get(key)


def run_selections(layout: TableLayout, run: RunFolder) -> Iterator[RunSelection]:
    """Yield the selections that one table of the paper needs: per data set and post-processing.

    Table 1 shows all of the paper's data sets in the run at once.
    """
    index = {
        ResultKey(row.dataset, row.launder, row.detector, row.painter, row.bucket, row.metric): row
        for row in run.results
    }
    inpainters = {one.reported or one.name: one for one in variants_of(run.plan)}
    if "SafePaint" in inpainters:
        inpainters[FULL_MODEL] = inpainters["SafePaint"]
    titles = {name: DETECTORS.card(name).reported for name in run.plan.detector_names}
    detectors = {title: name for name, title in titles.items() if title}
    for sets, launder in _combinations(layout, run):
        yield RunSelection(
            sets=sets,
            launder=launder,
            index=index,
            inpainters=inpainters,
            detectors=detectors,
            scored=CONVENTIONS[run.plan.convention],
        )


def _combinations(layout: TableLayout, run: RunFolder) -> Iterator[_Combination]:
    datasets = list(dict.fromkeys(row.dataset for row in run.results))
    if layout.number > 1:
        for name in datasets:
            for launder in dict.fromkeys(row.launder for row in run.results):
                yield _Combination({"places2": name}, launder)
        return
    own = {name: name for name in datasets if name in DATASETS}
    if own:
        yield _Combination(own, "")
    yield from (_Combination({"places2": name}, "") for name in datasets if name not in DATASETS)
