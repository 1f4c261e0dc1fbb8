"""What the statistics of a run say beneath a table of the paper, in lines."""

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
from reports.paper.tables import PaperTable
from reports.statistics import Statistic, inverted

TEST = (
    "Tests: stated beforehand, SafePaint against its best rival; two-sided, paired by image; signs "
    "flipped at random for means, McNemar's exact test for ACC; Holm corrects p over all hole "
    "sizes and metrics of this detector. docs/statistics.md has it all."
)
DIFFERENCES = (
    f"Brackets of differences: paired 95 % intervals, Student's t below {FEW} images, else "
    "bootstrap; Newcombe's for ACC. Differences without p are not tested."
)
WIDTH = 80  # of a summary, in characters
WITHIN = (5, 6)  # tables of models with and without parts


def annotated(table: PaperTable, statistics: Sequence[Statistic]) -> PaperTable:
    """The table with what the statistics of its cells say added to its notes.

    Args:
        table: a table of the paper with a run's numbers.
        statistics: the same run's, from `statistics_of`.
    """
    belongs = _belonging(table)
    here = [one for one in statistics if belongs(one)]
    table = with_marks(table, inverted(here))
    pairs = list(_pairs(here)) if table.number in WITHIN else []
    best = list(_next_best(here))
    tested = [*best, *([TEST] if best else []), *pairs]
    said = [*_below(here), *tested, *([DIFFERENCES] if tested else [])]
    said += [*_agreement(here), *_detection(here)]
    return replace(table, notes=(*table.notes, *said))


def summarised(statistics: Sequence[Statistic]) -> str:
    """What the statistics of a run come to, for a reader, in lines that fit a terminal.

    Args:
        statistics: from `statistics_of`.

    Returns:
        Per data set, laundering and detector: who is best, the test of SafePaint, false alarms.
    """
    lines: list[str] = []
    places = dict.fromkeys((one.dataset, one.launder, one.detector) for one in statistics)
    for place in places:
        here = [one for one in statistics if (one.dataset, one.launder, one.detector) == place]
        dataset, launder, detector = place
        whose = f"on {_judge(detector)}" if detector else "of the images themselves"
        sayings = [
            *_firsts(here),
            *_met(here),
            *_next_best(here),
            *_below_null(here),
            *_alarms(here),
        ]
        if sayings:
            lines += ["", f"{dataset}{f' after {launder}' if launder else ''}, {whose}"]
        for said in sayings:
            lines += wrap(said, WIDTH, initial_indent="  ", subsequent_indent="    ")
    lines = lines or ["", "No two inpainters to compare."]
    tested = any(one.name == "next_best" for one in statistics)
    lines += ["", *(wrap(TEST, WIDTH) if tested else [])]
    more = f"All {len(statistics)} rows: bench table stats --all, or --format csv."
    return "\n".join([*lines[1:], more]) + "\n"


def _firsts(here: Sequence[Statistic]) -> Iterator[str]:
    """Who is best by each metric, size by size."""
    ranks = [one for one in here if one.name == "rank" and one.value is not None]
    for metric in dict.fromkeys(one.metric for one in ranks):
        said = []
        for bucket in dict.fromkeys(one.bucket for one in ranks):
            cell = [one for one in ranks if (one.bucket, one.metric) == (bucket, metric)]
            best = min((one.value or 0.0 for one in cell), default=0.0)
            names = [one.inpainter for one in cell if one.value == best]
            said += [f"{bucket} % {' and '.join(names)}"] if names else []
        models = max(one.n for one in ranks if one.metric == metric)
        if models > 1:
            yield f"Best of {models} by {METRICS.load(metric).title}: {'; '.join(said)}."


def _met(here: Sequence[Statistic]) -> Iterator[str]:
    names = dict.fromkeys(one.inpainter for one in here if one.reason == NOT_RANKED)
    if names:
        yield f"{', '.join(names)}: {NOT_RANKED}."


def _below_null(here: Sequence[Statistic]) -> Iterator[str]:
    found = [one for one in here if one.name == "against_null" and one.verdict == "better"]
    if found:
        said = "; ".join(f"{one.inpainter} at {one.bucket} %" for one in found)
        yield f"Found by the inverted map, its AUC below the null: {said}."


def _alarms(here: Sequence[Statistic]) -> Iterator[str]:
    """How often the detector fires on untouched images."""
    found = [one for one in here if one.name == "fpr" and one.value is not None]
    if found:
        said = "; ".join(
            f"{one.bucket} % {number(one.value, 2)} {span(one.low, one.high, 2)}".strip()
            for one in found
        )
        yield f"False alarms on untouched images: {said}."


