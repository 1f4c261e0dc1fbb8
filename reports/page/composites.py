"""Spliced against regenerated: what changes if the known pixels are not put back.

What a detector finds with `splice` and not with `none` is due to the authentic pixels around the
hole; `feather` says how much of it is the sharp border. What it still finds with `none` is due to
the inpainted texture.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType

from benchmark.metrics import METRICS
from benchmark.metrics.intervals import Values
from benchmark.results.run_folder import RunFolder
from benchmark.results.variants import InpainterVariant, variants_of
from reports.page.controls import gain_text, is_network, paired_gains

_RESULTS = MappingProxyType({"better": "found less", "worse": "found more"})


def composite_sentences(
    run: RunFolder,
    metric: str,
    values: Mapping[str, Values],
    *,
    beside_null: bool = False,
    met: Container[str] = frozenset(),
) -> Iterator[str]:
    """Yield the difference of every composite of a network to its spliced image.

    Args:
        run: the run.
        metric: name of the detection metric.
        values: (N,) per-image values in the same order, by the inpainter's name, without gaps.
        beside_null: whether the values are distances of AUC to the null.
        met: names of inpainters that the detector met in training.
    """
    pairs = {
        one: InpainterVariant(one.inpainter, one.retouch)
        for one in variants_of(run.plan)
        if one.composite and is_network(one) and one.name in values
    }
    pairs = {one: spliced for one, spliced in pairs.items() if spliced.name in values}
    found = paired_gains(run, metric, values, pairs)
    if not found:
        return
    order = {step: place for place, step in enumerate(run.plan.composite)}
    found = tuple(sorted(found, key=lambda one: order[one.painter.composite]))
    reasons = dict.fromkeys(one.test.reason for one in found if one.test.reason)
    found = tuple(replace(one, test=replace(one.test, reason="")) for one in found)
    parts = [
        f"with {treatment}, " + ", ".join(gain_text(one, met, _RESULTS) for one in same)
        for treatment, same in groupby(found, lambda one: one.painter.treatment)
    ]
    family = f"Holm's rule over {len(found)} tests" if len(found) > 1 else "one test"
    title = METRICS.load(metric).title
    title = f"distance of {title} to the null" if beside_null else title
    yield (
        "How much of what it finds is the contrast with authentic pixels around the hole (none has "
        "no such pixels) or the sharp border (feather has none), and not the inpainted texture? "
        f"Each network against its own spliced images ({title} of the same images, {family}): "
        f"{'; '.join(parts)}." + "".join(f" Not tested: {reason}." for reason in reasons)
    )
