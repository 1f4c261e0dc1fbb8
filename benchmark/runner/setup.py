"""A plan with everything it names found, and the jobs that come of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.core.card import Card
from benchmark.core.errors import DataError, MissingWeights
from benchmark.core.registry import Registry
from benchmark.core.weights import Weights, find_weights
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
from benchmark.runner.shard import WHOLE, Shard
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
        all_inpainters: every one of the plan, with its weights or why it has none.
        all_detectors: likewise.
        gaps: metrics that cannot be measured here, and why.
    """

    plan: Plan
    sources: Sources
    samples: Sequence[SampleRef]
    all_inpainters: tuple[Chosen, ...]
    all_detectors: tuple[Chosen, ...]
    gaps: dict[str, str]

    @property
    def inpainters(self) -> tuple[Chosen, ...]:
        """Those that have weights here: they run."""
        return tuple(one for one in self.all_inpainters if not one.absent)

    @property
    def detectors(self) -> tuple[Chosen, ...]:
        """Those that have weights here: they run."""
        return tuple(one for one in self.all_detectors if not one.absent)

    @property
    def absent(self) -> tuple[Chosen, ...]:
        """Those that have none: their cells are gaps."""
        return tuple(one for one in (*self.all_inpainters, *self.all_detectors) if one.absent)

    @property
    def launders(self) -> tuple[str, ...]:
        """What the detectors look at: "" for the pictures as painted, then each step."""
        return ("", *self.plan.launder)

    @property
    def measured(self) -> tuple[str, ...]:
        """The plan's metrics that can be measured here."""
        return tuple(name for name in self.plan.metrics if name not in self.gaps)


def prepare(plan: Plan, shard: Shard | None = None) -> Setup:
    """Find everything that a plan names.

    Args:
        plan: the plan.
        shard: which share of its pictures, or None for all.

    Raises:
        DataError: if pictures or masks are missing or do not reach a bucket.
        WeightsError: if no inpainter, or none of the detectors wanted, has weights, or if weights
            that the plan names cannot be used.
    """
    sources = Sources(plan)
    samples = sources.refs(shard or WHOLE)
    if not samples and shard:
        raise DataError(f"--shard {shard.label}: more shards than pictures; take fewer")
    if not samples:
        raise DataError("no picture has a mask in any of the plan's buckets")
    reasons = {name: METRICS.load(name).unavailable() for name in plan.metrics}
    return Setup(
        plan=plan,
        sources=sources,
        samples=samples,
        all_inpainters=choose(INPAINTERS, plan.inpainters, plan),
        all_detectors=choose(DETECTORS, plan.detectors, plan),
        gaps={name: reason for name, reason in reasons.items() if reason},
    )


def fills(setup: Setup, inpainter: Chosen, samples: Iterable[SampleRef]) -> list[Fill]:
    """The jobs of letting one inpainter paint some samples."""
    plan = setup.plan
    return [
        fill_job(inpainter, sample, seed=plan.seed, rounding=plan.rounding, blind=plan.hole_blind)
        for sample in samples
    ]


def measures(setup: Setup, fill: Fill) -> list[Measure]:
    """Everything to measure about one painted picture: alone, then as each detector saw it."""
    kinds = {name: METRICS.load(name) for name in setup.measured}
    alone = [name for name, kind in kinds.items() if kind.needs == "filled"]
    jobs = [measure_job(name, kinds[name].revision, fill, None) for name in alone]
    for detector in setup.detectors:
        for launder in setup.launders:
            judge = judge_job(detector, fill, launder)
            jobs += [
                measure_job(name, kind.revision, fill, judge)
                for name, kind in kinds.items()
                if kind.needs == "verdict"
            ]
    return jobs


def choose(registry: Registry[Any], names: Sequence[str], plan: Plan) -> tuple[Chosen, ...]:
    """Models of a plan with their weights; those that have none here are marked absent.

    Raises:
        WeightsError: if all of them are absent, or weights that the plan names cannot be used.
    """
    found = tuple(_choice(registry.card(name), plan) for name in names)
    if found and all(model.absent for model in found):
        raise MissingWeights(found[0].absent)
    return found


def _choice(card: Card, plan: Plan) -> Chosen:
    wanted = plan.weights.get(card.name)
    try:
        weights = find_weights(card, wanted)
    except MissingWeights as error:
        if wanted is not None:
            raise
        return Chosen(
            name=card.name, card=card, weights=Weights(edition="absent"), absent=str(error)
        )
    if card.weightless:  # no network, nothing to tune, and nothing to compute anew
        return Chosen(name=card.name, card=card, weights=weights)
    return Chosen(
        name=card.name,
        card=card,
        weights=weights,
        precision=plan.precision,
        compiled=plan.compile,
    )
