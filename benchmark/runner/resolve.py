"""A plan with everything it names found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from benchmark.core.checkpoints.resolve import Weights, find_weights
from benchmark.core.errors import DataError, MissingWeights, PlanError
from benchmark.core.external.files import Terms
from benchmark.core.registry import Registry
from benchmark.core.training_exposure import met_by
from benchmark.metrics import METRICS, OF_UNTOUCHED, nulls_of
from benchmark.postprocess import PostProcess
from benchmark.runner.jobs import (
    ResolvedModel,
    SampleRef,
    names_of,
    piece_of,
)
from benchmark.runner.outcome import Failure
from benchmark.runner.plan import Plan
from benchmark.runner.shard import WHOLE, Shard
from benchmark.runner.sources import Sources
from detectors import DETECTORS, create_detector
from inpainters import INPAINTERS, create_inpainter

if TYPE_CHECKING:  # loads torch, which a finished run never needs
    from detectors.external.heatmaps import Heatmaps
    from inpainters.external.outputs import Outputs

COLUMNS = (  # of samples.csv, before those of the metrics
    "dataset", "launder", "sample", "mask_ratio_percent", "mask", "inpainter", "retouch",
    "detector", "score", "original_key", "mask_key", "image_key", "heatmap_key",
)  # fmt: skip
ORIGINAL = "original"  # the inpainter that leaves the image as it is: the null is measured of it
_UNASKED = ("heatmaps", "cmd")  # a user's files and programs: nothing is asked of them unasked
_NOTHING = np.empty((0, 0, 3), np.uint8)  # where an image's names alone are asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedPlan:
    """A plan with everything it names found: checked before anything runs.

    Attributes:
        plan: the plan.
        sources: its images and masks.
        samples: every sample that should be in a table.
        alike: names that samples of one data set share but for case and signs, as `alike_of` has
            them.
        failures: samples whose files cannot be read, or whose own mask cannot be used.
        all_inpainters: every one of the plan, with its weights or why it has none.
        all_detectors: likewise.
        gaps: metrics that cannot be measured here, and why.
        own: the inpainters, by name, each of whose answers has a file of its own.
        seen_own: the detectors likewise.
        original: the inpainter that leaves images as they are; the samples' images are stored as
            its answers.
        untouched: the same where the null is measured of it, be it among the plan's inpainters or
            not; None where the plan has no detector, or no metric of a detector's answer.
        met: by detector the inpainters that its weights met in training, or None where that is not
            known; never part of a key.
    """

    plan: Plan
    sources: Sources
    samples: Sequence[SampleRef]
    all_inpainters: tuple[ResolvedModel, ...]
    all_detectors: tuple[ResolvedModel, ...]
    gaps: dict[str, str]
    original: ResolvedModel
    failures: tuple[Failure, ...] = ()
    alike: frozenset[str] = frozenset()
    own: Mapping[str, Outputs] = field(default_factory=dict)
    heatmap_folders: Mapping[str, Heatmaps] = field(default_factory=dict)
    untouched: ResolvedModel | None = None
    met: Mapping[str, frozenset[str] | None] = field(default_factory=dict)

    @property
    def inpainters(self) -> tuple[ResolvedModel, ...]:
        """Those that have weights here: they run."""
        return tuple(one for one in self.all_inpainters if not one.absent)

    @property
    def detectors(self) -> tuple[ResolvedModel, ...]:
        """Those that have weights here: they run."""
        return tuple(one for one in self.all_detectors if not one.absent)

    @property
    def extra_null_inpainter(self) -> ResolvedModel | None:
        """`original` where only the null needs it, without retouching; else None."""
        if self.untouched is None or self.original_in_plan:
            return None
        return (
            self.untouched
            if any(not self.null_omitted_reason(one) for one in self.detectors)
            else None
        )

    @property
    def original_in_plan(self) -> bool:
        """Whether the plan itself has the untouched images: `original` without retouching."""
        return ORIGINAL in self.plan.inpainter_names and "" in self.retouches

    def detectors_of(self, inpainter: ResolvedModel, retouch: str) -> tuple[ResolvedModel, ...]:
        """The detectors that run and look at what an inpainter made, with one retouching.

        Untouched images that only the null needs are not shown to a user's program, nor looked for
        among a user's heatmaps.
        """
        if inpainter.name != ORIGINAL or retouch or self.original_in_plan:
            return self.detectors
        return tuple(one for one in self.detectors if not self.null_omitted_reason(one))

    def null_omitted_reason(self, detector: ResolvedModel) -> str:
        """Why a detector has no null in this run, or ""."""
        scheme = DETECTORS.find(detector.word).scheme
        if self.original_in_plan or scheme not in _UNASKED:
            return ""
        return (
            f"a {scheme}: detector is asked about untouched images only with {ORIGINAL} among the "
            "inpainters; without them ranks go by AUC itself"
        )

    @property
    def null_names(self) -> tuple[str, ...]:
        """The null metrics that the run measures of the untouched images."""
        return nulls_of(self.plan.metrics) if self.untouched else ()

    @property
    def absent(self) -> tuple[ResolvedModel, ...]:
        """Those that have none: their cells are gaps."""
        return tuple(one for one in (*self.all_inpainters, *self.all_detectors) if one.absent)

    @property
    def launders(self) -> tuple[str, ...]:
        """What the detectors look at: "" for the images as inpainted, then each step."""
        return ("", *self.plan.launder)

    @property
    def retouches(self) -> tuple[str, ...]:
        """What is done to each hole after its inpainter, "" for nothing."""
        return self.plan.retouches

    @property
    def several(self) -> frozenset[str]:
        """Of what the plan has more than one: names of files made elsewhere have to tell."""
        counts = {
            "inpainter": len(self.plan.inpainters) * len(self.retouches),
            "dataset": len(self.plan.datasets),
            "bucket": len(self.plan.buckets),
        }
        return frozenset(name for name, count in counts.items() if count > 1)

    def terms(
        self, *, timeout: float = 0.0, logs: Path | None = None, env: tuple[str, ...] = ()
    ) -> Terms:
        """On what terms programs and folders outside are used; time and logs change no answer."""
        return Terms(
            recomposite=self.plan.recomposite,
            timeout=timeout,
            logs=logs,
            env=env,
            several=self.several,
            alike=self.alike,
        )

    @property
    def measured(self) -> tuple[str, ...]:
        """The plan's metrics that can be measured here."""
        return tuple(name for name in self.plan.metrics if name not in self.gaps)

    def measured_of(self, inpainter: ResolvedModel, retouch: str) -> tuple[str, ...]:
        """What is measured of one inpainter with one retouching: the plan's metrics, and of the
        untouched images the nulls.
        """
        names = tuple(metric_of(name, inpainter, retouch) for name in self.measured)
        if inpainter.name != ORIGINAL or retouch:
            return names
        return (*(names if self.original_in_plan else ()), *self.null_names)


