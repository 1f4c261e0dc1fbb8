"""Control experiment: what a network gains over a flat color with the same retouching.

A detector of smooth areas misses any hole with added noise, whatever the inpainter. So only the
part by which a network hides better than a flat color with the same noise is due to its output.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType

import numpy as np

from benchmark.metrics import METRICS
from benchmark.metrics.intervals import Values
from benchmark.results.rounding import p_text, signed, signed_span
from benchmark.results.run_folder import RunFolder
from benchmark.results.significance import PairedTest, corrected, paired_tests
from benchmark.results.training_exposure import MET
from benchmark.results.variants import InpainterVariant, variants_of
from inpainters import INPAINTERS

FLAT = "meanfill"  # inpaints the mean color of the known region
_RESULTS = MappingProxyType({"better": "hides better", "worse": "hides worse"})


@dataclass(frozen=True, slots=True)
class Gain:
    """Test of one network against another image of the same sample.

    That is the flat color with the same treatment, or the network's own image with another one.

    Attributes:
        painter: the network with its treatment.
        test: paired by image; the tests of one detector are one family.
    """

    painter: InpainterVariant
    test: PairedTest


def control_sentences(
    run: RunFolder,
    metric: str,
    values: Mapping[str, Values],
    *,
    beside_null: bool = False,
    met: Container[str] = frozenset(),
) -> Iterator[str]:
    """Yield what the networks of a run gain; nothing if no network is retouched.

    Args:
        run: the run.
        metric: name of the detection metric.
        values: (N,) per-image values in the same order, by the inpainter's name, without gaps.
        beside_null: whether the values are distances of AUC to the null
            (`results.nulls.distance_from_null`): an inpainter that the inverted heatmap finds is
            not hidden.
        met: names of inpainters that the detector met in training.
    """
    wanted = [one for one in variants_of(run.plan) if one.retouch and is_network(one)]
    if not wanted:
        return
    if _flat(wanted[0]) not in variants_of(run.plan):
        yield (
            f"The gain of a network over a flat color with the same retouching cannot be computed: "
            f"{FLAT} is not in this run."
        )
        return
    found = sorted(gains(run, metric, values), key=lambda one: _place(run, one))
    if not found:
        yield "Gain of a network over a flat color with the same retouching: no numbers yet."
        return
    parts = [
        f"with {step}, " + ", ".join(gain_text(one, met) for one in same)
        for step, same in groupby(found, lambda one: one.painter.treatment)
    ]
    family = f"Holm's rule over {len(found)} tests" if len(found) > 1 else "one test"
    better, worse = (sum(one.test.verdict == verdict for one in found) for verdict in _RESULTS)
    title = METRICS.load(metric).title
    title = f"distance of {title} to the null" if beside_null else title
    yield (
        f"What does a network gain over a flat color ({FLAT}) with the same retouching? It "
        f"hides better in {better} of {len(found)}, worse in {worse} ({title} of the same images, "
        f"{family}): {'; '.join(parts)}."
    )
    if _flat(wanted[0]).name in met:
        yield (
            f"{FLAT} {MET}: the detector met it in training, so a network without this mark may "
            "hide better than the flat color for that reason alone."
        )


def gains(run: RunFolder, metric: str, values: Mapping[str, Values]) -> tuple[Gain, ...]:
    """Test every network of a run against the flat color with the same retouching.

    Args:
        run: the run.
        metric: name of the detection metric.
        values: as in `control_sentences`.
    """
    pairs = [
        one
        for one in variants_of(run.plan)
        if one.retouch and is_network(one) and one.name in values and _flat(one).name in values
    ]
    return paired_gains(run, metric, values, {one: _flat(one) for one in pairs})


def paired_gains(
    run: RunFolder,
    metric: str,
    values: Mapping[str, Values],
    pairs: Mapping[InpainterVariant, InpainterVariant],
) -> tuple[Gain, ...]:
    """Test variants of inpainters against others, as one family.

    Args:
        run: the run.
        metric: name of the detection metric.
        values: as in `control_sentences`.
        pairs: the variant that each is tested against; all have values.
    """
    if not pairs:
        return ()
    own = np.stack([values[one.name] for one in pairs], axis=1)
    other = np.stack([values[one.name] for one in pairs.values()], axis=1)
    tests = paired_tests(own, other, metrics=[metric] * len(pairs), seed=run.plan.seed)
    return tuple(Gain(one, test) for one, test in zip(pairs, corrected(tests), strict=True))


def _flat(painter: InpainterVariant) -> InpainterVariant:
    """Return the flat color with the same treatment."""
    return InpainterVariant(FLAT, painter.retouch, painter.composite)


def is_network(painter: InpainterVariant) -> bool:
    """Return whether it is a model with weights, or an external one, which may have some."""
    ours = painter.inpainter in INPAINTERS.built_in
    return painter.card.paints and not (ours and painter.card.weightless)


def _place(run: RunFolder, one: Gain) -> int:
    return run.plan.treatments_of(one.painter.card).index(one.painter.treatment)


def gain_text(one: Gain, met: Container[str], results: Mapping[str, str] = _RESULTS) -> str:
    """Return a test in words, such as "lama -0.0513 [-0.1, -0.01] (hides better, p 0.031)"."""
    test, decimals = one.test, METRICS.load(one.test.metric).decimals
    result = results.get(test.verdict, test.verdict)
    if test.reason:
        result += f": {test.reason}"
    gain = f"{signed(test.value, decimals)} {signed_span(test.low, test.high, decimals)}".strip()
    p = "" if test.p_holm is None else f", p {p_text(test.p_holm)}"
    mark = MET if one.painter.name in met else ""
    return f"{one.painter.inpainter}{mark} {gain} ({result}{p})"
