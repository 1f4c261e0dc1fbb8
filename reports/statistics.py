"""Statistics beyond the paper's tables: paired differences, tests, ranks, image-level detection.

Every number is over images, from the rows of samples.csv. Images and masks are the same for all
inpainters, so comparisons of two inpainters are paired by image (`results.significance`).

The tested hypothesis is fixed beforehand: SafePaint against its best rival, two-sided. The tests of
one detector, on one data set after one post-processing, are a family, over all mask-ratio bins and
all detection metrics. In addition, each AUC is tested against the null, without a correction; all
other differences have an interval but no test.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from benchmark.metrics import METRICS
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import Interval, share_interval
from benchmark.results.nulls import RANKED, CellKey, standing
from benchmark.results.reported import reported_value
from benchmark.results.run_folder import RunFolder
from benchmark.results.significance import (
    Conclusion,
    PairedTest,
    against_best,
    corrected,
    kendall_tau,
)
from benchmark.results.training_exposure import NOT_RANKED, seen_in_training
from benchmark.results.variants import parse_variant
from benchmark.runner.resolve import ORIGINAL
from detectors import DETECTORS
from inpainters import INPAINTERS
from reports.image_level import image_level_results
from reports.paired import Setting, SettingSamples, samples_by_setting
from reports.paired_tests import SettingData, compare_with, distances_from_null

OF = "safepaint"  # the inpainter of the tested hypothesis: the paper's own
PLUG_IN = "+rwsa"  # ends the names of models with the paper's plug-in


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One statistic of a run.

    Attributes:
        dataset: name of the data set.
        launder: post-processing of the inpainted images before detection, or "".
        detector: name of the detector, or "" for a metric of the image alone.
        bucket: mask-ratio bin.
        metric: name of the metric, or "score" for statistics of the detectors' scores.
        name: "rank", "kendall_tau_b", "against_null", "difference", "next_best", "fpr",
            "image_auc", "acc_at_5" or "balanced_accuracy".
        inpainter: name of the inpainter, retouched ones as "telea+grain:1.5", or "" for a statistic
            over all inpainters.
        against: the other inpainter of a pair, or "".
        value: the number, or None for a gap.
        low: lower end of its 95 % interval, of a difference a paired one, or None.
        high: upper end, or None.
        p: two-sided p-value of a "next_best", corrected for the choice of the rival, or None.
        p_holm: that p-value by Holm's correction over all "next_best" of the same data set,
            post-processing and detector, or None.
        n: number of images; of "kendall_tau_b" and "rank", number of models.
        verdict: of a "next_best", whether `inpainter` is better or worse than `against`; of an
            "against_null", "better" if its AUC lies below the null; or "".
        reason: why there is no number or no test, or "".
    """

    dataset: str
    launder: str
    detector: str
    bucket: str
    metric: str
    name: str
    inpainter: str = ""
    against: str = ""
    value: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    n: int
    verdict: Conclusion | Literal[""] = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Ranking:
    """What decides the ranks of one setting besides the metric.

    Attributes:
        distances: tests of AUC against the null, by inpainter.
        met: inpainters that the detector met in training: they are not ranked.
    """

    distances: Mapping[str, PairedTest]
    met: Set[str]


def statistics_of(
    run: RunFolder, *, of: str = OF, detectors: Container[str] | None = None
) -> tuple[Statistic, ...]:
    """Return every statistic of a run, setting by setting.

    Args:
        run: the run.
        of: the inpainter that is compared with the others.
        detectors: only these, "" for metrics of the image alone; by default all.

    Raises:
        DataError: if the run's samples cannot be read.
    """
    means = {
        (Setting(row.dataset, row.launder, row.detector, row.bucket), row.metric, row.painter): (
            row.value
        )
        for row in run.results
        if row.value is not None
        and INPAINTERS.card(row.inpainter).paints
        and parse_variant(row.painter).keeps_known
    }
    met = {(row.detector, row.painter) for row in run.results if seen_in_training(row)}
    found: list[Statistic] = []
    for setting, samples in samples_by_setting(run.each_sample()).items():
        if detectors is not None and setting.detector not in detectors:
            continue
        data = SettingData(setting, samples, run.plan.seed)
        distances = distances_from_null(data)
        found += [_against_null(setting, model, test) for model, test in distances.items()]
        for name in run.plan.metrics:
            if (METRICS.load(name).needs == "verdict") == bool(setting.detector):
                models = {
                    model: value
                    for (at, what, model), value in means.items()
                    if (at, what) == (setting, name)
                }
                known = {model for model in models if (setting.detector, model) in met}
                found += _compared(
                    data, METRICS.load(name)(), models, of, _Ranking(distances, known)
                )
        if any(not INPAINTERS.card(name).paints for name in run.plan.inpainter_names):
            found += _detection(setting, samples)
    return _corrected(found)


