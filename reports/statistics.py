"""What the paper's tables lack: paired differences and tests, ranks, and image-level detection.

Every number is over images, from the rows of samples.csv. Images and holes are the same for all
inpainters, so whatever compares two of them is paired, image by image (`results.significance`).

What is tested is stated beforehand: SafePaint against its best rival, two-sided. The tests of one
detector, on one data set after one laundering, are a family: every hole size and every metric of
the detector's answer. Besides, each AUC is tested against the null, without a correction; other
differences have their interval.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from benchmark.metrics import METRICS, NULLS
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import Interval, share_interval
from benchmark.results.nulls import RANKED, CellKey, against_null, distance_from_null, standing
from benchmark.results.reported import reported_value
from benchmark.results.run_folder import RunFolder
from benchmark.results.significance import (
    Conclusion,
    PairedTest,
    against_best,
    corrected,
    kendall_tau,
    paired_tests,
)
from benchmark.results.training_exposure import NOT_RANKED, seen_in_training
from benchmark.results.variants import parse_variant
from benchmark.runner.resolve import ORIGINAL
from detectors import DETECTORS
from inpainters import INPAINTERS
from reports.image_level import detected
from reports.paired import Cell, Pictures, images_of

NAN = float("nan")
OF = "safepaint"  # the inpainter that the paper says hides best
PLUG_IN = "+rwsa"  # ends the names of models that have the paper's plug-in


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One statistic of a run.

    Attributes:
        dataset: the data set's name.
        launder: what was done to the inpainted images before detection, or "".
        detector: the detector's name, or "" for a metric of the image alone.
        bucket: the hole's bucket.
        metric: the metric, or "score" for what is computed from detectors' scores.
        name: "rank", "kendall_tau_b", "against_null", "difference", "next_best", "fpr",
            "image_auc", "acc_at_5" or "balanced_accuracy".
        inpainter: whose, retouched ones as "telea+grain:1.5", or "" for one over all inpainters.
        against: the other inpainter of a pair, or "".
        value: the number, or None for a gap.
        low: lower end of its 95 % interval, of a difference a paired one, or None.
        high: upper end, or None.
        p: two-sided p-value of a "next_best", which pays for the choice of the rival, or None.
        p_holm: that p-value by Holm's correction for all "next_best" with the same data set,
            laundering and detector, or None.
        n: images behind it; for "kendall_tau_b" and "rank", models.
        verdict: of a "next_best", whether `inpainter` is better or worse than `against`, of an
            "against_null" "better" if its AUC lies below the null, or "".
        reason: why there is no number or no verdict, or "".
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


def statistics_of(
    run: RunFolder, *, of: str = OF, detectors: Container[str] | None = None
) -> tuple[Statistic, ...]:
    """Every statistic of a run, cell by cell.

    Args:
        run: the run.
        of: the inpainter that is set against the others.
        detectors: only these, "" standing for metrics of the image alone; by default all.

    Raises:
        DataError: if the run's samples cannot be read.
    """
    pictures = images_of(run.each_sample())
    means = {
        (Cell(row.dataset, row.launder, row.detector, row.bucket), row.metric, row.painter): (
            row.value
        )
        for row in run.results
        if row.value is not None and INPAINTERS.card(row.inpainter).paints
    }
    met = {(row.detector, row.painter) for row in run.results if seen_in_training(row)}
    found: list[Statistic] = []
    for cell, here in pictures.items():
        if detectors is not None and cell.detector not in detectors:
            continue
        distances = _distances(cell, here, run.plan.seed)
        found += [_against_null(cell, model, test) for model, test in distances.items()]
        for name in run.plan.metrics:
            if (METRICS.load(name).needs == "verdict") == bool(cell.detector):
                models = {
                    model: value
                    for (at, what, model), value in means.items()
                    if (at, what) == (cell, name)
                }
                known = {model for model in models if (cell.detector, model) in met}
                options = _Options(of, run.plan.seed, distances, known)
                found += _compared(cell, name, models, here, options)
        if any(not INPAINTERS.card(name).paints for name in run.plan.inpainter_names):
            found += _detection(cell, here)
    return _corrected(found)


def _distances(cell: Cell, pictures: Pictures, seed: int) -> dict[str, PairedTest]:
    """How far each inpainter's AUC lies from the null; nothing where the cell has no null."""
    if not cell.detector or ORIGINAL not in pictures.rows:
        return {}
    null = pictures.values(ORIGINAL, METRICS.load(NULLS[RANKED])())
    columns = {
        model: pictures.values(model, METRICS.load(RANKED)())
        for model in pictures.rows
        if parse_variant(model).card.paints
    }
    return against_null(columns, null, seed=seed)


