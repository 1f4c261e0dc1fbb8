"""What a run says, in plain language: who hides best from whom, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from benchmark.core.seeds import seed_of
from benchmark.metrics import METRICS, NULLS
from benchmark.metrics.intervals import UNDEFINED, mean_interval
from benchmark.results.nulls import (
    BELOW,
    MARK,
    NO_NULL,
    RANKED,
    against_null,
    distance_from_null,
    is_below,
    standing,
    untested_notes,
)
from benchmark.results.rounding import number, with_span
from benchmark.results.rows import editions_of
from benchmark.results.run_folder import RunFolder
from benchmark.results.significance import PairedTest
from benchmark.results.training_exposure import MET, seen_in_training, training_notes
from benchmark.results.variants import InpainterVariant, variants_of
from benchmark.runner.resolve import ORIGINAL
from detectors import DETECTORS
from reports.figures.charts import marked
from reports.findings import beats
from reports.gallery import hiding_metric
from reports.page.controls import control_sentences
from reports.statistics import OF, Statistic

FEW = 30  # images below which a run is a trial, not a result


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """How well one inpainter hides from one detector, over all hole sizes of the run.

    Attributes:
        inpainter: who inpainted, with its retouching.
        name: its name with its marks and weights.
        values: (N,) the metric's mean over the buckets, image by image, in a fixed order.
        value: the mean over images, or None for a gap.
        low: lower end of its 95 % interval over images, or None.
        high: upper end, or None.
        text: that mean with its interval, as it is printed.
        reason: why there is no number, or "".
        standing: what it is ranked by, the lower the better: of AUC the distance to the null; None
            where it is not ranked.
        test: its AUC against the null, or None where there is none.
        met: whether the detector met it in training.
    """

    inpainter: str
    name: str
    values: NDArray[np.float64]
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
class Verdict:
    """What a run says about one detector on one data set.

    Attributes:
        dataset: the data set's name.
        detector: who looked.
        name: its name with its marks and weights.
        metric: the metric's title.
        glances: one an inpainter that inpaints and retouching: who hides best first, gaps last.
        sentences: the finding.
        null: the null of that metric, its mean over images, or None.
    """

    dataset: str
    detector: str
    name: str
    metric: str
    glances: tuple[Glance, ...]
    sentences: tuple[str, ...]
    null: float | None


def verdicts(run: RunFolder, statistics: Sequence[Statistic]) -> tuple[Verdict, ...]:
    """What a run says, detector by detector, about images as they were inpainted.

    Args:
        run: the run.
        statistics: the same run's, from `statistics_of`: what differs is decided there.
    """
    metric = hiding_metric(run)
    if not metric:
        return ()
    return tuple(
        _verdict(run, metric, (dataset, detector), statistics)
        for dataset in dict.fromkeys(row.dataset for row in run.results)
        for detector in run.plan.detector_names
    )


def counted(count: int, noun: str) -> str:
    """A number with its noun: "1 job", "2 jobs"."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def caveats(run: RunFolder) -> Iterator[str]:
    """What a reader must know before believing a number, in sentences."""
    pictures = {(row.dataset, row.sample) for row in run.samples}
    if pictures and len(pictures) < FEW:
        yield f"Only {counted(len(pictures), 'image')}: a trial, not a result."
    mini = sorted({name for name in _models(run) if _edition(run, name) == "mini"})
    if mini:
        yield (
            f"{', '.join(mini)}: mini weights, small ones that this project trained. They show "
            "that the bench works and say nothing about the authors' models."
        )
    published = {"places2", "paris-street-view", "celeba"}
    if not published & {row.dataset for row in run.results}:
        yield "The images are not the paper's: its numbers stand beside ours for orientation."