def below_null(statistics: Iterable[Statistic]) -> frozenset[CellKey]:
    """Return where an inpainter's AUC lies below the null beyond noise."""
    return frozenset(
        CellKey(one.dataset, one.launder, one.detector, one.bucket, one.inpainter)
        for one in statistics
        if one.name == "against_null" and one.verdict == "better"
    )


def _against_null(setting: Setting, model: str, test: PairedTest) -> Statistic:
    return replace(
        _statistic(setting, RANKED, "against_null", test.value, test.n),
        inpainter=model,
        against=ORIGINAL,
        low=test.low,
        high=test.high,
        p=test.p,
        verdict=test.verdict,
        reason=test.reason,
    )


def _compared(
    data: SettingData, metric: Metric, models: Mapping[str, float], of: str, ranking: _Ranking
) -> Iterator[Statistic]:
    """Ranks, agreement with the paper and differences of one metric in one setting."""
    if metric.of_untouched_images():  # no inpainter is better by it
        return
    setting = data.setting
    lower = metric.better == "lower"
    ranked = standing(metric.name, lower, models, ranking.distances, ranking.met)
    yield from _ranks(setting, metric, ranked)
    for model in sorted(ranking.met):
        rank = _statistic(setting, metric.name, "rank", None, len(ranked))
        yield replace(rank, inpainter=model, reason=NOT_RANKED)
    unmet = {model: value for model, value in models.items() if model not in ranking.met}
    yield from _agreement(setting, metric, unmet)
    if type(metric).reduce is not Metric.reduce:  # a pooled number has no value per image
        return
    if of in models:
        tests = compare_with(data, metric, of, [model for model in models if model != of])
        yield from _untested(setting, metric, of, tests)
        yield from _next_best(
            data, metric, of, [model for model in tests if model in ranked], ranked
        )
    for model in models:  # Table 6: with the plug-in against without
        plain = model.removesuffix(PLUG_IN)
        if plain != model and plain in models and of not in (model, plain):
            yield from _untested(setting, metric, model, compare_with(data, metric, model, [plain]))


def _statistic(setting: Setting, metric: str, name: str, value: float | None, n: int) -> Statistic:
    return Statistic(
        dataset=setting.dataset,
        launder=setting.launder,
        detector=setting.detector,
        bucket=setting.bucket,
        metric=metric,
        name=name,
        value=value,
        n=n,
    )


def _ranks(setting: Setting, metric: Metric, ranked: Mapping[str, float]) -> Iterator[Statistic]:
    """Rank 1 hides or inpaints best; equal ones share the mean of their ranks."""
    for model, value in ranked.items():
        ahead = sum(other < value for other in ranked.values())
        level = sum(other == value for other in ranked.values())
        rank = ahead + (level + 1) / 2
        yield replace(_statistic(setting, metric.name, "rank", rank, len(ranked)), inpainter=model)


def _agreement(
    setting: Setting, metric: Metric, models: Mapping[str, float]
) -> Iterator[Statistic]:
    """Kendall's tau-b (1945) between our order of models and the paper's, if it has any of them."""
    detector = DETECTORS.card(setting.detector).reported if setting.detector else ""
    if setting.launder or (setting.detector and not detector):
        return
    pairs = [
        (value, reported)
        for model, value in models.items()
        if (name := parse_variant(model).reported)
        and (
            reported := reported_value(setting.dataset, detector, name, setting.bucket, metric.name)
        )
        is not None
    ]
    if pairs:
        tau, reason = kendall_tau(pairs)
        empty = _statistic(setting, metric.name, "kendall_tau_b", tau, len(pairs))
        yield replace(empty, reason=reason)