def resolve_plan(plan: Plan, shard: Shard | None = None) -> ResolvedPlan:
    """Find everything that a plan names.

    Args:
        plan: the plan.
        shard: which share of its images, or None for all.

    Raises:
        DataError: if images or masks are missing or do not reach a bucket.
        WeightsError: if no inpainter, or none of the detectors wanted, has weights, or if weights
            that the plan names cannot be used.
        ExternalError: if a model that a user brought cannot be used.
        PlanError: if holes of images that are made already are to be inpainted over.
    """
    _refuse_names(plan.metrics)
    sources = Sources(plan)
    plan = plan.model_copy(update={"buckets": sources.buckets})
    samples = sources.refs(shard or WHOLE)
    failures = sources.failures(shard or WHOLE)
    if not samples and failures and not shard:
        raise DataError(f"none of the samples can be used; the first: {failures[0].reason}")
    if not samples and shard and not failures:
        raise DataError(f"--shard {shard.label}: more shards than images; take fewer")
    if not samples and not failures:
        raise DataError("no image has a mask in any of the plan's buckets")
    inpainters = resolve_models(INPAINTERS, plan.inpainters, plan)
    detectors = resolve_models(DETECTORS, plan.detectors, plan)
    _refuse_small(plan, inpainters, detectors)
    original = _choice(INPAINTERS, ORIGINAL, plan)
    has_null = plan.detectors and nulls_of(plan.metrics)
    reasons = {name: METRICS.load(name).unavailable() for name in plan.metrics}
    return ResolvedPlan(
        plan=plan,
        sources=sources,
        samples=samples,
        failures=tuple(failures),
        alike=sources.alike,
        all_inpainters=inpainters,
        all_detectors=detectors,
        gaps={name: reason for name, reason in reasons.items() if reason},
        own=_made_elsewhere(inpainters, plan),
        heatmap_folders=_said_elsewhere(detectors),
        original=original,
        untouched=original if has_null else None,
        met={one.name: training_exposure_of(one) for one in detectors},
    )


def training_exposure_of(detector: ResolvedModel) -> frozenset[str] | None:
    """The inpainters whose forgeries a run's detector learned from; None where it is not known.

    One without weights learned from nothing. Of official weights, and of what users bring, nothing
    is known.
    """
    if detector.source or detector.absent:
        return None
    if detector.card.weightless:
        return frozenset()
    path = detector.weights.path
    return met_by(path) if path is not None and path.suffix == ".safetensors" else None


def metric_of(name: str, inpainter: ResolvedModel, retouch: str) -> str:
    """What stands in for a plan's metric where an inpainter leaves images as they are."""
    return name if inpainter.card.paints or retouch else OF_UNTOUCHED.get(name, name)


