"""Summary of a run for its page: one finding per detector, and caveats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmark.metrics import METRICS
from benchmark.results.run_folder import RunFolder
from detectors import DETECTORS
from reports.figures.charts import marked
from reports.gallery import hiding_metric
from reports.page.finding import counted, finding_sentences
from reports.page.ranking import (
    Evaluation,
    InpainterSummary,
    best_first,
    inpainter_summaries,
    weights_of,
    with_weights,
)
from reports.paper.layouts import DATASETS
from reports.statistics import Statistic

FEW = 30  # images below which a run is called a trial


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSummary:
    """Summary of one detector on one data set.

    Attributes:
        dataset: name of the data set.
        detector: name of the detector.
        name: that name with marks and weights variant.
        metric: title of the metric.
        inpainters: one summary per inpainter and treatment: best first, gaps last.
        sentences: the finding.
        null: mean over images of the metric's null, or None.
    """

    dataset: str
    detector: str
    name: str
    metric: str
    inpainters: tuple[InpainterSummary, ...]
    sentences: tuple[str, ...]
    null: float | None


def detector_summaries(
    run: RunFolder, statistics: Sequence[Statistic]
) -> tuple[DetectorSummary, ...]:
    """Return one summary per data set and detector, of images without post-processing.

    Args:
        run: the run.
        statistics: statistics of the same run, from `statistics_of`; they decide what differs.
    """
    metric = hiding_metric(run)
    if not metric:
        return ()
    return tuple(
        _summary(Evaluation(run=run, metric=metric, dataset=dataset, detector=name), statistics)
        for dataset in dict.fromkeys(row.dataset for row in run.results)
        for name in run.plan.detector_names
    )


def caveats(run: RunFolder) -> Iterator[str]:
    """Yield what a reader must know before trusting a number, in sentences."""
    images = {(row.dataset, row.sample) for row in run.samples}
    if images and len(images) < FEW:
        yield f"Only {counted(len(images), 'image')}: a trial, not a result."
    yield from mini_caveat(run)
    if DATASETS.keys().isdisjoint(row.dataset for row in run.results):
        yield "The images are not the paper's: its numbers are shown beside ours for orientation."


def mini_caveat(run: RunFolder) -> Iterator[str]:
    """Yield a sentence on the models of a run that have mini weights, if there are any."""
    weights = weights_of(run)
    models = (*run.plan.inpainter_names, *run.plan.detector_names)
    mini = sorted({name for name in models if weights.get(name) == "mini"})
    if mini:
        yield (
            f"{', '.join(mini)}: mini weights, small ones trained by this project. They show that "
            "the benchmark works and say nothing about the authors' models."
        )


def _summary(evaluation: Evaluation, statistics: Sequence[Statistic]) -> DetectorSummary:
    run, metric, detector = evaluation.run, evaluation.metric, evaluation.detector
    summaries = inpainter_summaries(evaluation)
    tests = [
        one
        for one in statistics
        if (one.name, one.metric, one.launder) == ("next_best", metric, "")
        and (one.dataset, one.detector) == (evaluation.dataset, detector)
    ]
    return DetectorSummary(
        dataset=evaluation.dataset,
        detector=detector,
        name=with_weights(run, detector, marked(DETECTORS.card(detector), run.results)),
        metric=METRICS.load(metric).title,
        inpainters=best_first(summaries),
        sentences=tuple(finding_sentences(evaluation, summaries, tests)),
        null=evaluation.null,
    )