def _verdict(
    run: RunFolder, metric: str, where: tuple[str, str], statistics: Sequence[Statistic]
) -> Verdict:
    dataset, detector = where
    glances = tuple(
        _glance(run, metric, dataset, detector, painter)
        for painter in variants_of(run.plan)
        if painter.card.paints
    )
    found = _standing(run, metric, where, glances)
    tests = [
        one
        for one in statistics
        if (one.name, one.metric, one.launder) == ("next_best", metric, "")
        and (one.dataset, one.detector) == where
    ]
    card = DETECTORS.card(detector)
    return Verdict(
        dataset=dataset,
        detector=detector,
        name=_named(run, detector, marked(card, run.results)),
        metric=METRICS.load(metric).title,
        glances=tuple(sorted(found, key=_place)),
        sentences=tuple(_sentences(run, metric, found, tests, where)),
        null=_null(run, metric, where),
    )


def _place(glance: Glance) -> tuple[bool, bool, float]:
    """Who is ranked stands first, then who is not, then gaps."""
    ranked = glance.standing is not None
    return glance.value is None, not ranked, (glance.standing or 0.0) if ranked else 0.0


def _null(run: RunFolder, metric: str, where: tuple[str, str]) -> float | None:
    """The mean over images of a metric's null; None where the run has none."""
    if metric not in NULLS:
        return None
    values = _by_picture(run, NULLS[metric], (*where, ORIGINAL))
    counted = values[np.isfinite(values)]
    return float(counted.mean()) if len(counted) else None


def _standing(
    run: RunFolder, metric: str, where: tuple[str, str], glances: Sequence[Glance]
) -> tuple[Glance, ...]:
    """The glances with what ranks them: their AUC are tested against the null first."""
    null = _by_picture(run, NULLS[RANKED], (*where, ORIGINAL))
    columns = {one.inpainter: _by_picture(run, RANKED, (*where, one.inpainter)) for one in glances}
    tests = against_null(columns, null, seed=run.plan.seed)
    models = {one.inpainter: one.value for one in glances if one.value is not None}
    met = {one.inpainter for one in glances if one.met}
    found = standing(metric, METRICS.load(metric).better == "lower", models, tests, met)
    return tuple(
        replace(one, standing=found.get(one.inpainter), test=tests.get(one.inpainter))
        for one in glances
    )


