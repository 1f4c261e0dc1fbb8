"""Ranking of inpainters by one detector on one data set, over all mask-ratio bins of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmark.core.seeds import seed_of
from benchmark.metrics import METRICS, NULLS
from benchmark.metrics.intervals import UNDEFINED, Values, mean_interval
from benchmark.results.nulls import RANKED, against_null, is_below, standing
from benchmark.results.rounding import with_span
from benchmark.results.rows import ResultRow, editions_of
from benchmark.results.run_folder import RunFolder
from benchmark.results.significance import PairedTest
from benchmark.results.training_exposure import MET, seen_in_training
from benchmark.results.variants import InpainterVariant, variants_of
from benchmark.runner.resolve import ORIGINAL
from reports.figures.charts import marked


@dataclass(frozen=True, slots=True, kw_only=True)
class InpainterSummary:
    """How well one inpainter hides from one detector, over all mask-ratio bins of the run.

    Attributes:
        inpainter: name of the inpainter, with its retouching.
        name: that name with marks and weights variant.
        values: (N,) mean of the metric over the bins, per image in a fixed order.
        value: mean over images, or None for a gap.
        low: lower end of its 95 % interval over images, or None.
        high: upper end, or None.
        text: that mean with its interval, as printed.
        reason: why there is no number, or "".
        standing: what it is ranked by, lower is better: of AUC the distance to the null; None if it
            is not ranked.
        test: its AUC against the null, or None if there is no test.
        met: whether the detector met it in training.
    """

    inpainter: str
    name: str
    values: Values
    value: float | None
    low: float | None
    high: float | None
    text: str
    reason: str
    standing: float | None = None
    test: PairedTest | None = None
    met: bool = False

    @property
    def below(self) -> bool:
        """Whether its AUC lies below the null beyond noise."""
        return self.test is not None and is_below(self.test)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Evaluation of a run's inpainters by one detector on one data set, without post-processing.

    Attributes:
        run: the run.
        metric: name of the detection metric by which inpainters are ranked.
        dataset: name of the data set.
        detector: name of the detector.
    """

    run: RunFolder
    metric: str
    dataset: str
    detector: str

    @property
    def results(self) -> list[ResultRow]:
        """Rows of this detector on this data set, also those after post-processing."""
        return [
            row
            for row in self.run.results
            if (row.dataset, row.detector) == (self.dataset, self.detector)
        ]

    @property
    def null(self) -> float | None:
        """Mean over images of the metric's null, or None if there is none."""
        if self.metric not in NULLS:
            return None
        values = self.values(NULLS[self.metric], ORIGINAL)
        known = values[np.isfinite(values)]
        return float(known.mean()) if len(known) else None

    @property
    def auc_null(self) -> Values:
        """(N,) mean over bins of the null of AUC, per image; empty if the run has none."""
        return self.values(NULLS[RANKED], ORIGINAL)

    def values(self, metric: str, inpainter: str) -> Values:
        """Return the (N,) means of a metric over bins, per image; NaN where none of them counts."""
        kind = METRICS.load(metric)()
        own = (self.dataset, self.detector, inpainter)
        by_image: dict[str, list[float]] = {}  # over the bins
        for row in self.run.samples:
            if (row.dataset, row.detector, row.painter) == own and not row.launder:
                found = by_image.setdefault(row.sample, [])
                if numbers := row.numbers.get(metric):
                    found.append(float(kind.values(np.asarray([numbers]))[0]))
        means = [_finite_mean(found) for _, found in sorted(by_image.items())]
        return np.asarray(means, dtype=np.float64)


def inpainter_summaries(evaluation: Evaluation) -> tuple[InpainterSummary, ...]:
    """Return one summary per inpainter and treatment, in the order of the plan.

    `original` is left out. AUC is tested against the null to decide who is ranked.
    """
    found = [
        _summary(evaluation, painter)
        for painter in variants_of(evaluation.run.plan)
        if painter.card.paints
    ]
    columns = {one.inpainter: evaluation.values(RANKED, one.inpainter) for one in found}
    tests = against_null(columns, evaluation.auc_null, seed=evaluation.run.plan.seed)
    models = {one.inpainter: one.value for one in found if one.value is not None}
    met = {one.inpainter for one in found if one.met}
    lower = METRICS.load(evaluation.metric).better == "lower"
    whole = {one.name for one in variants_of(evaluation.run.plan) if not one.keeps_known}
    ranked = standing(evaluation.metric, lower, models, tests, met | whole)
    return tuple(
        replace(one, standing=ranked.get(one.inpainter), test=tests.get(one.inpainter))
        for one in found
    )


def best_first(summaries: Sequence[InpainterSummary]) -> tuple[InpainterSummary, ...]:
    """Sort summaries: ranked ones from the best, then those without a rank, then gaps."""
    return tuple(sorted(summaries, key=_order))


def weights_of(run: RunFolder) -> Mapping[str, str]:
    """Return the weights variant of every model of a run: "official", "mini", "none", ..."""
    found: dict[str, str] = {}
    for row in run.results:
        found.update(editions_of(row.weights))
    return found


def with_weights(run: RunFolder, model: str, text: str) -> str:
    """Append the weights variant of a model to a text, such as "TruFor (mini)"."""
    edition = weights_of(run).get(model, "")
    return text if edition in ("", "none") else f"{text} ({edition})"


def _order(summary: InpainterSummary) -> tuple[bool, bool, float]:
    ranked = summary.standing is not None
    return summary.value is None, not ranked, (summary.standing or 0.0) if ranked else 0.0


def _summary(evaluation: Evaluation, painter: InpainterVariant) -> InpainterSummary:
    run, metric = evaluation.run, evaluation.metric
    cells = [
        row
        for row in evaluation.results
        if (row.launder, row.painter, row.metric) == ("", painter.name, metric)
    ]
    reason = next((row.reason or "no number" for row in cells if row.value is None), "")
    values = evaluation.values(metric, painter.name)
    complete = bool(cells) and not reason and bool(np.isfinite(values).any())
    seed, kind = seed_of("interval", run.plan.seed), METRICS.load(metric)
    value = float(values[np.isfinite(values)].mean()) if complete else None
    interval = mean_interval(values, seed=seed, bounds=kind.bounds) if complete else UNDEFINED
    met = any(map(seen_in_training, cells))
    name = marked(painter.card, run.results, painter.treatment) + (MET if met else "")
    return InpainterSummary(
        inpainter=painter.name,
        name=with_weights(run, painter.inpainter, name),
        met=met,
        values=values,
        value=value,
        low=_finite(interval.low),
        high=_finite(interval.high),
        text=with_span(value, *interval, kind.decimals),
        reason="" if complete else reason or "not measured",
    )


def _finite_mean(values: Sequence[float]) -> float:
    """Return the mean of the finite values, or NaN if there are none."""
    finite = [one for one in values if np.isfinite(one)]
    return float(np.mean(finite)) if finite else np.nan


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None
