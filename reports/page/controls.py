"""What a network gains over one flat colour with the same retouching: the finding's first lines.

A detector that finds smooth areas is fooled by grain, whoever inpainted under it. So a network
hides by what it inpaints only as far as it hides better than one flat colour with the same grain.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics import METRICS
from benchmark.results.rounding import p_text, signed, signed_span
from benchmark.results.run_folder import RunFolder
from benchmark.results.significance import PairedTest, corrected, paired_tests
from benchmark.results.training_exposure import MET
from benchmark.results.variants import InpainterVariant, variants_of
from inpainters import INPAINTERS

FLAT = "meanfill"  # inpaints the known region's mean colour
_VERDICTS = {"better": "hides better", "worse": "hides worse"}


@dataclass(frozen=True, slots=True)
class Gain:
    """One network against the flat colour, both with one retouching.

    Attributes:
        painter: the network with its retouching.
        test: of the same images; the tests of one detector are one family.
    """

    painter: InpainterVariant
    test: PairedTest


def control_sentences(
    run: RunFolder,
    metric: str,
    values: Mapping[str, NDArray[np.float64]],
    *,
    beside_null: bool = False,
    met: Container[str] = frozenset(),
) -> Iterator[str]:
    """What the networks of a run gain; nothing where the run has no network that is retouched.

    Args:
        run: the run.
        metric: the metric that says how well an image hid.
        values: (N,) of it, image by image in one order, by the inpainter's name; gaps have none.
        beside_null: whether the values are distances of AUC to its null (`distance_from_null`),
            so that who is found by the inverted map does not count as hidden.
        met: names of those that the detector met in training.
    """
    wanted = [one for one in variants_of(run.plan) if one.retouch and _network(one)]
    if not wanted:
        return
    if InpainterVariant(FLAT, wanted[0].retouch) not in variants_of(run.plan):
        yield (
            f"What a network gains over one flat colour with the same retouching cannot be told: "
            f"{FLAT} is not in this run."
        )
        return
    found = sorted(gains(run, metric, values), key=lambda one: _place(run, one))
    if not found:
        yield "What a network gains over one flat colour with the same retouching: no numbers yet."
        return
    said = [
        f"with {step}, " + ", ".join(_said(one, met) for one in same)
        for step, same in groupby(found, lambda one: one.painter.retouch)
    ]
    family = f"Holm's rule over {len(found)} tests" if len(found) > 1 else "one test"
    better, worse = (sum(one.test.verdict == verdict for one in found) for verdict in _VERDICTS)
    title = METRICS.load(metric).title
    title = f"distance of {title} to the null" if beside_null else title
    yield (
        f"What does a network gain over one flat colour ({FLAT}) with the same retouching? It "
        f"hides better in {better} of {len(found)}, worse in {worse} ({title} of the same images, "
        f"{family}): {'; '.join(said)}."
    )
    if InpainterVariant(FLAT, wanted[0].retouch).name in met:
        yield (
            f"{FLAT} {MET}: the detector met it in training, so a network without this mark may "
            "hide better than the flat colour for that alone."
        )


def gains(
    run: RunFolder, metric: str, values: Mapping[str, NDArray[np.float64]]
) -> tuple[Gain, ...]:
    """Every network of a run against the flat colour with the same retouching, tested in pairs.

    Args:
        run: the run.
        metric: the metric that says how well an image hid.
        values: as in `control_sentences`.
    """
    pairs = [
        one
        for one in variants_of(run.plan)
        if one.retouch
        and _network(one)
        and one.name in values
        and InpainterVariant(FLAT, one.retouch).name in values
    ]
    if not pairs:
        return ()
    own = np.stack([values[one.name] for one in pairs], axis=1)
    flat = np.stack([values[InpainterVariant(FLAT, one.retouch).name] for one in pairs], axis=1)
    tests = paired_tests(own, flat, metrics=[metric] * len(pairs), seed=run.plan.seed)
    return tuple(Gain(one, test) for one, test in zip(pairs, corrected(tests), strict=True))


def _network(painter: InpainterVariant) -> bool:
    """A model with weights, or one that a user brought: what stands behind it is not known."""
    ours = painter.inpainter in INPAINTERS.built_in
    return painter.card.paints and not (ours and painter.card.weightless)


def _place(run: RunFolder, one: Gain) -> int:
    return run.plan.retouches.index(one.painter.retouch)


def _said(one: Gain, met: Container[str]) -> str:
    test, decimals = one.test, METRICS.load(one.test.metric).decimals
    verdict = _VERDICTS.get(test.verdict, test.verdict)
    if test.reason:
        verdict += f": {test.reason}"
    said = f"{signed(test.value, decimals)} {signed_span(test.low, test.high, decimals)}".strip()
    p = "" if test.p_holm is None else f", p {p_text(test.p_holm)}"
    mark = MET if one.painter.name in met else ""
    return f"{one.painter.inpainter}{mark} {said} ({verdict}{p})"