def _belonging(table: PaperTable) -> Callable[[Statistic], bool]:
    """Whether a statistic is of the cells, metrics and models of a table."""
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


def _below(here: Sequence[Statistic]) -> Iterator[str]:
    """What became of the test against the null, where it marks something or tests nothing."""
    if inverted(here):
        yield MARK_NOTE
    yield from untested_notes(one.reason for one in here if one.name == "against_null")


def _next_best(here: Sequence[Statistic]) -> Iterator[str]:
    for title, ones in _by_metric(here, "next_best"):
        reasons = {one.reason for one in ones if one.verdict == "not tested"}
        alike = len(reasons) == 1 and all(one.verdict == "not tested" for one in ones)
        said = _each(ones, _rival if alike else beats)
        once = f"; not tested ({reasons.pop()})" if alike else ""
        yield f"{_name(ones[0].inpainter)} against its best rival, {title}: {said}{once}."


def _rival(one: Statistic) -> str:
    return f"{_apart(one)} to {_name(one.against)}"


def beats(one: Statistic) -> str:
    """A difference to the best rival with its verdict, in words."""
    said = f"{_rival(one)}, {one.verdict}"
    if one.verdict == "not tested":
        return f"{said} ({one.reason})"
    return f"{said} (p {p_text(one.p)}, Holm {p_text(one.p_holm)})"


def _apart(one: Statistic) -> str:
    decimals = METRICS.load(one.metric).decimals
    return f"{signed(one.value, decimals)} {signed_span(one.low, one.high, decimals)}".strip()


def _pairs(here: Sequence[Statistic]) -> Iterator[str]:
    """A model against itself without some of its parts: all metrics in a line."""
    ones = [one for one in here if one.name == "difference"]
    keys = dict.fromkeys((one.detector, one.inpainter, one.against) for one in ones)
    for key in keys:
        same = [one for one in ones if (one.detector, one.inpainter, one.against) == key]
        said = [f"{METRICS.load(one.metric).title} {_apart(one)}" for one in same]
        judge, model, part = _judge(key[0]), _name(key[1]), _name(key[2])
        yield f"{model} against {part} on {judge}: {'; '.join(said)}."


def _agreement(here: Sequence[Statistic]) -> Iterator[str]:
    untold: dict[str, list[str]] = {}  # titles by reason
    for title, ones in _by_metric(here, "kendall_tau_b"):
        reasons = {one.reason for one in ones}
        if all(one.value is None for one in ones) and len(reasons) == 1:
            untold.setdefault(ones[0].reason, []).append(title)
            continue
        yield f"Order of models and the paper's (Kendall's tau-b), {title}: {_each(ones, _tau)}."

    for reason, titles in untold.items():
        whose = "; ".join(titles)
        yield f"Order of models and the paper's (Kendall's tau-b), {whose}: - ({reason})."


def _tau(one: Statistic) -> str:
    if one.value is None:
        return f"- ({one.reason})"
    return f"{number(one.value, 2)} over {one.n} models"


def _detection(here: Sequence[Statistic]) -> Iterator[str]:
    """One line per detector and inpainter: inpainted images against untouched ones."""
    kinds = ("image_auc", "acc_at_5", "balanced_accuracy")
    ones = [one for one in here if one.name in kinds]
    for detector, inpainter in dict.fromkeys((one.detector, one.inpainter) for one in ones):
        mine = [one for one in ones if (one.detector, one.inpainter) == (detector, inpainter)]
        said = [
            f"{bucket} % {' '.join(number(one.value, 2) for one in same)}"
            for bucket, same in groupby(mine, lambda one: one.bucket)
        ]
        reasons = dict.fromkeys(f" (-: {one.reason})" for one in mine if one.reason)
        yield (
            f"{_name(inpainter)} against untouched images on {_judge(detector)} (image AUC, "
            f"detection at 5 % false alarms, balanced accuracy): {'; '.join(said)}"
            f"{''.join(reasons)}."
        )


def _by_metric(here: Sequence[Statistic], name: str) -> Iterator[tuple[str, list[Statistic]]]:
    ones = [one for one in here if one.name == name]
    for detector, metric in dict.fromkeys((one.detector, one.metric) for one in ones):
        title = METRICS.load(metric).title
        judge = f"{_judge(detector)}, " if detector else ""
        same = [one for one in ones if (one.detector, one.metric) == (detector, metric)]
        yield f"{judge}{title}", same


def _each(ones: Sequence[Statistic], said: Callable[[Statistic], str]) -> str:
    return "; ".join(f"{one.bucket} % {said(one)}" for one in ones)


def _name(inpainter: str) -> str:
    return parse_variant(inpainter).reported or inpainter


def _judge(detector: str) -> str:
    return DETECTORS.card(detector).reported or detector
