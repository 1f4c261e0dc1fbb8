"""Notes from a run's statistics: lines below the paper's tables, and the text summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from textwrap import wrap

from benchmark.metrics import METRICS
from benchmark.metrics.intervals import FEW
from benchmark.results.nulls import MARK_NOTE, untested_notes
from benchmark.results.rounding import number, p_text, signed, signed_span, span
from benchmark.results.training_exposure import NOT_RANKED
from benchmark.results.variants import parse_variant
from detectors import DETECTORS
from reports.paper.bold import with_marks
from reports.paper.entries import PaperTable
from reports.statistics import Statistic, below_null

TEST = (
    "Tests: stated beforehand, SafePaint against its best rival; two-sided, paired by image; "
    "sign-flip permutation test for means, McNemar's exact test for ACC; Holm's correction of p "
    "over all hole sizes and metrics of this detector (docs/statistics.md)."
)
DIFFERENCES = (
    f"Brackets of differences: paired 95 % intervals, Student's t below {FEW} images, else "
    "bootstrap; Newcombe's for ACC. Differences without p are not tested."
)
AGREEMENT = "Rank agreement with the paper (Kendall's tau-b)"
WIDTH = 80  # characters per line of the summary
WITHIN = (5, 6)  # tables that compare a model with itself without some parts


def annotated(table: PaperTable, statistics: Sequence[Statistic]) -> PaperTable:
    """Return the table with marks and notes from the statistics of its cells.

    Args:
        table: a table of the paper with a run's numbers.
        statistics: the same run's, from `statistics_of`.
    """
    belongs = _belongs_to(table)
    here = [one for one in statistics if belongs(one)]
    table = with_marks(table, below_null(here))
    pairs = list(_pairs(here)) if table.number in WITHIN else []
    best = list(_next_best(here))
    tested = [*best, *([TEST] if best else []), *pairs]
    notes = [*_null_tests(here), *tested, *([DIFFERENCES] if tested else [])]
    notes += [*_agreement(here), *_detection(here)]
    return replace(table, notes=(*table.notes, *notes))


def summary_text(statistics: Sequence[Statistic]) -> str:
    """Return a summary of a run's statistics in lines that fit a terminal.

    Args:
        statistics: from `statistics_of`.

    Returns:
        Per data set, post-processing and detector: the best inpainters, the test of SafePaint,
        false positives.
    """
    lines: list[str] = []
    places = dict.fromkeys((one.dataset, one.launder, one.detector) for one in statistics)
    for place in places:
        here = [one for one in statistics if (one.dataset, one.launder, one.detector) == place]
        dataset, launder, detector = place
        what = f"on {_title(detector)}" if detector else "image quality"
        sentences = [
            *_best(here),
            *_met(here),
            *_next_best(here),
            *_below_null(here),
            *_false_positives(here),
        ]
        if sentences:
            lines += ["", f"{dataset}{f' after {launder}' if launder else ''}, {what}"]
        for sentence in sentences:
            lines += wrap(sentence, WIDTH, initial_indent="  ", subsequent_indent="    ")
    lines = lines or ["", "No two inpainters to compare."]
    tested = any(one.name == "next_best" for one in statistics)
    lines += ["", *(wrap(TEST, WIDTH) if tested else [])]
    more = f"All {len(statistics)} rows: bench table stats --all, or --format csv."
    return "\n".join([*lines[1:], more]) + "\n"


def _best(here: Sequence[Statistic]) -> Iterator[str]:
    """Yield the best inpainters by each metric, per mask-ratio bin."""
    ranks = [one for one in here if one.name == "rank" and one.value is not None]
    for metric in dict.fromkeys(one.metric for one in ranks):
        parts = []
        for bucket in dict.fromkeys(one.bucket for one in ranks):
            cell = [one for one in ranks if (one.bucket, one.metric) == (bucket, metric)]
            best = min((one.value or 0.0 for one in cell), default=0.0)
            names = [one.inpainter for one in cell if one.value == best]
            parts += [f"{bucket} % {' and '.join(names)}"] if names else []
        models = max(one.n for one in ranks if one.metric == metric)
        if models > 1:
            yield f"Best of {models} by {METRICS.load(metric).title}: {'; '.join(parts)}."


def _met(here: Sequence[Statistic]) -> Iterator[str]:
    names = dict.fromkeys(one.inpainter for one in here if one.reason == NOT_RANKED)
    if names:
        yield f"{', '.join(names)}: {NOT_RANKED}."


def _below_null(here: Sequence[Statistic]) -> Iterator[str]:
    found = [one for one in here if one.name == "against_null" and one.verdict == "better"]
    if found:
        where = "; ".join(f"{one.inpainter} at {one.bucket} %" for one in found)
        yield f"Found by the inverted heatmap, AUC below the null: {where}."


def _false_positives(here: Sequence[Statistic]) -> Iterator[str]:
    """Yield the false-positive rate of the detector on authentic images."""
    found = [one for one in here if one.name == "fpr" and one.value is not None]
    if found:
        rates = "; ".join(
            f"{one.bucket} % {number(one.value, 2)} {span(one.low, one.high, 2)}".strip()
            for one in found
        )
        yield f"False-positive rate on authentic images: {rates}."


def _belongs_to(table: PaperTable) -> Callable[[Statistic], bool]:
    """Return a filter for statistics of the cells, metrics and models of a table."""
    rows = [entry.ours for entry in table.entries if entry.ours]
    cells = {(row.dataset, row.launder, row.detector, row.bucket) for row in rows}
    metrics = {entry.place.metric for entry in table.entries} | {"score"}
    models = {line.model for line in table.lines} | {""}
    return lambda one: (
        (one.dataset, one.launder, one.detector, one.bucket) in cells
        and one.metric in metrics
        and one.inpainter in models
        and (one.against in models or one.name == "against_null")
    )


def _null_tests(here: Sequence[Statistic]) -> Iterator[str]:
    """Yield notes on the tests against the null: what the mark means, why some are not tested."""
    if below_null(here):
        yield MARK_NOTE
    yield from untested_notes(one.reason for one in here if one.name == "against_null")


def _next_best(here: Sequence[Statistic]) -> Iterator[str]:
    for title, ones in _by_metric(here, "next_best"):
        reasons = {one.reason for one in ones if one.verdict == "not tested"}
        alike = len(reasons) == 1 and all(one.verdict == "not tested" for one in ones)
        results = _each(ones, _rival if alike else rival_text)
        once = f"; not tested ({reasons.pop()})" if alike else ""
        yield f"{_name(ones[0].inpainter)} against its best rival, {title}: {results}{once}."


def _rival(one: Statistic) -> str:
    return f"{_difference(one)} to {_name(one.against)}"


def rival_text(one: Statistic) -> str:
    """Return the difference to the best rival with the result of its test."""
    result = f"{_rival(one)}, {one.verdict}"
    if one.verdict == "not tested":
        return f"{result} ({one.reason})"
    return f"{result} (p {p_text(one.p)}, Holm {p_text(one.p_holm)})"


def _difference(one: Statistic) -> str:
    decimals = METRICS.load(one.metric).decimals
    return f"{signed(one.value, decimals)} {signed_span(one.low, one.high, decimals)}".strip()


def _pairs(here: Sequence[Statistic]) -> Iterator[str]:
    """Yield one line per model with and without a part, with all metrics."""
    ones = [one for one in here if one.name == "difference"]
    keys = dict.fromkeys((one.detector, one.inpainter, one.against) for one in ones)
    for detector, inpainter, against in keys:
        key = (detector, inpainter, against)
        same = [one for one in ones if (one.detector, one.inpainter, one.against) == key]
        parts = [f"{METRICS.load(one.metric).title} {_difference(one)}" for one in same]
        pair = f"{_name(inpainter)} against {_name(against)} on {_title(detector)}"
        yield f"{pair}: {'; '.join(parts)}."


def _agreement(here: Sequence[Statistic]) -> Iterator[str]:
    missing: dict[str, list[str]] = {}  # titles by reason
    for title, ones in _by_metric(here, "kendall_tau_b"):
        reasons = {one.reason for one in ones}
        if all(one.value is None for one in ones) and len(reasons) == 1:
            missing.setdefault(ones[0].reason, []).append(title)
            continue
        yield f"{AGREEMENT}, {title}: {_each(ones, _tau)}."
    for reason, titles in missing.items():
        yield f"{AGREEMENT}, {'; '.join(titles)}: not computed ({reason})."


def _tau(one: Statistic) -> str:
    if one.value is None:
        return f"- ({one.reason})"
    return f"{number(one.value, 2)} over {one.n} models"


def _detection(here: Sequence[Statistic]) -> Iterator[str]:
    """Yield one line per detector and inpainter: inpainted against authentic images."""
    kinds = ("image_auc", "acc_at_5", "balanced_accuracy")
    ones = [one for one in here if one.name in kinds]
    for detector, inpainter in dict.fromkeys((one.detector, one.inpainter) for one in ones):
        mine = [one for one in ones if (one.detector, one.inpainter) == (detector, inpainter)]
        parts = [
            f"{bucket} % {' '.join(number(one.value, 2) for one in same)}"
            for bucket, same in groupby(mine, lambda one: one.bucket)
        ]
        reasons = dict.fromkeys(f" (-: {one.reason})" for one in mine if one.reason)
        yield (
            f"{_name(inpainter)} against authentic images on {_title(detector)} (image AUC, "
            f"detection at 5 % false positives, balanced accuracy): {'; '.join(parts)}"
            f"{''.join(reasons)}."
        )


def _by_metric(here: Sequence[Statistic], name: str) -> Iterator[tuple[str, list[Statistic]]]:
    ones = [one for one in here if one.name == name]
    for detector, metric in dict.fromkeys((one.detector, one.metric) for one in ones):
        title = METRICS.load(metric).title
        prefix = f"{_title(detector)}, " if detector else ""
        same = [one for one in ones if (one.detector, one.metric) == (detector, metric)]
        yield f"{prefix}{title}", same


def _each(ones: Sequence[Statistic], text: Callable[[Statistic], str]) -> str:
    return "; ".join(f"{one.bucket} % {text(one)}" for one in ones)


def _name(inpainter: str) -> str:
    return parse_variant(inpainter).reported or inpainter


def _title(detector: str) -> str:
    return DETECTORS.card(detector).reported or detector