def _refuse_names(metrics: Iterable[str]) -> None:
    """Refuse metrics whose columns in samples.csv could be another's."""
    for name in metrics:
        if "." in name or name in COLUMNS:
            raise PlanError(
                f"metric {name!r}: expected a name without a dot that is none of samples.csv's "
                f"columns ({', '.join(COLUMNS)}); give the plugin's entry point another"
            )


def _refuse_small(
    plan: Plan, inpainters: Iterable[ResolvedModel], detectors: Iterable[ResolvedModel]
) -> None:
    """Refuse a size that no sample can pass, before anything runs."""
    if plan.size == "native":
        return
    side = plan.size
    for one in inpainters:
        if side < one.card.min_side:
            raise PlanError(
                f"--size {side}: {one.name} takes images of at least {one.card.min_side} pixels a "
                "side; take a larger --size or leave it out"
            )
    for one in detectors:
        for step in ("", *plan.launder):
            left = PostProcess.parse(step).size(side, side)[0] if step else side
            if left < one.card.min_side:
                after = f"--launder {step}: {left} of " if step else ""
                raise PlanError(
                    f"{after}--size {side}: {one.name} takes images of at least "
                    f"{one.card.min_side} pixels a side; leave one of them out"
                )


def inpaint_fingerprint(resolved: ResolvedPlan, inpainter: ResolvedModel, sample: SampleRef) -> str:
    """What decides an inpainter's answer to one sample alone: of finished images the file's hash,
    of what may go by names these.
    """
    made = resolved.image_folders.get(inpainter.name)
    if made is not None:
        return made.own(piece_of(sample, _NOTHING), resolved.terms())
    return names_of(sample) if inpainter.card.by_name else ""


def detect_fingerprint(
    resolved: ResolvedPlan, detector: ResolvedModel, sample: SampleRef, painter: str
) -> str:
    """The same of a detector and what one inpainter made of a sample.

    Args:
        resolved: the resolved plan.
        detector: who looks.
        sample: what was inpainted.
        painter: the inpainter in names of files, such as "telea+grain-1.5".
    """
    made = resolved.heatmap_folders.get(detector.name)
    if made is not None:
        return made.own(piece_of(sample, _NOTHING, inpainter=painter), resolved.terms())
    return names_of(sample, painter) if detector.card.by_name else ""


def resolve_models(
    registry: Registry[Any], names: Sequence[str], plan: Plan
) -> tuple[ResolvedModel, ...]:
    """Models of a plan with their weights; those that have none here are marked absent.

    Raises:
        WeightsError: if all of them are absent, or weights that the plan names cannot be used.
    """
    found = tuple(_choice(registry, name, plan) for name in names)
    if found and all(model.absent for model in found):
        raise MissingWeights(found[0].absent)
    return found


def refuse_retired(plan: Plan) -> None:
    """Refuse to run a plan of a model that this version no longer has.

    Raises:
        RetiredName: naming the first.
    """
    for registry, words in ((INPAINTERS, plan.inpainters), (DETECTORS, plan.detectors)):
        for retired in filter(None, map(registry.retired, words)):
            raise retired.error()


def _choice(registry: Registry[Any], word: str, plan: Plan) -> ResolvedModel:
    card = registry.card(word)
    wanted = plan.weights.get(card.name)
    chosen = ResolvedModel(
        name=card.name,
        card=card,
        weights=Weights(edition="absent"),
        word=word,
        source=registry.decides(word),
        distribution=registry.find(word).distribution,
    )
    retired = registry.retired(word)
    if retired is not None and wanted in (None, "mini"):  # the weights are gone, their keys are not
        kept = Weights(edition="mini", sha256=retired.mini)
        return replace(chosen, weights=kept, precision=plan.precision, compiled=plan.compile)
    try:
        chosen = replace(chosen, weights=find_weights(card, wanted))
    except MissingWeights as error:
        if wanted is not None:
            raise
        return replace(chosen, absent=str(error))
    if card.weightless and not chosen.source:  # nothing to tune, and nothing to compute anew
        return chosen
    return replace(chosen, precision=plan.precision, compiled=plan.compile)


def _made_elsewhere(inpainters: Iterable[ResolvedModel], plan: Plan) -> dict[str, Outputs]:
    """The folders of finished images among a plan's inpainters."""
    words = {one.name: one.word for one in inpainters if one.card.finished}
    if words and plan.hole_blind:
        raise PlanError(f"{next(iter(words))}: its images are made already; no --hole-blind")
    return {name: cast("Outputs", create_inpainter(word)) for name, word in words.items()}


def _said_elsewhere(detectors: Iterable[ResolvedModel]) -> dict[str, Heatmaps]:
    """The folders of heatmaps among a plan's detectors."""
    words = {one.name: one.word for one in detectors if one.card.finished}
    return {name: cast("Heatmaps", create_detector(word)) for name, word in words.items()}
