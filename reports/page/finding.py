"""The finding about one detector in sentences: who hides best, and how certain that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from benchmark.metrics import METRICS, NULLS
from benchmark.results.nulls import BELOW, MARK, NO_NULL, RANKED, distance_from_null, untested_notes
from benchmark.results.rounding import number
from benchmark.results.training_exposure import MET, training_notes
from benchmark.results.variants import variants_of
from reports.findings import rival_text
from reports.page.composites import composite_sentences
from reports.page.controls import control_sentences
from reports.page.ranking import Evaluation, InpainterSummary
from reports.statistics import OF, Statistic


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: "1 job", "2 jobs"."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def finding_sentences(
    evaluation: Evaluation, summaries: Sequence[InpainterSummary], tests: Sequence[Statistic]
) -> Iterator[str]:
    """Yield the finding, sentence by sentence.

    Args:
        evaluation: the run, metric, data set and detector.
        summaries: its inpainters.
        tests: tests of SafePaint against its best rival by the same metric and detector.
    """
    run, metric = evaluation.run, evaluation.metric
    null = evaluation.auc_null
    beside_null = metric == RANKED and bool(np.isfinite(null).any())
    values = {
        one.inpainter: distance_from_null(one.values, null) if beside_null else one.values
        for one in summaries
        if one.value is not None
    }
    met = {one.inpainter for one in summaries if one.met}
    controls = list(control_sentences(run, metric, values, beside_null=beside_null, met=met))
    yield from controls
    yield from composite_sentences(run, metric, values, beside_null=beside_null, met=met)
    if not values:
        yield "No finding yet: no inpainter has all its numbers."
        return
    yield from _below_null(summaries)
    ranked = sorted(
        (one for one in summaries if one.standing is not None), key=lambda one: one.standing or 0.0
    )
    if ranked:
        yield from _best(evaluation, ranked)
        if tests or not controls:
            yield _tested(tests)
    else:
        yield "So no inpainter is ranked."
    yield from _false_positives(evaluation)
    yield from _unranked(evaluation, met)


def _best(evaluation: Evaluation, ranked: Sequence[InpainterSummary]) -> Iterator[str]:
    """Yield the best inpainter and the next one."""
    best, rest = ranked[0], ranked[1:]
    subject = f"{best.inpainter} hides best" if rest else f"{best.inpainter}, the only one ranked"
    images = counted(int(np.isfinite(best.values).sum()), "image")
    title = METRICS.load(evaluation.metric).title
    yield f"{subject}: {title} {best.text} over {images} and all hole sizes" + _scale(evaluation)
    if rest:
        yield f"Next is {rest[0].inpainter} with {rest[0].text}."


def _unranked(evaluation: Evaluation, met: Iterable[str]) -> Iterator[str]:
    """Yield who is not ranked: not spliced, or met in training; and for which that is unknown."""
    variants = variants_of(evaluation.run.plan)
    whole = dict.fromkeys(one.treatment for one in variants if not one.keeps_known)
    if whole:
        yield f"{', '.join(whole)}: not ranked, as known pixels are not the original's."
    names = sorted(met)
    if names:
        yield f"{', '.join(names)} {MET}: not ranked."
    yield from training_notes(evaluation.results)


def _below_null(summaries: Sequence[InpainterSummary]) -> Iterator[str]:
    """Yield the inpainters below the null, and why some are not tested."""
    below = [one.inpainter for one in summaries if one.below]
    if below:
        yield (
            f"{', '.join(below)} {MARK}: {BELOW}, AUC below the null beyond noise, so neither best "
            "nor ranked."
        )
    yield from untested_notes(one.test.reason for one in summaries if one.test)


def _scale(evaluation: Evaluation) -> str:
    """Return the end of a sentence that says what its number is read against."""
    null = evaluation.null
    if null is not None:
        text = number(null, METRICS.load(evaluation.metric).decimals)
        return f" (the null, authentic images with the same holes, is {text})."
    if evaluation.metric != RANKED:
        return "."
    reasons = (row.reason for row in evaluation.results if row.metric == NULLS[RANKED])
    why = next(filter(None, reasons), NO_NULL)
    return f" (0.5 is chance, 1 is found perfectly). {why[0].upper()}{why[1:].rstrip('.')}."


def _tested(tests: Sequence[Statistic]) -> str:
    """Return the tests of this detector, the same as below the tables."""
    if not tests:
        return f"No inpainter is tested against another: the test is of {OF} and its best rival."
    results = "; ".join(f"{one.bucket} % {rival_text(one)}" for one in tests)
    return f"{OF} against its best rival (two-sided): {results}."


def _false_positives(evaluation: Evaluation) -> Iterator[str]:
    rates = [
        row.value
        for row in evaluation.results
        if (row.launder, row.metric) == ("", "fpr") and row.value is not None
    ]
    if rates:
        yield f"It calls {100 * float(np.mean(rates)):.0f} % of the authentic images forged."