def _against_null(cell: Cell, model: str, test: PairedTest) -> Statistic:
    return replace(
        _statistic(cell, RANKED, "against_null", test.value, test.n),
        inpainter=model,
        against=ORIGINAL,
        low=test.low,
        high=test.high,
        p=test.p,
        verdict=test.verdict,
        reason=test.reason,
    )


def inverted(statistics: Iterable[Statistic]) -> frozenset[CellKey]:
    """Where an inpainter's AUC lies below the null beyond noise."""
    return frozenset(
        CellKey(one.dataset, one.launder, one.detector, one.bucket, one.inpainter)
        for one in statistics
        if one.name == "against_null" and one.verdict == "better"
    )


@dataclass(frozen=True, slots=True)
class _Options:
    """Who is set against the others, the plan's seed, distances to the null, and who was met."""

    of: str
    seed: int
    distances: Mapping[str, PairedTest]
    met: Set[str]


def _compared(
    cell: Cell,
    name: str,
    models: Mapping[str, float],
    pictures: Pictures,
    options: _Options,
) -> Iterator[Statistic]:
    metric = METRICS.load(name)()
    if metric.of_untouched_images():  # no inpainter is better by it
        return
    of, seed = options.of, options.seed
    ranked = standing(name, metric.better == "lower", models, options.distances, options.met)
    yield from _ranks(cell, metric, ranked)
    for model in sorted(options.met):
        rank = _statistic(cell, name, "rank", None, len(ranked))
        yield replace(rank, inpainter=model, reason=NOT_RANKED)
    unmet = {model: value for model, value in models.items() if model not in options.met}
    yield from _agreement(cell, metric, unmet)
    if type(metric).reduce is not Metric.reduce:  # a pooled number has no value per image
        return
    if of in models:
        others = [model for model in models if model != of]
        yield from _differences(cell, metric, ranked, pictures, (of, others, seed))
    for model in models:  # Table 6: with the plug-in against without
        plain = model.removesuffix(PLUG_IN)
        if plain != model and plain in models and of not in (model, plain):
            yield from _pairs(cell, metric, pictures, (model, [plain], seed))


def _statistic(cell: Cell, metric: str, name: str, value: float | None, n: int) -> Statistic:
    return Statistic(
        dataset=cell.dataset,
        launder=cell.launder,
        detector=cell.detector,
        bucket=cell.bucket,
        metric=metric,
        name=name,
        value=value,
        n=n,
    )


def _ranks(cell: Cell, metric: Metric, ranked: Mapping[str, float]) -> Iterator[Statistic]:
    """1 hides or inpaints best; equal ones share the mean of their ranks."""
    for model, value in ranked.items():
        ahead = sum(other < value for other in ranked.values())
        level = sum(other == value for other in ranked.values())
        rank = ahead + (level + 1) / 2
        yield replace(_statistic(cell, metric.name, "rank", rank, len(ranked)), inpainter=model)


def _agreement(cell: Cell, metric: Metric, models: Mapping[str, float]) -> Iterator[Statistic]:
    """Kendall's tau-b (1945) of our order of models and the paper's, where it has any of them."""
    judge = DETECTORS.card(cell.detector).reported if cell.detector else ""
    if cell.launder or (cell.detector and not judge):
        return
    pairs = [
        (value, theirs)
        for model, value in models.items()
        if (name := parse_variant(model).reported)
        and (theirs := reported_value(cell.dataset, judge, name, cell.bucket, metric.name))
        is not None
    ]
    if pairs:
        tau, reason = kendall_tau(pairs)
        empty = _statistic(cell, metric.name, "kendall_tau_b", tau, len(pairs))
        yield replace(empty, reason=reason)


def _differences(
    cell: Cell,
    metric: Metric,
    ranked: Mapping[str, float],
    pictures: Pictures,
    options: tuple[str, Sequence[str], int],
) -> Iterator[Statistic]:
    of, others, seed = options
    tests = _tests(metric, pictures, of, others, seed)
    yield from _untested(cell, metric, of, tests)
    # who lies below the null has beaten nobody, and nobody has to beat it
    rivals = [model for model in tests if model in ranked and not _variant(model)]
    if rivals and of in ranked and metric.needs == "verdict":
        best = min(rivals, key=lambda model: ranked[model])
        apart = _tests(metric, pictures, of, rivals, seed, ranked=True)
        one = against_best(list(apart.values()), rivals.index(best))
        found = _difference(cell, metric, "next_best", one)
        found = replace(found, p=one.p, verdict=one.verdict, reason=one.reason)
        yield replace(found, inpainter=of, against=best)