def _next_best(
    data: SettingData, metric: Metric, of: str, others: Iterable[str], ranked: Mapping[str, float]
) -> Iterator[Statistic]:
    """The test of one inpainter against its best rival.

    Models below the null are not ranked and therefore no rivals.
    """
    rivals = [model for model in others if not _is_variant(model)]
    if rivals and of in ranked and metric.needs == "verdict":
        best = min(rivals, key=lambda model: ranked[model])
        tests = compare_with(data, metric, of, rivals, ranked=True)
        one = against_best(list(tests.values()), rivals.index(best))
        found = _difference(data.setting, metric, "next_best", one)
        found = replace(found, p=one.p, verdict=one.verdict, reason=one.reason)
        yield replace(found, inpainter=of, against=best)


def _untested(
    setting: Setting, metric: Metric, of: str, tests: Mapping[str, PairedTest]
) -> Iterator[Statistic]:
    """Differences with their intervals but without p: they are outside the tested family."""
    for model, one in tests.items():
        yield replace(_difference(setting, metric, "difference", one), inpainter=of, against=model)


def _difference(setting: Setting, metric: Metric, name: str, one: PairedTest) -> Statistic:
    empty = _statistic(setting, metric.name, name, one.value, one.n)
    return replace(empty, low=one.low, high=one.high)


def _is_variant(model: str) -> bool:
    """Whether a model is no rival: SafePaint without some of its parts (Table 5), or treated.

    A rival that is retouched or not spliced is a control; the tested family stays that of the
    paper's models.
    """
    painter = parse_variant(model)
    return bool(painter.treatment) or painter.reported.startswith("Backbone")


def _detection(setting: Setting, samples: SettingSamples) -> Iterator[Statistic]:
    """Image-level detection of inpainted against authentic images, if the run has both."""
    untouched = [model for model in samples.inpainters if parse_variant(model).untouched]
    if not setting.detector or not untouched:
        return
    authentic, threshold = untouched[0], DETECTORS.card(setting.detector).threshold
    scores = samples.scores(authentic)
    false_positives = samples.called_forged(authentic, threshold)
    if not len(scores):
        return
    rate = _statistic(setting, "fpr", "fpr", float(false_positives.mean()), len(false_positives))
    yield replace(_within(rate, share_interval(false_positives)), inpainter=authentic)
    for model in samples.inpainters:
        forged, called = samples.scores(model), samples.called_forged(model, threshold)
        if model == authentic or not len(forged):
            continue
        results = image_level_results(forged, scores, called, false_positives)
        for name, (value, interval, reason) in results.items():
            yield replace(
                _within(_statistic(setting, "score", name, value, len(forged)), interval),
                inpainter=model,
                against=authentic,
                reason=reason,
            )


def _within(one: Statistic, interval: Interval) -> Statistic:
    """Add an interval to a statistic, if there is one."""
    known = not np.isnan(interval.low)
    return replace(one, low=interval.low, high=interval.high) if known else one


def _corrected(found: Sequence[Statistic]) -> tuple[Statistic, ...]:
    """Apply Holm's correction over SafePaint's tests with the same detector."""
    families: dict[tuple[str, str, str], list[int]] = {}
    for index, one in enumerate(found):
        if one.name == "next_best":
            families.setdefault((one.dataset, one.launder, one.detector), []).append(index)
    tested = list(found)
    for family in families.values():
        tests = corrected([_as_test(found[index]) for index in family])
        for index, test in zip(family, tests, strict=True):
            tested[index] = replace(
                found[index], p_holm=test.p_holm, verdict=test.verdict, reason=test.reason
            )
    return tuple(tested)


def _as_test(one: Statistic) -> PairedTest:
    return PairedTest(
        value=one.value,
        low=one.low,
        high=one.high,
        p=one.p,
        n=one.n,
        verdict=one.verdict or "not tested",
        reason=one.reason,
        metric=one.metric,
    )
