"""A plan with everything it names found, and the jobs that come of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.core.errors import DataError
from benchmark.core.registry import Registry
from benchmark.core.weights import find_weights
from benchmark.metrics import METRICS
from benchmark.runner.jobs import (
    Chosen,
    Fill,
    Measure,
    SampleRef,
    fill_job,
    judge_job,
    measure_job,
)
from benchmark.runner.plan import Plan
from benchmark.runner.sources import Sources
from detectors import DETECTORS
from inpainters import INPAINTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A plan with everything it names found: checked before anything runs.

    Attributes:
        plan: the plan.
        sources: its pictures and masks.
        samples: every sample that should be in a table.
        inpainters: with their weights.
        detectors: with their weights.
        gaps: metrics that cannot be measured here, and why.
    """

    plan: Plan
    sources: Sources
    samples: Sequence[SampleRef]
    inpainters: tuple[Chosen, ...]
    detectors: tuple[Chosen, ...]
    gaps: dict[str, str]

    @property
    def measured(self) -> tuple[str, ...]:
        """The plan's metrics that can be measured here."""
        return tuple(name for name in self.plan.metrics if name not in self.gaps)


def prepare(plan: Plan) -> Setup:
    """Find everything that a plan names.

    Raises:
        DataError: if pictures or masks are missing or do not reach a bucket.
        WeightsError: if a model has no weights.
    """
    sources = Sources(plan)
    samples = sources.refs()
    if not samples:
        raise DataError("no picture has a mask in any of the plan's buckets")
    reasons = {name: METRICS.load(name).unavailable() for name in plan.metrics}
    return Setup(
        plan=plan,
        sources=sources,
        samples=samples,
        inpainters=_chosen(INPAINTERS, plan.inpainters, plan),
        detectors=_chosen(DETECTORS, plan.detectors, plan),
        gaps={name: reason for name, reason in reasons.items() if reason},
    )


def fills(setup: Setup, inpainter: Chosen, samples: Iterable[SampleRef]) -> list[Fill]:
    """The jobs of letting one inpainter paint some samples."""
    plan = setup.plan
    return [
        fill_job(inpainter, sample, seed=plan.seed, rounding=plan.rounding) for sample in samples
    ]


def measures(setup: Setup, fill: Fill) -> list[Measure]:
    """Everything to measure about one painted picture: alone, then with each detector."""
    kinds = {name: METRICS.load(name) for name in setup.measured}
    alone = [name for name, kind in kinds.items() if kind.needs == "filled"]
    jobs = [measure_job(name, kinds[name].revision, fill, None) for name in alone]
    for detector in setup.detectors:
        judge = judge_job(detector, fill)
        jobs += [
            measure_job(name, kind.revision, fill, judge)
            for name, kind in kinds.items()
            if kind.needs == "verdict"
        ]
    return jobs


def _chosen(registry: Registry[Any], names: Iterable[str], plan: Plan) -> tuple[Chosen, ...]:
    cards = {name: registry.card(name) for name in names}
    return tuple(
        Chosen(name=name, card=card, weights=find_weights(card, plan.weights.get(name)))
        for name, card in cards.items()
    )