def _pairs(
    cell: Cell, metric: Metric, pictures: Pictures, options: tuple[str, Sequence[str], int]
) -> Iterator[Statistic]:
    """One inpainter against each of others."""
    of, others, seed = options
    yield from _untested(cell, metric, of, _tests(metric, pictures, of, others, seed))


def _tests(
    metric: Metric,
    pictures: Pictures,
    of: str,
    others: Sequence[str],
    seed: int,
    *,
    ranked: bool = False,
) -> dict[str, PairedTest]:
    """One inpainter's tests against each of others, where they share an image that counts.

    `ranked`: of what they are ranked by, which for AUC is the distance to the null.
    """
    if not others:
        return {}
    columns = {model: pictures.values(model, metric) for model in (of, *others)}
    if ranked and metric.name == RANKED and ORIGINAL in pictures.rows:
        null = pictures.values(ORIGINAL, METRICS.load(NULLS[RANKED])())
        columns = {model: distance_from_null(values, null) for model, values in columns.items()}
    own = columns[of]
    theirs = np.stack([columns[model] for model in others], axis=1)  # (N, K)
    own = np.broadcast_to(own[:, None], theirs.shape)
    found = paired_tests(own, theirs, metrics=[metric.name] * len(others), seed=seed)
    return {model: one for model, one in zip(others, found, strict=True) if one.n}


def _untested(
    cell: Cell, metric: Metric, of: str, tests: Mapping[str, PairedTest]
) -> Iterator[Statistic]:
    """Differences with their intervals alone: they are outside of what is tested."""
    for model, one in tests.items():
        yield replace(_difference(cell, metric, "difference", one), inpainter=of, against=model)


def _difference(cell: Cell, metric: Metric, name: str, one: PairedTest) -> Statistic:
    empty = _statistic(cell, metric.name, name, one.value, one.n)
    return replace(empty, low=one.low, high=one.high)


def _variant(model: str) -> bool:
    """Whether it is no rival: SafePaint without some of its parts (Table 5), or retouched.

    A retouched rival is a control of its own; the family of tests stays that of the paper's.
    """
    painter = parse_variant(model)
    return bool(painter.retouch) or painter.reported.startswith("Backbone")


def _detection(cell: Cell, pictures: Pictures) -> Iterator[Statistic]:
    """Detection of inpainted images against untouched ones, where the run has both."""
    untouched = [model for model in pictures.rows if parse_variant(model).untouched]
    if not cell.detector or not untouched:
        return
    authentic, threshold = untouched[0], DETECTORS.card(cell.detector).threshold
    scores, alarms = pictures.scores(authentic), pictures.fired(authentic, threshold)
    if not len(scores):
        return
    rate = _statistic(cell, "fpr", "fpr", float(alarms.mean()), len(alarms))
    yield replace(_within(rate, share_interval(alarms)), inpainter=authentic)
    for model in pictures.rows:
        forged, fired = pictures.scores(model), pictures.fired(model, threshold)
        if model == authentic or not len(forged):
            continue
        for name, (value, interval, reason) in detected(forged, scores, fired, alarms).items():
            yield replace(
                _within(_statistic(cell, "score", name, value, len(forged)), interval),
                inpainter=model,
                against=authentic,
                reason=reason,
            )


def _within(one: Statistic, interval: Interval) -> Statistic:
    """The statistic with its interval, where there is one."""
    known = not np.isnan(interval.low)
    return replace(one, low=interval.low, high=interval.high) if known else one


def _corrected(found: Sequence[Statistic]) -> tuple[Statistic, ...]:
    """Holm's correction over SafePaint's tests with the same detector, and their verdicts."""
    families: dict[tuple[str, str, str], list[int]] = {}
    for index, one in enumerate(found):
        if one.name == "next_best":
            families.setdefault((one.dataset, one.launder, one.detector), []).append(index)
    judged = list(found)
    for family in families.values():
        tests = corrected([_as_test(found[index]) for index in family])
        for index, test in zip(family, tests, strict=True):
            judged[index] = replace(
                found[index], p_holm=test.p_holm, verdict=test.verdict, reason=test.reason
            )
    return tuple(judged)


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