def _glance(
    run: RunFolder, metric: str, dataset: str, detector: str, painter: InpainterVariant
) -> Glance:
    cells = [
        row
        for row in run.results
        if (row.dataset, row.launder, row.detector, row.painter, row.metric)
        == (dataset, "", detector, painter.name, metric)
    ]
    reason = next((row.reason or "no number" for row in cells if row.value is None), "")
    values = _by_picture(run, metric, (dataset, detector, painter.name))
    complete = bool(cells) and not reason and bool(np.isfinite(values).any())
    seed, kind = seed_of("interval", run.plan.seed), METRICS.load(metric)
    value = float(values[np.isfinite(values)].mean()) if complete else None
    interval = mean_interval(values, seed=seed, bounds=kind.bounds) if complete else UNDEFINED
    met = any(map(seen_in_training, cells))
    name = marked(painter.card, run.results, painter.retouch) + (MET if met else "")
    return Glance(
        inpainter=painter.name,
        name=_named(run, painter.inpainter, name),
        met=met,
        values=values,
        value=value,
        low=_finite(interval[0]),
        high=_finite(interval[1]),
        text=with_span(value, *interval, kind.decimals),
        reason="" if complete else reason or "not measured",
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def _by_picture(run: RunFolder, metric: str, what: tuple[str, str, str]) -> NDArray[np.float64]:
    """(N,) mean over buckets, image by image; NaN where none of them counts."""
    kind = METRICS.load(metric)()
    piles: dict[str, list[float]] = {}
    for row in run.samples:
        if (row.dataset, row.detector, row.painter) == what and not row.launder:
            pile = piles.setdefault(row.sample, [])
            if numbers := row.numbers.get(metric):
                pile.append(float(kind.values(np.asarray([numbers]))[0]))
    means = [
        float(np.mean(finite)) if (finite := [one for one in pile if np.isfinite(one)]) else np.nan
        for _, pile in sorted(piles.items())
    ]
    return np.asarray(means, dtype=np.float64)


def _sentences(
    run: RunFolder,
    metric: str,
    glances: tuple[Glance, ...],
    tests: Sequence[Statistic],
    where: tuple[str, str],
) -> Iterator[str]:
    kind = METRICS.load(metric)
    ranked = sorted(
        (one for one in glances if one.standing is not None), key=lambda one: one.standing or 0.0
    )
    null = _by_picture(run, NULLS[RANKED], (*where, ORIGINAL))
    beside_null = metric == RANKED and bool(np.isfinite(null).any())
    values = {
        one.inpainter: distance_from_null(one.values, null) if beside_null else one.values
        for one in glances
        if one.value is not None
    }
    met = {one.inpainter for one in glances if one.met}
    controls = list(control_sentences(run, metric, values, beside_null=beside_null, met=met))
    yield from controls
    if not values:
        yield "No finding yet: no inpainter has all its numbers."
        return
    yield from _below(glances)
    if not ranked:
        yield "So no inpainter is ranked."
        yield from _alarms(run, *where)
        yield from _met(run, where, met)
        return
    best, rest = ranked[0], ranked[1:]
    first = f"{best.inpainter} hides best" if rest else f"{best.inpainter}, the only one ranked"
    yield (
        f"{first}: {kind.title} {best.text} over "
        f"{counted(int(np.isfinite(best.values).sum()), 'image')} and all hole sizes"
        + _scale(run, metric, where)
    )
    for second in islice(rest, 1):
        yield f"Next is {second.inpainter} with {second.text}."
    if tests or not controls:
        yield _tested(tests)
    yield from _alarms(run, *where)
    yield from _met(run, where, met)


def _met(run: RunFolder, where: tuple[str, str], met: Iterable[str]) -> Iterator[str]:
    """Whom this detector met in training, and of whom that is not known."""
    names = sorted(met)
    if names:
        yield f"{', '.join(names)} {MET}: not ranked."
    yield from training_notes(row for row in run.results if (row.dataset, row.detector) == where)


def _below(glances: Sequence[Glance]) -> Iterator[str]:
    """Who lies below the null, and where that was not tested."""
    below = [one.inpainter for one in glances if one.below]
    if below:
        yield (
            f"{', '.join(below)} {MARK}: {BELOW}, AUC below the null beyond noise, so neither best "
            "nor ranked."
        )
    yield from untested_notes(one.test.reason for one in glances if one.test)


def _scale(run: RunFolder, metric: str, where: tuple[str, str]) -> str:
    """What a number of the finding is read against."""
    null = _null(run, metric, where)
    if null is not None:
        text = number(null, METRICS.load(metric).decimals)
        return f" (the null, untouched images with the same holes, is {text})."
    if metric != RANKED:
        return "."
    rows = [row for row in run.results if (row.dataset, row.detector) == where]
    why = next((row.reason for row in rows if row.metric == NULLS[RANKED] and row.reason), NO_NULL)
    return f" (0.5 is chance, 1 is found perfectly). {why[0].upper()}{why[1:].rstrip('.')}."


def _tested(tests: Sequence[Statistic]) -> str:
    """What the tests of this detector say, the ones that stand beneath the tables."""
    if not tests:
        return f"No inpainter is tested against another: that test is of {OF} and its best rival."
    said = "; ".join(f"{one.bucket} % {beats(one)}" for one in tests)
    return f"{OF} against its best rival (two-sided): {said}."


def _alarms(run: RunFolder, dataset: str, detector: str) -> Iterator[str]:
    rates = [
        row.value
        for row in run.results
        if (row.dataset, row.launder, row.detector, row.metric) == (dataset, "", detector, "fpr")
        and row.value is not None
    ]
    if rates:
        yield f"It calls {100 * float(np.mean(rates)):.0f} % of the untouched images forged."


def _models(run: RunFolder) -> tuple[str, ...]:
    return (*run.plan.inpainter_names, *run.plan.detector_names)


def _edition(run: RunFolder, name: str) -> str:
    return editions(run).get(name, "")


def editions(run: RunFolder) -> Mapping[str, str]:
    """The weights of every model of a run: "official", "mini", "sha256:..." or "none"."""
    found: dict[str, str] = {}
    for row in run.results:
        found.update(editions_of(row.weights))
    return found


def _named(run: RunFolder, name: str, text: str) -> str:
    edition = _edition(run, name)
    return text if edition in ("", "none") else f"{text} ({edition})"
